/** The clients that died with earlier lives of a document, as they are stored: ids ascending, each as the difference to the one before. */
import type { DocumentRow } from "@yarrow/replica";
import * as decoding from "lib0/decoding";

export function fenceOf(row: DocumentRow | undefined): Set<number> {
  const fence = new Set<number>();
  if (row?.fence === undefined) return fence;
  const decoder = decoding.createDecoder(row.fence);
  let client = 0;
  while (decoding.hasContent(decoder)) {
    client += decoding.readVarUint(decoder);
    fence.add(client);
  }
  return fence;
}
