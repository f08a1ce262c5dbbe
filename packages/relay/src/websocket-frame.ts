/**
 * The framing of RFC 6455, section 5.2, for the one kind of frame a relay sends: final, binary, unmasked. Header and
 * payload share one buffer, so that the same bytes can be written to every session.
 */

/** FIN bit and opcode 2. */
const FINAL_BINARY = 0x82;
const LENGTH_IN_HEADER_MAX = 125;
const LENGTH_16 = 126;
const LENGTH_64 = 127;

/** Wraps a payload that is given in parts, in order. */
export function buildBinaryFrame(...parts: readonly Uint8Array[]): Uint8Array {
  let payloadBytes = 0;
  for (const part of parts) payloadBytes += part.length;
  const headerBytes = payloadBytes <= LENGTH_IN_HEADER_MAX ? 2 : payloadBytes <= 0xffff ? 4 : 10;
  const frame = new Uint8Array(headerBytes + payloadBytes);
  writeHeader(frame, headerBytes, payloadBytes);
  let at = headerBytes;
  for (const part of parts) {
    frame.set(part, at);
    at += part.length;
  }
  return frame;
}

function writeHeader(frame: Uint8Array, headerBytes: number, payloadBytes: number): void {
  frame[0] = FINAL_BINARY;
  frame[1] = headerBytes === 2 ? payloadBytes : headerBytes === 4 ? LENGTH_16 : LENGTH_64;
  // Network byte order, from the last header byte backwards; division, because shifts end at 32 bits.
  let rest = payloadBytes;
  for (let at = headerBytes - 1; at > 1; at--) {
    frame[at] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}
