/**
 * A log row's segments as bytes: one after the other, each a source byte, then principal (UTF-8) and update, both behind their
 * length as an LEB128 varint. No segments, no bytes: that is a deletion. The format is part of the schema version.
 */
import type { LogSegment, SegmentSource } from "@yarrow/replica";
import { assert } from "@yarrow/protocol";

/** The place in this list is the byte on disk: append only. */
const SOURCES: readonly SegmentSource[] = ["local", "broadcast", "repair"];

const LENGTH_BYTES_MAX = 5;

export function encodeSegments(segments: readonly LogSegment[]): Buffer {
  let bound = 0;
  // A UTF-16 code unit takes at most three bytes of UTF-8.
  for (const { principal, update } of segments) {
    bound += 1 + 2 * LENGTH_BYTES_MAX + principal.length * 3 + update.length;
  }
  const bytes = Buffer.allocUnsafe(bound);
  let at = 0;
  for (const { source, principal, update } of segments) {
    const code = SOURCES.indexOf(source);
    assert(code >= 0, "a segment has a known source");
    bytes[at++] = code;
    at = writeLength(bytes, at, principal === "" ? 0 : Buffer.byteLength(principal));
    if (principal !== "") at += bytes.write(principal, at);
    at = writeLength(bytes, at, update.length);
    bytes.set(update, at);
    at += update.length;
  }
  return bytes.subarray(0, at);
}

/** The segments, as views into `bytes`; undefined when these are no segments. */
export function decodeSegments(bytes: Uint8Array): LogSegment[] | undefined {
  const segments: LogSegment[] = [];
  const cursor = { at: 0 };
  while (cursor.at < bytes.length) {
    const source = SOURCES[bytes[cursor.at++] ?? SOURCES.length];
    const principal = readBytes(bytes, cursor);
    const update = readBytes(bytes, cursor);
    if (source === undefined || principal === undefined || update === undefined) return undefined;
    segments.push({ source, principal: principal.length === 0 ? "" : utf8.decode(principal), update });
  }
  return segments;
}

const utf8 = new TextDecoder();

/** Returns where to go on. */
function writeLength(bytes: Uint8Array, start: number, length: number): number {
  let at = start;
  for (let rest = length; ; rest >>>= 7) {
    if (rest <= 0x7f) {
      bytes[at] = rest;
      return at + 1;
    }
    bytes[at++] = (rest & 0x7f) | 0x80;
  }
}

function readBytes(bytes: Uint8Array, cursor: { at: number }): Uint8Array | undefined {
  let length = 0;
  for (let scale = 1; ; scale *= 0x80) {
    const byte = bytes[cursor.at++];
    if (byte === undefined || scale > 2 ** 28) return undefined;
    length += (byte & 0x7f) * scale;
    if (byte < 0x80) break;
  }
  const start = cursor.at;
  cursor.at += length;
  return cursor.at <= bytes.length ? bytes.subarray(start, cursor.at) : undefined;
}
