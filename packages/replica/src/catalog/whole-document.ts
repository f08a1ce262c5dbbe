/**
 * A small document as one update, straight from its rows: no lattice is folded and no entry enters the cache. Merging keeps every
 * deletion, because accepted updates name all of theirs explicitly. This is how a set is streamed to an empty replica.
 */
import { isAlive } from "@yarrow/protocol";
import { mergeUpdates } from "../document/merge.ts";
import type { DocumentRow, Store } from "../store.ts";

const ROWS_MAX = 512;

/** Undefined where this is not the way: the document is large, damaged, or in more rows than one read. */
export function wholeDocument(store: Store, row: DocumentRow, bytesMax: number): Uint8Array | undefined {
  if (!isAlive(row.incarnation)) return new Uint8Array(0);
  if (row.quarantined || row.headBytes + row.tailBytes > bytesMax) return undefined;
  const only = onlyRow(store, row);
  if (only !== undefined) return only;
  const head = row.headBytes === 0 ? undefined : store.readSnapshot(row.id, row.incarnation, "head");
  if (row.headBytes > 0 && head?.update === undefined) return undefined;
  const parts = head?.update === undefined ? [] : [head.update];
  const rows = store.readLog(row.id, row.incarnation, head?.sequence ?? 0, ROWS_MAX);
  if (rows.length === ROWS_MAX) return undefined;
  for (const { segments } of rows) {
    if (segments === undefined) return undefined;
    for (const segment of segments) parts.push(segment.update);
  }
  return parts.length === 0 ? new Uint8Array(0) : mergeUpdates(parts);
}

/**
 * What a document holds whose only row is its last, as with most documents of a large set: one look-up by number in place of one by
 * document. Undefined where it has more, or that row is damaged.
 */
function onlyRow(store: Store, row: DocumentRow): Uint8Array | undefined {
  if (row.headBytes > 0 || row.tailBytes === 0) return undefined;
  const last = store.readLogRow(row.lastSequence);
  if (last?.segments?.length !== 1 || last.document !== row.id || last.incarnation !== row.incarnation)
    return undefined;
  const update = last.segments[0]!.update;
  return update.length === row.tailBytes ? update : undefined;
}
