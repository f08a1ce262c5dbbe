/**
 * Rewrites stored updates as one snapshot without the content of what was deleted.
 *
 * Integrating in a Y.Doc deletes more than updates say (the losers of concurrent map writes, for example), and a
 * snapshot that said so would be a write of its own. So only what the given delete set names is collected, and the
 * result is checked against it; where the check fails the updates are merely merged.
 */
import * as Y from "yjs";
import { loadDoc } from "./load-doc.ts";
import { mergeUpdates, updateOfDeletes } from "./merge.ts";
import { Ranges } from "./ranges.ts";
import { scanUpdate, type ScannedUpdate } from "./scan-update.ts";
import { replaceDeleteSet } from "./split-update.ts";
import { MERGED_LIMITS } from "./update-limits.ts";

/** The snapshot: same state vector, and exactly the given delete set (encoded as in an update). */
export function compactUpdates(parts: readonly Uint8Array[], deleteSet: Uint8Array): Uint8Array {
  const deletes = decodeDeletes(deleteSet);
  const snapshot = collected(parts, deleteSet, deletes);
  return snapshot ?? replaceDeleteSet(scanUpdate(mergeUpdates(parts), MERGED_LIMITS), deleteSet);
}

function collected(
  parts: readonly Uint8Array[],
  deleteSet: Uint8Array,
  deletes: ReadonlyMap<number, Ranges>,
): Uint8Array | undefined {
  const names = ({ id, length }: Y.Item) => deletes.get(id.client)?.contains(id.clock, id.clock + length) === true;
  let scanned: ScannedUpdate;
  let clocks: ReadonlyMap<number, number>;
  try {
    const doc = loadDoc(parts, deleteSet, { gc: true, gcFilter: (item) => namesAll(item, names) });
    if (doc.store.pendingStructs !== null || doc.store.pendingDs !== null) return undefined;
    clocks = clocksOf(parts);
    scanned = scanUpdate(Y.encodeStateAsUpdate(doc), MERGED_LIMITS);
  } catch {
    // Content that Yjs cannot integrate or write can still be merged.
    return undefined;
  }
  if (scanned.sections.length !== clocks.size) return undefined;
  for (const { client, start, end } of scanned.sections) {
    if (start !== 0 || clocks.get(client) !== end) return undefined;
  }
  for (const { client, ranges } of scanned.implied) {
    if (deletes.get(client)?.containsAll(Ranges.from(ranges)) !== true) return undefined;
  }
  return replaceDeleteSet(scanned, deleteSet);
}

/** Collecting a type collects all that is in it, so all of that must be named as well. */
function namesAll(item: Y.Item, names: (item: Y.Item) => boolean): boolean {
  const waiting = [item];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (!names(next)) return false;
    if (!(next.content instanceof Y.ContentType)) continue;
    const { type } = next.content;
    for (let inner = type._start; inner !== null; inner = inner.right) waiting.push(inner);
    for (const entry of type._map.values()) {
      for (let inner: Y.Item | null = entry; inner !== null; inner = inner.left) waiting.push(inner);
    }
  }
  return true;
}

function clocksOf(parts: readonly Uint8Array[]): Map<number, number> {
  const clocks = new Map<number, number>();
  for (const part of parts) {
    for (const { client, end } of scanUpdate(part, MERGED_LIMITS).sections) {
      if (end > (clocks.get(client) ?? 0)) clocks.set(client, end);
    }
  }
  return clocks;
}

function decodeDeletes(deleteSet: Uint8Array): Map<number, Ranges> {
  const deletes = new Map<number, Ranges>();
  const { deletes: scanned } = scanUpdate(updateOfDeletes(deleteSet), MERGED_LIMITS);
  for (const { client, ranges } of scanned) deletes.set(client, Ranges.from(ranges));
  return deletes;
}
