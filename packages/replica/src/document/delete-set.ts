/**
 * Delete sets as they stand at the end of a Yjs update (encoding V1): count of clients, then per client its id, count
 * of ranges, and per range clock and length. Written as Yjs writes them, by descending client, so that equal sets are
 * equal bytes.
 */
import * as encoding from "lib0/encoding";
import type { Ranges } from "./ranges.ts";

/** Deleted ranges by client. */
export type DeleteSet = ReadonlyMap<number, Ranges>;

/** `filter` picks the clients to write; without it, all. */
export function encodeDeleteSet(deletes: DeleteSet, filter?: (client: number) => boolean): Uint8Array {
  const encoder = encoding.createEncoder();
  const chosen = [...deletes].filter(([client, ranges]) => ranges.size > 0 && (filter === undefined || filter(client)));
  chosen.sort(([left], [right]) => right - left);
  encoding.writeVarUint(encoder, chosen.length);
  for (const [client, ranges] of chosen) {
    const flat = ranges.view();
    encoding.writeVarUint(encoder, client);
    encoding.writeVarUint(encoder, flat.length / 2);
    for (let index = 0; index < flat.length; index += 2) {
      const start = flat[index] as number;
      encoding.writeVarUint(encoder, start);
      encoding.writeVarUint(encoder, (flat[index + 1] as number) - start);
    }
  }
  return encoding.toUint8Array(encoder);
}

/** Adds ranges (sorted, possibly touching) to a client's. */
export function addRanges(deletes: Map<number, Ranges>, client: number, ranges: Ranges): void {
  if (ranges.size === 0) return;
  const known = deletes.get(client);
  if (known === undefined) deletes.set(client, ranges.clone());
  else known.addAll(ranges);
}
