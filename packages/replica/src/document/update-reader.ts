/**
 * Reads the structs of a Yjs update one after the other without building them: yjs 13, src/structs/ and
 * UpdateDecoderV1 in src/utils/UpdateDecoder.js, says how they are written.
 */
import { decodeUtf8 } from "lib0/string";
import { ByteReader } from "./byte-reader.ts";
import { ROOT_NAME_BYTES_MAX, VALUE_DEPTH_MAX } from "./update-limits.ts";

// The info byte of a struct: content kind in the low five bits, then what follows it.
const CONTENT_KIND = 0x1f;
const HAS_PARENT_KEY = 0x20;
const HAS_RIGHT_ORIGIN = 0x40;
const HAS_ORIGIN = 0x80;

const GC = 0;
const DELETED = 1;
const JSON_VALUES = 2;
const BINARY = 3;
const STRING = 4;
const EMBED = 5;
const FORMAT = 6;
const TYPE = 7;
const ANY = 8;
const SUBDOCUMENT = 9;
const SKIP = 10;

// Shared types, by their number in TYPE content.
const XML_ELEMENT = 3;
const XML_HOOK = 5;
const XML_TEXT = 6;

const PROTO = asciiBytes("__proto__");
const UNDEFINED = asciiBytes("undefined");

export class UpdateReader extends ByteReader {
  /** Of the struct read last: it leaves clocks out. */
  skipped = false;
  /** Of the struct read last: it is GC or deleted content. */
  dead = false;
  /** Of the struct read last: it refers to a struct of another client. */
  dependent = false;

  /** Skips the struct of `client` at `clock` and returns its length in clocks, which may be 0. Sets the three flags. */
  skipStruct(client: number, clock: number): number {
    const info = this.readByte();
    const kind = info & CONTENT_KIND;
    this.skipped = kind === SKIP;
    this.dead = kind === GC || kind === DELETED;
    this.dependent = false;
    if (kind === GC || kind === SKIP) {
      // Yjs ignores further bits in some places and not in others.
      if (info !== kind) this.fail("struct with stray bits");
      return this.readClock();
    }
    if (kind > SKIP) this.fail(`unknown struct ${kind}`);
    if ((info & HAS_ORIGIN) !== 0) this.skipReference(client, clock);
    if ((info & HAS_RIGHT_ORIGIN) !== 0) this.skipReference(client, clock);
    if ((info & (HAS_ORIGIN | HAS_RIGHT_ORIGIN)) === 0) {
      this.skipParent(client, clock);
      if ((info & HAS_PARENT_KEY) !== 0) this.skipText();
    }
    return this.skipContent(kind);
  }

  private skipReference(client: number, clock: number): void {
    const target = this.readClient();
    const targetClock = this.readClock();
    if (target !== client) this.dependent = true;
    else if (targetClock >= clock) this.fail("struct refers to itself or to a later one");
  }

  private skipParent(client: number, clock: number): void {
    const named = this.readByte();
    if (named === 0) {
      this.skipReference(client, clock);
      return;
    }
    if (named !== 1) this.fail("neither a root nor a parent");
    const start = this.offset;
    this.skipText(ROOT_NAME_BYTES_MAX);
    if (this.isText(start, PROTO)) this.fail("root named __proto__");
  }

  private skipContent(kind: number): number {
    switch (kind) {
      case DELETED:
        return this.readClock();
      case JSON_VALUES: {
        const count = this.readCount(1, "values");
        for (let index = 0; index < count; index++) this.skipJson(true);
        return count;
      }
      case BINARY:
        this.skip(this.readVarUint());
        return 1;
      case STRING:
        return this.skipText();
      case EMBED:
        this.skipJson(false);
        return 1;
      case FORMAT:
        this.skipText();
        this.skipJson(false);
        return 1;
      case TYPE: {
        const type = this.readByte();
        if (type > XML_TEXT) this.fail(`unknown shared type ${type}`);
        if (type === XML_ELEMENT || type === XML_HOOK) this.skipText();
        return 1;
      }
      case ANY: {
        const count = this.readCount(1, "values");
        for (let index = 0; index < count; index++) this.skipAny(1);
        return count;
      }
      case SUBDOCUMENT:
        this.skipText();
        this.skipSubdocumentOptions();
        return 1;
      default:
        return this.fail(`unknown content ${kind}`);
    }
  }

