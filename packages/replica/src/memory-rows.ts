/**
 * All that a memory store holds: its tables, and the few single values beside them. Kept apart from the store so that a
 * copy of a store is one call, and so that nothing can be written past the journal.
 */
import type { ClusterId, DocumentKey, Incarnation, NodePath, PeerId, Role } from "@yarrow/protocol";
import { isAlive } from "@yarrow/protocol";
import { Journal, MemoryTable } from "./memory-table.ts";
import { compareNames } from "./name-order.ts";
import type {
  AddressRow,
  ArrivalSequence,
  BootRow,
  BucketRow,
  Checkpoint,
  DocumentId,
  DocumentRow,
  DocumentsQuery,
  LogRow,
  LogSegment,
  PendingRow,
  SnapshotKind,
  SnapshotRow,
  StandingRow,
} from "./store.ts";

/** Values that are not rows. Replaced as a whole, never changed in place. */
export interface Single {
  readonly clusterId: ClusterId | undefined;
  readonly role: Role | undefined;
  readonly standings: readonly StandingRow[];
  readonly alive: number;
  readonly deleted: number;
  readonly quarantined: number;
  readonly pending: number;
  readonly pendingId: number;
  /** The last log row that was removed for good. */
  readonly pruned: ArrivalSequence;
  /** Nothing that was removed for good is of a later time. */
  readonly prunedMs: number;
}

/** An incarnation that was alive and is no more. */
export interface EndedIncarnation {
  readonly document: DocumentId;
  readonly incarnation: Incarnation;
  readonly endedMs: number;
}

