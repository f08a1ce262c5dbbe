/** What happened to a document, newest first: its log rows, counted, and those of a minute together. */
import type { Incarnation } from "@yarrow/protocol";
import { isAlive } from "@yarrow/protocol";
import type { ArrivalSequence, DocumentRow, LogRow, SegmentSource } from "../store.ts";
import type { PastStore } from "./past.ts";

/** Rows that one page looks at. */
const ROWS_MAX = 10_000;
/** Rows that are in memory at a time. Each may hold a whole document. */
const ROWS_PER_READ = 16;

export interface HistoryQuery {
  /** Entries at most. */
  readonly limit: number;
  /** Only rows before this one. */
  readonly before?: ArrivalSequence | undefined;
  /** Rows of one incarnation no further apart than this are one entry; 0 = each is one. */
  readonly togetherMs: number;
}

export interface HistoryWriter {
  /** Who wrote, as far as is known; "" = unknown. */
  readonly principal: string;
  readonly source: SegmentSource;
  readonly updates: number;
  readonly bytes: number;
}

export interface HistoryEntry {
  /** The last row, and the first: equal when it is one. */
  readonly sequence: ArrivalSequence;
  readonly firstSequence: ArrivalSequence;
  readonly atMs: number;
  readonly firstMs: number;
  readonly incarnation: Incarnation;
  /** `created`, `recreated`: the first row of an incarnation is among these. */
  readonly kind: "created" | "recreated" | "changed" | "deleted";
  readonly rows: number;
  readonly updates: number;
  readonly bytes: number;
  /** The busiest first. */
  readonly writers: readonly HistoryWriter[];
  /** Rows that could not be read. */
  readonly damaged: number;
}

export interface HistoryPage {
  readonly entries: readonly HistoryEntry[];
  /** `before` of the next page; undefined when this is the last. */
  readonly next: ArrivalSequence | undefined;
  /** Nothing before this instant can be told, of any document; 0 = everything can. */
  readonly oldestMs: number;
}

/** Undefined when nothing of that name was ever written. */
export function readHistory(store: PastStore, name: string, query: HistoryQuery): HistoryPage | undefined {
  const row = store.readDocument(name);
  if (row === undefined || row.incarnation === 0) return undefined;
  const entries: HistoryEntry[] = [];
  let together: Together | undefined;
  let looked = 0;
  const close = (): void => {
    if (together !== undefined) entries.push(entryOf(store, row, together));
    together = undefined;
  };
  const page = (next: ArrivalSequence | undefined): HistoryPage => ({
    entries,
    next,
    oldestMs: store.prunedThroughMs(),
  });
  for (const logRow of rowsBackwards(store, row, query.before ?? Number.MAX_SAFE_INTEGER)) {
    if (together !== undefined && !belongs(together, logRow, query.togetherMs)) {
      close();
      if (entries.length >= query.limit || looked >= ROWS_MAX) return page(entries.at(-1)?.firstSequence);
    }
    together = add(together, logRow);
    looked++;
  }
  close();
  return page(undefined);
}

function* rowsBackwards(
  store: PastStore,
  row: DocumentRow,
  before: ArrivalSequence,
): Generator<LogRow, void, undefined> {
  for (let from = before; ;) {
    const rows = store.readLogBefore(row.id, from, ROWS_PER_READ);
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < ROWS_PER_READ) return;
    from = last.sequence;
  }
}

/** What is kept of the rows of an entry: their counts and their ends, never what is in them. */
interface Together {
  readonly newest: RowPlace;
  oldest: RowPlace;
  rows: number;
  damaged: number;
  readonly writers: Map<string, { principal: string; source: SegmentSource; updates: number; bytes: number }>;
}

type RowPlace = Pick<LogRow, "sequence" | "incarnation" | "arrivedMs">;

/** An entry spans no more than that time, so that a long session is told in steps one can go back to. */
function belongs({ newest }: Together, next: RowPlace, togetherMs: number): boolean {
  return togetherMs > 0 && next.incarnation === newest.incarnation && newest.arrivedMs - next.arrivedMs <= togetherMs;
}

function add(together: Together | undefined, { sequence, incarnation, arrivedMs, segments }: LogRow): Together {
  const place = { sequence, incarnation, arrivedMs };
  const sum: Together = together ?? { newest: place, oldest: place, rows: 0, damaged: 0, writers: new Map() };
  sum.oldest = place;
  sum.rows++;
  if (segments === undefined) sum.damaged++;
  for (const { principal, source, update } of segments ?? []) {
    const key = `${source} ${principal}`;
    const writer = sum.writers.get(key) ?? { principal, source, updates: 0, bytes: 0 };
    sum.writers.set(key, writer);
    writer.updates++;
    writer.bytes += update.length;
  }
  return sum;
}

function entryOf(
  store: PastStore,
  row: DocumentRow,
  { newest, oldest, rows, damaged, writers }: Together,
): HistoryEntry {
  const busiest = [...writers.values()].sort((a, b) => b.updates - a.updates);
  return {
    sequence: newest.sequence,
    firstSequence: oldest.sequence,
    atMs: newest.arrivedMs,
    firstMs: oldest.arrivedMs,
    incarnation: newest.incarnation,
    kind: kindOf(store, row, oldest),
    rows,
    updates: busiest.reduce((sum, { updates }) => sum + updates, 0),
    bytes: busiest.reduce((sum, { bytes }) => sum + bytes, 0),
    writers: busiest,
    damaged,
  };
}

function kindOf(store: PastStore, row: DocumentRow, { incarnation, sequence }: RowPlace): HistoryEntry["kind"] {
  if (!isAlive(incarnation)) return "deleted";
  const [first] = store.readLog(row.id, incarnation, 0, 1);
  if (first?.sequence !== sequence || hasSnapshotBefore(store, row, incarnation, sequence)) return "changed";
  return incarnation === 1 ? "created" : "recreated";
}

/** Its rows before this one have left the log. */
function hasSnapshotBefore(
  store: PastStore,
  row: DocumentRow,
  incarnation: Incarnation,
  sequence: ArrivalSequence,
): boolean {
  return (["base", "head"] as const).some((kind) => {
    const snapshot = store.readSnapshot(row.id, incarnation, kind);
    return snapshot !== undefined && snapshot.sequence < sequence;
  });
}