  /** JSON text. Where `undefinedToo`, the bare word "undefined" is a value, as Yjs writes it. */
  private skipJson(undefinedToo: boolean): void {
    const start = this.offset;
    const length = this.readVarUint();
    const from = this.offset;
    this.skip(length);
    if (undefinedToo && this.isText(start, UNDEFINED)) return;
    this.checkJsonDepth(from, this.offset);
    try {
      JSON.parse(decodeUtf8(this.bytes.subarray(from, this.offset)));
    } catch {
      this.fail("not JSON");
    }
  }

  /** Runs before the text is parsed, because parsing deep text recurses. */
  private checkJsonDepth(from: number, to: number): void {
    let depth = 0;
    let quoted = false;
    for (let index = from; index < to; index++) {
      const byte = this.bytes[index] as number;
      if (quoted) {
        if (byte === 0x5c) index++;
        else if (byte === 0x22) quoted = false;
      } else if (byte === 0x22) quoted = true;
      else if (byte === 0x5b || byte === 0x7b) {
        if (++depth > VALUE_DEPTH_MAX) this.fail(`JSON nested deeper than ${VALUE_DEPTH_MAX}`);
      } else if (byte === 0x5d || byte === 0x7d) depth--;
    }
  }

  /** lib0's tagged values: lib0 0.2, src/encoding.js, writeAny. */
  private skipAny(depth: number): void {
    if (depth > VALUE_DEPTH_MAX) this.fail(`value nested deeper than ${VALUE_DEPTH_MAX}`);
    const tag = this.readByte();
    switch (tag) {
      case 127: // undefined
      case 126: // null
      case 121: // false
      case 120: // true
        return;
      case 125:
        return this.skipVarInt();
      case 124: // float32
        return this.skip(4);
      case 123: // float64
      case 122: // bigint
        return this.skip(8);
      case 119:
        this.skipText();
        return;
      case 118: {
        const count = this.readCount(2, "entries");
        for (let index = 0; index < count; index++) {
          const start = this.offset;
          this.skipText();
          if (this.isText(start, PROTO)) this.fail("value with the key __proto__");
          this.skipAny(depth + 1);
        }
        return;
      }
      case 117: {
        const count = this.readCount(1, "values");
        for (let index = 0; index < count; index++) this.skipAny(depth + 1);
        return;
      }
      case 116:
        return this.skip(this.readVarUint());
      default:
        this.fail(`unknown value ${tag}`);
    }
  }

  /**
   * Options of a subdocument become arguments of its Y.Doc: they must be an object whose switches are booleans, and
   * must neither rename the document nor stand where Yjs expects a function.
   */
  private skipSubdocumentOptions(): void {
    if (this.readByte() !== 118) this.fail("subdocument options that are no object");
    const count = this.readCount(2, "options");
    for (let index = 0; index < count; index++) {
      const start = this.offset;
      this.skipText(ROOT_NAME_BYTES_MAX);
      if (REFUSED_OPTIONS.some((name) => this.isText(start, name))) {
        this.fail("subdocument option that is not its owner's to set");
      }
      if (SWITCHES.some((name) => this.isText(start, name))) {
        const tag = this.readByte();
        if (tag !== 120 && tag !== 121) this.fail("subdocument switch that is no boolean");
      } else {
        this.skipAny(2);
      }
    }
  }

  /** True when the length-prefixed string at `start`, already read, is this text. */
  private isText(start: number, text: Uint8Array): boolean {
    if (this.offset - start !== text.length + 1) return false;
    for (let index = 0; index < text.length; index++) {
      if (this.bytes[start + 1 + index] !== text[index]) return false;
    }
    return true;
  }
}

const REFUSED_OPTIONS = ["__proto__", "guid", "gcFilter", "collectionid"].map(asciiBytes);
const SWITCHES = ["gc", "autoLoad", "shouldLoad"].map(asciiBytes);

function asciiBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
