/** WebSocket frames as the relay builds them: final, binary, unmasked. */
export function buildBinaryFrame(payload: Uint8Array): Uint8Array {
  const header = Buffer.alloc(10);
  header.writeUInt8(0x82, 0);
  header.writeUInt8(127, 1);
  header.writeBigUInt64BE(BigInt(payload.length), 2);
  if (payload.length > 0xffff) return Buffer.concat([header, payload]);
  if (payload.length > 125)
    return Buffer.concat([Buffer.of(0x82, 126, payload.length >> 8, payload.length & 255), payload]);
  return Buffer.concat([Buffer.of(0x82, payload.length), payload]);
}
