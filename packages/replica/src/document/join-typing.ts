/**
 * Merges updates of plain typing by their bytes: each holds one piece of text and deletes nothing. That is most of what editors
 * send, and decoding it into Yjs's structs only to encode them again costs more than everything else a keystroke meets on its way.
 *
 * A piece goes on with the run before it when it was typed right behind it: same client, next clock, its left neighbour is the
 * run's last character, and both have the same right neighbour. Those are the conditions under which Yjs joins two items of a
 * document, so the result says the same; and it is shorter than Yjs's merge of the updates, which leaves every piece a struct of
 * its own. Anything else is left to Yjs.
 */
import * as encoding from "lib0/encoding";
import { ByteReader } from "./byte-reader.ts";

const STRUCT_REF = 0x1f;
const STRING_REF = 4;
const HAS_ORIGIN = 0x80;
const HAS_RIGHT_ORIGIN = 0x40;
const HAS_PARENT_SUB = 0x20;
const PARENT_BY_NAME = 1;

interface Piece {
  readonly client: number;
  readonly clock: number;
  /** Length in UTF-16 units, as clocks count. */
  readonly length: number;
  /** The struct from its info byte to the string's length. */
  readonly header: Uint8Array;
  readonly rightOrigin: Uint8Array;
  readonly text: Uint8Array;
  /** Typed right behind the character before it. */
  readonly follows: boolean;
}

interface Run {
  readonly first: Piece;
  readonly texts: Uint8Array[];
}

interface Section {
  readonly client: number;
  readonly clock: number;
  end: number;
  readonly runs: Run[];
}

const NOTHING = new Uint8Array(0);

/** Undefined when not all of the parts are plain typing without gaps. */
export function joinTyping(parts: readonly Uint8Array[]): Uint8Array | undefined {
  const sections = new Map<number, Section>();
  for (const part of parts) {
    const piece = readPiece(part);
    if (piece === undefined) return undefined;
    const section = sections.get(piece.client);
    if (section === undefined) {
      const { client, clock } = piece;
      sections.set(client, { client, clock, end: clock + piece.length, runs: [{ first: piece, texts: [piece.text] }] });
      continue;
    }
    if (piece.clock !== section.end) return undefined;
    section.end += piece.length;
    const run = section.runs[section.runs.length - 1] as Run;
    if (piece.follows && sameBytes(piece.rightOrigin, run.first.rightOrigin)) run.texts.push(piece.text);
    else section.runs.push({ first: piece, texts: [piece.text] });
  }
  return writeSections([...sections.values()].sort((left, right) => right.client - left.client));
}

function readPiece(part: Uint8Array): Piece | undefined {
  if (part[0] !== 1 || part[1] !== 1) return undefined;
  const reader = new ByteReader(part, "YARROW_UPDATE_INVALID");
  reader.offset = 2;
  const client = reader.readVarUint();
  const clock = reader.readVarUint();
  const headerStart = reader.offset;
  const info = reader.readByte();
  if ((info & STRUCT_REF) !== STRING_REF || (info & HAS_PARENT_SUB) !== 0) return undefined;
  let follows = false;
  if ((info & HAS_ORIGIN) !== 0) {
    const originClient = reader.readVarUint();
    follows = reader.readVarUint() === clock - 1 && originClient === client;
  }
  const rightOrigin = (info & HAS_RIGHT_ORIGIN) === 0 ? NOTHING : takeId(reader);
  if ((info & (HAS_ORIGIN | HAS_RIGHT_ORIGIN)) === 0) skipParent(reader);
  const header = part.subarray(headerStart, reader.offset);
  const textBytes = reader.readVarUint();
  const text = part.subarray(reader.offset, reader.offset + textBytes);
  // Behind the text stands nothing but an empty delete set.
  if (reader.offset + textBytes + 1 !== part.length || part[part.length - 1] !== 0) return undefined;
  return { client, clock, length: lengthInUtf16(text), header, rightOrigin, text, follows };
}

function takeId(reader: ByteReader): Uint8Array {
  const start = reader.offset;
  reader.readVarUint();
  reader.readVarUint();
  return reader.bytes.subarray(start, reader.offset);
}

function skipParent(reader: ByteReader): void {
  if (reader.readVarUint() !== PARENT_BY_NAME) return void takeId(reader);
  const nameBytes = reader.readVarUint();
  reader.offset += nameBytes;
}

/** Bytes that begin a character count one, those that begin one beyond the basic plane two. */
function lengthInUtf16(text: Uint8Array): number {
  let length = 0;
  for (const byte of text) {
    if ((byte & 0xc0) !== 0x80) length += byte >= 0xf0 ? 2 : 1;
  }
  return length;
}

function writeSections(sections: readonly Section[]): Uint8Array {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, sections.length);
  for (const { client, clock, runs } of sections) {
    encoding.writeVarUint(encoder, runs.length);
    encoding.writeVarUint(encoder, client);
    encoding.writeVarUint(encoder, clock);
    for (const { first, texts } of runs) {
      encoding.writeUint8Array(encoder, first.header);
      let bytes = 0;
      for (const text of texts) bytes += text.length;
      encoding.writeVarUint(encoder, bytes);
      for (const text of texts) encoding.writeUint8Array(encoder, text);
    }
  }
  encoding.writeVarUint(encoder, 0);
  return encoding.toUint8Array(encoder);
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