export class MemoryRows {
  readonly journal = new Journal();
  readonly documents = this.#table<DocumentId, DocumentRow>(compareNumbers, (row) => 64 + lengthOf(row.fence));
  readonly idsByName = this.#table<string, DocumentId>(compareNames, () => 16);
  readonly idsByKey = this.#table<DocumentKey, DocumentId>(compareText, () => 16);
  readonly checkpoints = this.#table<DocumentId, Checkpoint>(compareNumbers, (row) => lengthOf(row.lattice));
  readonly log = this.#table<ArrivalSequence, LogRow>(compareNumbers, (row) => weighSegments(row.segments ?? []));
  readonly snapshots = this.#table<string, SnapshotRow>(
    compareText,
    (row) => lengthOf(row.update) + lengthOf(row.stateVector),
  );
  readonly pending = this.#table<DocumentId, readonly PendingRow[]>(compareNumbers, (rows) =>
    weighSegments(rows.flatMap((row) => row.segment ?? [])),
  );
  readonly buckets = this.#table<NodePath, BucketRow>(compareText, (row) => lengthOf(row.items));
  readonly addresses = this.#table<PeerId, AddressRow>(compareText, (row) => row.urls.join().length);
  readonly boots = this.#table<number, BootRow>(compareNumbers, () => 24);
  readonly ended = this.#table<string, EndedIncarnation>(compareText, () => 24);
  /** Rows kept aside, by the name of what they were. */
  readonly damaged = this.#table<string, LogRow | SnapshotRow>(compareText, () => 0);
  readonly #arrivalsByIncarnation = new Map<string, MemoryTable<ArrivalSequence, number>>();
  /** Incarnations of which there ever were rows. */
  readonly #incarnations = new Map<DocumentId, Set<Incarnation>>();
  #single: Single = {
    clusterId: undefined,
    role: undefined,
    standings: [],
    alive: 0,
    deleted: 0,
    quarantined: 0,
    pending: 0,
    pendingId: 0,
    pruned: 0,
    prunedMs: 0,
  };

  get single(): Single {
    return this.#single;
  }

  setSingle(changes: Partial<Single>): void {
    const previous = this.#single;
    this.journal.record(() => (this.#single = previous));
    this.#single = { ...previous, ...changes };
  }

  /** Arrival times of the log rows of one incarnation, by sequence. */
  arrivals(document: DocumentId, incarnation: Incarnation): MemoryTable<ArrivalSequence, number> {
    const key = incarnationKey(document, incarnation);
    let table = this.#arrivalsByIncarnation.get(key);
    if (table === undefined) {
      table = this.#table<ArrivalSequence, number>(compareNumbers, () => 0);
      this.#arrivalsByIncarnation.set(key, table);
      this.#incarnations.set(document, (this.#incarnations.get(document) ?? new Set()).add(incarnation));
    }
    return table;
  }

  /** Incarnations of which there may be rows or snapshots, the newest first. */
  incarnations(document: DocumentId): Incarnation[] {
    return [...(this.#incarnations.get(document) ?? [])].sort((a, b) => b - a);
  }

  /** Takes a log row away. */
  removeLog(sequence: ArrivalSequence): void {
    const row = this.log.get(sequence);
    if (row === undefined) return;
    this.log.delete(sequence);
    this.arrivals(row.document, row.incarnation).delete(sequence);
  }

  /** Takes away, for good, the log rows of an incarnation through a sequence. */
  prune(document: DocumentId, incarnation: Incarnation, through: ArrivalSequence): void {
    for (const sequence of [...this.arrivals(document, incarnation).keysAfter(undefined)]) {
      if (sequence > through) break;
      const arrivedMs = this.log.get(sequence)?.arrivedMs ?? 0;
      this.removeLog(sequence);
      if (sequence > this.#single.pruned) this.setSingle({ pruned: sequence });
      this.forgetThrough(arrivedMs);
    }
  }

  /** What was before this time can no longer be told. */
  forgetThrough(arrivedMs: number): void {
    if (arrivedMs > this.#single.prunedMs) this.setSingle({ prunedMs: arrivedMs });
  }

  /** Keeps the totals with what is written of a document. */
  countDocument(row: DocumentRow, by: 1 | -1): void {
    const { alive, deleted, quarantined } = this.#single;
    this.setSingle({
      alive: alive + (isAlive(row.incarnation) ? by : 0),
      deleted: deleted + (isDeleted(row.incarnation) ? by : 0),
      quarantined: quarantined + (row.quarantined ? by : 0),
    });
  }

  replacePending(document: DocumentId, rows: readonly PendingRow[]): void {
    const before = this.pending.get(document)?.length ?? 0;
    if (rows.length === 0) this.pending.delete(document);
    else this.pending.set(document, rows);
    this.setSingle({ pending: this.#single.pending + rows.length - before });
  }

  /** Takes over all rows of another store, sharing them. */
  fill(from: MemoryRows): void {
    this.documents.fill(from.documents);
    this.idsByName.fill(from.idsByName);
    this.idsByKey.fill(from.idsByKey);
    this.checkpoints.fill(from.checkpoints);
    this.log.fill(from.log);
    this.snapshots.fill(from.snapshots);
    this.pending.fill(from.pending);
    this.buckets.fill(from.buckets);
    this.addresses.fill(from.addresses);
    this.boots.fill(from.boots);
    this.ended.fill(from.ended);
    this.damaged.fill(from.damaged);
    for (const [key, arrivals] of from.#arrivalsByIncarnation) {
      const table = this.#table<ArrivalSequence, number>(compareNumbers, () => 0);
      table.fill(arrivals);
      this.#arrivalsByIncarnation.set(key, table);
    }
    for (const [document, incarnations] of from.#incarnations) this.#incarnations.set(document, new Set(incarnations));
    this.#single = from.#single;
  }

  #table<K, V>(compare: (a: K, b: K) => number, weigh: (value: V) => number): MemoryTable<K, V> {
    return new MemoryTable<K, V>(this.journal, { compare, weigh });
  }
}

export function incarnationKey(document: DocumentId, incarnation: Incarnation): string {
  return `${document}/${incarnation}`;
}

export function snapshotKey(document: DocumentId, incarnation: Incarnation, kind: SnapshotKind): string {
  return `${document}/${incarnation}/${kind}`;
}

/** A name of incarnation 0 was never alive: it is neither. */
function isDeleted(incarnation: Incarnation): boolean {
  return incarnation > 0 && !isAlive(incarnation);
}

export function isIncluded(row: DocumentRow, include: DocumentsQuery["include"]): boolean {
  switch (include) {
    case "alive":
      return isAlive(row.incarnation);
    case "deleted":
      return isDeleted(row.incarnation);
    case "all":
      return true;
  }
}

function compareNumbers(a: number, b: number): number {
  return a - b;
}

/** For ASCII text only, where code units are bytes. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function lengthOf(bytes: Uint8Array | undefined): number {
  return bytes?.length ?? 0;
}

function weighSegments(segments: readonly LogSegment[]): number {
  return segments.reduce((sum, segment) => sum + segment.update.length + segment.principal.length + 2, 0);
}

/** The first values, at most so many. */
export function take<T>(values: Iterable<T>, limit: number): T[] {
  const taken: T[] = [];
  for (const value of values) {
    if (taken.length >= limit) break;
    taken.push(value);
  }
  return taken;
}
