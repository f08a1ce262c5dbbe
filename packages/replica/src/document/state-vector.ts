/**
 * State vectors in Yjs's encoding: count of clients, then per client its id and clock.
 */
import * as encoding from "lib0/encoding";
import { ByteReader } from "./byte-reader.ts";
import { STATE_VECTOR_CLIENTS_MAX } from "./update-limits.ts";

/** By descending client, as Yjs writes it: equal vectors are equal bytes. */
export function encodeStateVector(clocks: ReadonlyMap<number, number>): Uint8Array {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, clocks.size);
  for (const [client, clock] of [...clocks].sort(([left], [right]) => right - left)) {
    encoding.writeVarUint(encoder, client);
    encoding.writeVarUint(encoder, clock);
  }
  return encoding.toUint8Array(encoder);
}

/**
 * Reads a state vector from outside, clients in any order; clients at clock 0 are left out.
 * Throws YARROW_FRAME_INVALID when it is malformed, names a client twice, or is too large.
 */
export function decodeStateVector(bytes: Uint8Array): Map<number, number> {
  const reader = new ByteReader(bytes, "YARROW_FRAME_INVALID");
  const count = reader.readCount(2, "clients");
  if (count > STATE_VECTOR_CLIENTS_MAX) reader.fail(`${count} clients exceed ${STATE_VECTOR_CLIENTS_MAX}`);
  const clocks = new Map<number, number>();
  for (let index = 0; index < count; index++) {
    const client = reader.readClient();
    if (clocks.has(client)) reader.fail("client given twice");
    clocks.set(client, reader.readClock());
  }
  if (reader.remaining() > 0) reader.fail(`${reader.remaining()} bytes left over`);
  for (const [client, clock] of clocks) if (clock === 0) clocks.delete(client);
  return clocks;
}
