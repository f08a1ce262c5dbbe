/**
 * Strict reading of lib0's variable-length encodings: minimal forms only, never past the end, never beyond what a
 * number can hold. One byte string therefore has one meaning, here and in Yjs.
 */
import { YarrowError, type YarrowErrorCode } from "@yarrow/protocol";
import { CLIENT_ID_MAX, CLOCK_MAX } from "./update-limits.ts";

/** Place value of the eighth byte of a variable-length number; a ninth would exceed 53 bits. */
const LAST_PLACE = 2 ** 49;

export class ByteReader {
  readonly bytes: Uint8Array;
  offset = 0;
  private readonly code: YarrowErrorCode;

  /** All complaints carry `code`. */
  constructor(bytes: Uint8Array, code: YarrowErrorCode) {
    this.bytes = bytes;
    this.code = code;
  }

  fail(reason: string): never {
    throw new YarrowError(this.code, `${reason} at byte ${this.offset} of ${this.bytes.length}`);
  }

  remaining(): number {
    return this.bytes.length - this.offset;
  }

  readByte(): number {
    if (this.offset >= this.bytes.length) this.fail("ends too early");
    return this.bytes[this.offset++] as number;
  }

  readVarUint(): number {
    const { bytes } = this;
    let offset = this.offset;
    if (offset >= bytes.length) this.fail("ends too early");
    let byte = bytes[offset++] as number;
    if (byte < 0x80) {
      this.offset = offset;
      return byte;
    }
    let value = byte & 0x7f;
    for (let place = 0x80; ; place *= 0x80) {
      if (offset >= bytes.length) this.fail("ends too early");
      if (place > LAST_PLACE) this.fail("number too long");
      byte = bytes[offset++] as number;
      value += (byte & 0x7f) * place;
      if (byte < 0x80) break;
    }
    if (byte === 0) this.fail("number not in its shortest form");
    if (value > Number.MAX_SAFE_INTEGER) this.fail("number too large");
    this.offset = offset;
    return value;
  }

  /** lib0's signed form: the first byte holds 6 bits and the sign. */
  skipVarInt(): void {
    let byte = this.readByte();
    if (byte < 0x80) return;
    let value = byte & 0x3f;
    for (let place = 0x40; byte >= 0x80; place *= 0x80) {
      if (place > LAST_PLACE) this.fail("number too long");
      byte = this.readByte();
      value += (byte & 0x7f) * place;
    }
    if (byte === 0) this.fail("number not in its shortest form");
    if (value > Number.MAX_SAFE_INTEGER) this.fail("number too large");
  }

  readClient(): number {
    const client = this.readVarUint();
    if (client > CLIENT_ID_MAX) this.fail("client id too large");
    return client;
  }

  readClock(): number {
    const clock = this.readVarUint();
    if (clock > CLOCK_MAX) this.fail("clock too large");
    return clock;
  }

  /** A count of things of at least `bytesEach` bytes that are said to follow. */
  readCount(bytesEach: number, what: string): number {
    const count = this.readVarUint();
    if (count > this.remaining() / bytesEach) this.fail(`more ${what} announced than bytes follow`);
    return count;
  }

  skip(length: number): void {
    if (length > this.remaining()) this.fail("ends too early");
    this.offset += length;
  }

  /**
   * Skips a length-prefixed string, which must be valid UTF-8, and returns its length in UTF-16 units: the length Yjs
   * counts.
   */
  skipText(bytesMax = Number.MAX_SAFE_INTEGER): number {
    const length = this.readVarUint();
    if (length > this.remaining()) this.fail("string longer than what follows");
    if (length > bytesMax) this.fail(`string of ${length} bytes exceeds ${bytesMax}`);
    const { bytes } = this;
    const end = this.offset + length;
    let units = 0;
    while (this.offset < end) {
      // Letters of the ASCII range first: they are nearly all of what is written.
      if ((bytes[this.offset] as number) < 0x80) {
        this.offset++;
        units++;
      } else {
        units += this.skipWideCharacter(end);
      }
    }
    return units;
  }

  /**
   * Unicode 15, table 3-7: well-formed UTF-8 byte sequences of two to four bytes. Returns the length in UTF-16 units.
   */
  private skipWideCharacter(end: number): number {
    const { bytes, offset } = this;
    const first = bytes[offset] as number;
    const size = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    if (size === 0 || offset + size > end) this.fail("not UTF-8");
    const second = bytes[offset + 1] as number;
    const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    if (second < low || second > high) this.fail("not UTF-8");
    for (let index = 2; index < size; index++) {
      if (((bytes[offset + index] as number) & 0xc0) !== 0x80) this.fail("not UTF-8");
    }
    this.offset = offset + size;
    return size === 4 ? 2 : 1;
  }
}
