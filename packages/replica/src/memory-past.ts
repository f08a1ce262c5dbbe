/** What the memory store knows of the past: rows by their time, incarnations by their number, and the sweep of those that ended. */
import type { Incarnation } from "@yarrow/protocol";
import { incarnationKey, snapshotKey } from "./memory-rows.ts";
import type { MemoryRows } from "./memory-rows.ts";
import type { ArrivalRow, ArrivalSequence, ChangeRow, DocumentId, LogRow } from "./store.ts";

export function lastArrivalMs(rows: MemoryRows): number {
  const last = rows.log.lastKey();
  return Math.max(rows.single.prunedMs, last === undefined ? 0 : (rows.log.get(last)?.arrivedMs ?? 0));
}

/** Clocks of earlier releases stepped back, so the rows before a time need not be the first rows. */
export function lastSequenceBefore(
  rows: MemoryRows,
  document: DocumentId,
  incarnation: Incarnation,
  arrivedMs: number,
): ArrivalSequence {
  const arrivals = rows.arrivals(document, incarnation);
  let last: ArrivalSequence = 0;
  for (const sequence of arrivals.keysAfter(undefined)) {
    if ((arrivals.get(sequence) ?? 0) < arrivedMs) last = sequence;
  }
  return last;
}

export function readLogBefore(
  rows: MemoryRows,
  document: DocumentId,
  before: ArrivalSequence,
  limit: number,
): LogRow[] {
  const found: LogRow[] = [];
  for (const incarnation of rows.incarnations(document)) {
    for (const sequence of [...rows.arrivals(document, incarnation).keysAfter(undefined)].reverse()) {
      if (found.length >= limit) return found;
      const row = rows.log.get(sequence);
      if (row !== undefined && sequence < before) found.push(row);
    }
  }
  return found;
}

export function incarnationBefore(rows: MemoryRows, document: DocumentId, below: Incarnation): Incarnation {
  for (const incarnation of rows.incarnations(document)) {
    if (incarnation >= below) continue;
    if (rows.arrivals(document, incarnation).size > 0) return incarnation;
    for (const kind of ["head", "base"] as const) {
      if (rows.snapshots.get(snapshotKey(document, incarnation, kind)) !== undefined) return incarnation;
    }
  }
  return 0;
}

export function sweepDead(rows: MemoryRows, arrivedMs: number, limit: number): number {
  const due = [...rows.ended.valuesAfter(undefined)].filter((row) => row.endedMs < arrivedMs);
  due.sort((a, b) => a.endedMs - b.endedMs || a.document - b.document || a.incarnation - b.incarnation);
  const swept = new Set<DocumentId>();
  for (const { document, incarnation, endedMs } of due) {
    if (!swept.has(document) && swept.size >= limit) break;
    swept.add(document);
    rows.prune(document, incarnation, Number.MAX_SAFE_INTEGER);
    for (const kind of ["head", "base"] as const) rows.snapshots.delete(snapshotKey(document, incarnation, kind));
    rows.ended.delete(incarnationKey(document, incarnation));
    // It was there until it ended: only from then on can the document's past be told without it.
    rows.forgetThrough(endedMs);
  }
  return swept.size;
}

export function arrivalOf({ sequence, incarnation, arrivedMs, name }: ChangeRow): ArrivalRow {
  return { sequence, incarnation, arrivedMs, name };
}
