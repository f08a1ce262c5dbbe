/** Client ids of Yjs. */
import { randomBytes } from "node:crypto";

/** 53 random bits: as many as Yjs carries. Two of the same would be one writer to Yjs. */
export function randomClientId(): number {
  const bytes = randomBytes(7);
  return bytes.readUIntBE(1, 6) + (bytes.readUInt8(0) % 32) * 2 ** 48;
}
