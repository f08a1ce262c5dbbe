/**
 * What a document was at an instant, from what its store keeps: a snapshot, and the log rows that came after it until then.
 *
 * 1. Everything that arrived at or before the instant counts, all rows of that millisecond included: each is what one batch brought.
 * 2. The past can be told from the store's `prunedThroughMs` on. Before that some rows are gone, and nothing is told of any document.
 * 3. A snapshot may begin the replay when no row between the instant and the snapshot's end is kept: then all it holds had arrived.
 */
import type { Incarnation } from "@yarrow/protocol";
import { isAlive } from "@yarrow/protocol";
import { readRows } from "../catalog/entry-loader.ts";
import type { ArrivalSequence, DocumentRow, DocumentsQuery, SnapshotRow, Store } from "../store.ts";

/** The reading part of a store, of a running replica or of a copy of one. */
export type PastStore = Pick<
  Store,
  | "readDocument"
  | "listDocuments"
  | "readLog"
  | "readLogBefore"
  | "readSnapshot"
  | "incarnationBefore"
  | "lastSequenceBefore"
  | "prunedThroughMs"
>;

export type PastDocument =
  /** Rows of that time are gone, or damaged: the past of this document can be told from `oldestMs` on. */
  | { readonly state: "gone"; readonly oldestMs: number }
  /** Nothing of that name was there yet. `firstMs`: when it came, if it ever did. */
  | { readonly state: "absent"; readonly firstMs: number | undefined }
  | PastContent;

export interface PastContent {
  readonly state: "alive" | "deleted";
  readonly row: DocumentRow;
  readonly incarnation: Incarnation;
  /** Yjs updates, encoding V1, oldest first, all deletions named in them; none when the document was deleted. */
  readonly parts: readonly Uint8Array[];
  /** The last row of this incarnation that counts; 0 = it is in a snapshot. */
  readonly through: ArrivalSequence;
  /** When that row arrived; undefined when it is gone. */
  readonly changedMs: number | undefined;
  /** Rows that count could not be read. */
  readonly damaged: boolean;
}

export interface PastListing {
  readonly name: string;
  readonly state: "alive" | "deleted";
  readonly incarnation: Incarnation;
  readonly changedMs: number | undefined;
}

export interface PastQuery extends Pick<DocumentsQuery, "prefix" | "after" | "limit"> {
  readonly deleted: boolean;
}

/** Reads the past of one document. */
export function readPast(store: PastStore, name: string, timeMs: number): PastDocument {
  const oldestMs = store.prunedThroughMs();
  if (timeMs < oldestMs) return { state: "gone", oldestMs };
  const row = store.readDocument(name);
  if (row === undefined) return { state: "absent", firstMs: undefined };
  const found = incarnationAt(store, row, timeMs);
  if (found === undefined) return { state: "absent", firstMs: firstArrival(store, row) };
  const { incarnation, through } = found;
  const changedMs = arrivalOf(store, row, incarnation, through);
  const shared = { row, incarnation, through, changedMs };
  if (!isAlive(incarnation)) return { ...shared, state: "deleted", parts: [], damaged: false };
  const start = findStart(store, row, incarnation, through);
  if (typeof start === "number") return { state: "gone", oldestMs: start };
  const parts = start?.update === undefined ? [] : [start.update];
  let damaged = false;
  for (const { sequence, segments } of readRows(store, row, incarnation, start?.sequence ?? 0)) {
    if (sequence > through) break;
    damaged ||= segments === undefined;
    for (const segment of segments ?? []) parts.push(segment.update);
  }
  return { ...shared, state: "alive", parts, damaged };
}

/** The updates of the same incarnation that arrived later. */
export function readLater(store: PastStore, { row, incarnation, through }: PastContent): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (const { segments } of readRows(store, row, incarnation, through)) {
    for (const segment of segments ?? []) parts.push(segment.update);
  }
  return parts;
}

