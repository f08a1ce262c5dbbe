/**
 * Puts stored updates together, and takes from them what somebody lacks.
 */
import * as Y from "yjs";
import { addRanges, encodeDeleteSet } from "./delete-set.ts";
import { joinTyping } from "./join-typing.ts";
import { Ranges } from "./ranges.ts";
import { replaceDeleteSet } from "./split-update.ts";
import { scanUpdate } from "./scan-update.ts";
import { cutFromClocks } from "./cut-from-clocks.ts";
import { decodeStateVector } from "./state-vector.ts";
import { MERGED_LIMITS, MERGE_PARTS_MAX } from "./update-limits.ts";

/** An update that says nothing: no structs, no deletes. */
export const EMPTY_UPDATE: Uint8Array = Uint8Array.of(0, 0);

/** An update that brings only deletes. */
export function updateOfDeletes(deleteSet: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + deleteSet.length);
  bytes.set(deleteSet, 1);
  return bytes;
}

/**
 * One update with the content of all, deletes included. One part is returned as it is. The parts must have been
 * checked.
 */
export function mergeUpdates(parts: readonly Uint8Array[]): Uint8Array {
  const typed = parts.length > 1 ? joinTyping(parts) : undefined;
  if (typed !== undefined) return typed;
  let level = parts;
  while (level.length > 1) {
    const merged: Uint8Array[] = [];
    for (let index = 0; index < level.length; index += MERGE_PARTS_MAX) {
      const chunk = level.slice(index, index + MERGE_PARTS_MAX);
      merged.push(chunk.length === 1 ? (chunk[0] as Uint8Array) : Y.mergeUpdates(chunk));
    }
    level = merged;
  }
  return level[0] ?? EMPTY_UPDATE;
}

/**
 * One update in the place of several that wait. What their structs imply to be deleted is written down: where the parts hold a
 * struct in two forms, only one is kept.
 */
export function mergeWaiting(parts: readonly Uint8Array[]): Uint8Array {
  const deletes = new Map<number, Ranges>();
  for (const part of parts) {
    const { deletes: explicit, implied } = scanUpdate(part, MERGED_LIMITS);
    for (const { client, ranges } of [...explicit, ...implied]) addRanges(deletes, client, Ranges.from(ranges));
  }
  return replaceDeleteSet(scanUpdate(mergeUpdates(parts), MERGED_LIMITS), encodeDeleteSet(deletes));
}

/**
 * The structs of the parts that a state vector lacks, followed by the given delete set (encoded as in an update).
 * Throws YARROW_FRAME_INVALID when the state vector is malformed, YARROW_UPDATE_INVALID when a part is damaged.
 */
export function encodeDifference(
  parts: readonly Uint8Array[],
  encodedStateVector: Uint8Array,
  encodedDeleteSet: Uint8Array,
): Uint8Array {
  const clocks = decodeStateVector(encodedStateVector);
  const merged = scanUpdate(mergeUpdates(parts), MERGED_LIMITS);
  return clocks.size === 0
    ? replaceDeleteSet(merged, encodedDeleteSet)
    : cutFromClocks(merged, clocks, encodedDeleteSet);
}
