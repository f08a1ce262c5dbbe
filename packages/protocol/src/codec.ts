/**
 * Messages as bytes. A frame on a link holds one or more messages, each with its length before it, so that a release can
 * skip message types it does not know:
 *
 *     frame   = { varUint length, message }+
 *     message = type byte, body
 *
 * Numbers are varUints in shortest form, ids are raw bytes, texts are length-prefixed UTF-8, lists are counted. A body may
 * be longer than this release expects: later releases append fields, and the rest is ignored. The bytes of every type are
 * pinned by `test/golden.ts`.
 */
import * as encoding from "lib0/encoding";
import type { Message } from "./message.ts";
import { Reader } from "./reader.ts";
import { decodeBody, TYPE_CODES } from "./decode-body.ts";
import { encodeBody } from "./encode-body.ts";
import { LINK_FRAME_BYTES_MAX } from "./limits.ts";
import { YarrowError } from "./error.ts";

/** One message: its type byte and body, without the length before it. */
export function encodeMessage(message: Message): Uint8Array {
  const encoder = encoding.createEncoder();
  encoding.writeUint8(encoder, TYPE_CODES[message.type]);
  encodeBody(encoder, message);
  return encoding.toUint8Array(encoder);
}

/** Reads one encoded message. Returns undefined for a type this release does not know. Throws YARROW_FRAME_INVALID. */
export function decodeMessage(bytes: Uint8Array): Message | undefined {
  const reader = new Reader(bytes);
  return decodeBody(reader.byte(), reader);
}

/** Puts encoded messages into one frame. */
export function encodeFrame(messages: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  for (const message of messages) size += lengthPrefixBytes(message.length) + message.length;
  const frame = new Uint8Array(size);
  let at = 0;
  for (const message of messages) {
    let length = message.length;
    while (length >= 0x80) {
      frame[at++] = (length & 0x7f) | 0x80;
      length = Math.floor(length / 128);
    }
    frame[at++] = length;
    frame.set(message, at);
    at += message.length;
  }
  return frame;
}

/**
 * Reads a frame; messages of unknown type are skipped. The messages share memory with the frame.
 * Throws YARROW_FRAME_INVALID, YARROW_FRAME_TOO_LARGE.
 */
export function decodeFrame(frame: Uint8Array): Message[] {
  if (frame.length > LINK_FRAME_BYTES_MAX) {
    throw new YarrowError(
      "YARROW_FRAME_TOO_LARGE",
      `frame of ${frame.length} bytes from a peer is over the limit of ${LINK_FRAME_BYTES_MAX}`,
    );
  }
  const reader = new Reader(frame);
  const messages: Message[] = [];
  if (reader.remaining === 0) reader.fail("empty frame");
  while (reader.remaining > 0) {
    const length = reader.varUint();
    if (length === 0 || length > reader.remaining) reader.fail("message length beyond the frame");
    const start = reader.position;
    const body = new Reader(frame, start, start + length);
    const message = decodeBody(body.byte(), body);
    if (message !== undefined) messages.push(message);
    reader.position = start + length;
  }
  return messages;
}

function lengthPrefixBytes(length: number): number {
  let bytes = 1;
  for (let rest = length; rest >= 0x80; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}