/** A page of the documents there were, in the order of their names; undefined when that can no longer be told. */
export function listPast(store: PastStore, timeMs: number, query: PastQuery): PastListing[] | undefined {
  if (timeMs < store.prunedThroughMs()) return undefined;
  const listed: PastListing[] = [];
  const { limit, deleted, ...place } = query;
  for (let after = query.after; ;) {
    const from = after === undefined ? place : { ...place, after };
    const rows = store.listDocuments({ ...from, limit: Math.max(limit, 64), include: "all" });
    for (const row of rows) {
      const found = incarnationAt(store, row, timeMs);
      if (found === undefined || (!deleted && !isAlive(found.incarnation))) continue;
      const { incarnation, through } = found;
      const changedMs = arrivalOf(store, row, incarnation, through);
      listed.push({ name: row.name, state: isAlive(incarnation) ? "alive" : "deleted", incarnation, changedMs });
      if (listed.length >= limit) return listed;
    }
    after = rows.at(-1)?.name;
    if (after === undefined) return listed;
  }
}

interface Found {
  readonly incarnation: Incarnation;
  readonly through: ArrivalSequence;
}

/** The incarnation of the last row that counts, or of what came before all that are kept. */
function incarnationAt(store: PastStore, row: DocumentRow, timeMs: number): Found | undefined {
  let incarnation = store.incarnationBefore(row.id, row.incarnation + 1);
  for (; incarnation > 0; incarnation = store.incarnationBefore(row.id, incarnation)) {
    const through = store.lastSequenceBefore(row.id, incarnation, timeMs + 1);
    if (through > 0 || beganBefore(store, row, incarnation)) return { incarnation, through };
  }
  return undefined;
}

/** Something of an incarnation came before its oldest kept row. Looks into snapshots, which may be large, only where it must. */
function beganBefore(store: PastStore, row: DocumentRow, incarnation: Incarnation): boolean {
  const [oldest] = store.readLog(row.id, incarnation, 0, 1);
  return oldest === undefined || beginning(store, row, incarnation) !== undefined;
}

/** What came before the oldest kept row of an incarnation: its base, or a head whose rows were not kept. */
function beginning(store: PastStore, row: DocumentRow, incarnation: Incarnation): SnapshotRow | undefined {
  const base = store.readSnapshot(row.id, incarnation, "base");
  if (base !== undefined) return base;
  const head = store.readSnapshot(row.id, incarnation, "head");
  if (head === undefined) return undefined;
  const [oldest] = store.readLog(row.id, incarnation, 0, 1);
  return oldest === undefined || oldest.sequence > head.sequence ? head : undefined;
}

/** The snapshot to begin with; undefined = with the first row; a number = the past is gone before that time. */
function findStart(
  store: PastStore,
  row: DocumentRow,
  incarnation: Incarnation,
  through: ArrivalSequence,
): SnapshotRow | number | undefined {
  const [next] = store.readLog(row.id, incarnation, through, 1);
  const holdsOnlyThat = (snapshot: SnapshotRow): boolean => next === undefined || next.sequence > snapshot.sequence;
  const head = store.readSnapshot(row.id, incarnation, "head");
  if (head?.update !== undefined && holdsOnlyThat(head)) return head;
  const first = beginning(store, row, incarnation);
  if (first === undefined || (first.update !== undefined && holdsOnlyThat(first))) return first;
  // The base is damaged, or stands in for one that was: what it holds can be told as a whole only.
  const sound = first.update === undefined ? head : first;
  return sound === undefined ? Number.POSITIVE_INFINITY : lastArrivalThrough(store, row, incarnation, sound.sequence);
}

function lastArrivalThrough(
  store: PastStore,
  row: DocumentRow,
  incarnation: Incarnation,
  through: ArrivalSequence,
): number {
  const last = store.readLogBefore(row.id, through + 1, 1).find((logRow) => logRow.incarnation === incarnation);
  return last?.arrivedMs ?? store.prunedThroughMs();
}

function arrivalOf(
  store: PastStore,
  row: DocumentRow,
  incarnation: Incarnation,
  sequence: ArrivalSequence,
): number | undefined {
  return sequence === 0 ? undefined : store.readLog(row.id, incarnation, sequence - 1, 1)[0]?.arrivedMs;
}

function firstArrival(store: PastStore, row: DocumentRow): number | undefined {
  let first: number | undefined;
  let incarnation = store.incarnationBefore(row.id, row.incarnation + 1);
  for (; incarnation > 0; incarnation = store.incarnationBefore(row.id, incarnation)) {
    first = store.readLog(row.id, incarnation, 0, 1)[0]?.arrivedMs ?? first;
  }
  return first;
}
