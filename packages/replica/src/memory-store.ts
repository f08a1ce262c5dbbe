/**
 * A store without a disk, for the simulator and for tests. It keeps the contract in `store.ts` to the letter, and can
 * fail in the ways a disk does: run full, refuse, lose its last transactions, be copied, and spoil what it holds.
 *
 * 1. Stored values are never changed in place, so a copy of the store shares them.
 * 2. Every change goes through the journal; what is kept outside of it on purpose is only the sequence's high mark.
 */
import type { ClusterId, DocumentKey, Incarnation, NodePath, PeerId, Role } from "@yarrow/protocol";
import { assert, isAlive } from "@yarrow/protocol";
import { MemoryDamage } from "./memory-damage.ts";
import {
  arrivalOf,
  incarnationBefore,
  lastArrivalMs,
  lastSequenceBefore,
  readLogBefore,
  sweepDead,
} from "./memory-past.ts";
import { MemoryRows, incarnationKey, isIncluded, snapshotKey, take } from "./memory-rows.ts";
import type { Committed } from "./memory-table.ts";
import { compareNames } from "./name-order.ts";
import { BOOTS_MAX, KeyTakenError, StoreFailedError, StoreFullError } from "./store.ts";
import type {
  AddressRow,
  ArrivalRow,
  ArrivalSequence,
  BootRow,
  BucketRow,
  ChangeRow,
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
  Store,
  StoreCounts,
} from "./store.ts";

export interface MemoryStoreOptions {
  readonly peerId: PeerId;
  /** Committed transactions that `loseTail` can take back; 0 by default. */
  readonly keepTransactions?: number;
  /** See `setCapacityBytes`; without limit by default. */
  readonly capacityBytes?: number;
}

export class MemoryStore implements Store {
  readonly #options: MemoryStoreOptions;
  readonly #rows = new MemoryRows();
  /** Flips bits in what is stored. */
  readonly damage = new MemoryDamage(this.#rows);
  #sequence: ArrivalSequence = 0;
  readonly #committed: Committed[] = [];
  #failure: { readonly kind: "full" | "failed"; readonly count: number } = { kind: "full", count: 0 };

  constructor(options: MemoryStoreOptions) {
    this.#options = options;
    this.#rows.journal.capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY;
  }

  transaction<T>(body: () => T): T {
    const sequenceBefore = this.#sequence;
    this.#rows.journal.begin();
    try {
      const result = body();
      if (this.#rows.journal.problem !== undefined) throw this.#rows.journal.problem;
      this.#failIfTold();
      const keep = this.#options.keepTransactions ?? 0;
      this.#committed.push({ inverses: this.#rows.journal.end(), sequenceBefore });
      if (this.#committed.length > keep) this.#committed.shift();
      return result;
    } catch (error) {
      this.#rows.journal.undo(this.#rows.journal.end());
      throw error;
    }
  }

  readPeerId(): PeerId {
    return this.#options.peerId;
  }

  readClusterId(): ClusterId | undefined {
    return this.#rows.single.clusterId;
  }

  writeClusterId(id: ClusterId): void {
    this.#rows.setSingle({ clusterId: id });
  }

  readRole(): Role | undefined {
    return this.#rows.single.role;
  }

  writeRole(role: Role): void {
    this.#rows.setSingle({ role });
  }

  readStandings(): StandingRow[] {
    return [...this.#rows.single.standings];
  }

  writeStandings(standings: readonly StandingRow[]): void {
    this.#rows.setSingle({ standings });
  }

  createDocument(name: string, key: DocumentKey): DocumentRow {
    assert(this.#rows.idsByName.get(name) === undefined, "a document is created once");
    if (this.#rows.idsByKey.get(key) !== undefined) throw new KeyTakenError(key);
    const row: DocumentRow = {
      id: this.#rows.documents.size + 1,
      name,
      key,
      incarnation: 0,
      fence: new Uint8Array(0),
      fingerprint: new Uint8Array(16),
      lastSequence: 0,
      lastArrivalMs: 0,
      tailBytes: 0,
      headBytes: 0,
      quarantined: false,
    };
    this.#rows.documents.set(row.id, row);
    this.#rows.idsByName.set(name, row.id);
    this.#rows.idsByKey.set(key, row.id);
    return row;
  }

  readDocument(name: string): DocumentRow | undefined {
    const id = this.#rows.idsByName.get(name);
    return id === undefined ? undefined : this.#rows.documents.get(id);
  }

  readDocumentByKey(key: DocumentKey): DocumentRow | undefined {
    const id = this.#rows.idsByKey.get(key);
    return id === undefined ? undefined : this.#rows.documents.get(id);
  }

  writeDocument(row: DocumentRow & { readonly fence: Uint8Array }): void {
    const previous = this.#rows.documents.get(row.id);
    assert(previous !== undefined, "only a created document is written");
    this.#rows.documents.set(row.id, { ...row, name: previous.name, key: previous.key });
    this.#rows.countDocument(previous, -1);
    this.#rows.countDocument(row, 1);
    if (isAlive(previous.incarnation) && row.incarnation > previous.incarnation) {
      const ended = { document: row.id, incarnation: previous.incarnation, endedMs: row.lastArrivalMs };
      this.#rows.ended.set(incarnationKey(row.id, previous.incarnation), ended);
    }
  }

  listDocuments(query: DocumentsQuery): DocumentRow[] {
    const names = this.#rows.idsByName;
    const prefix = query.prefix ?? "";
    const after = query.after ?? "";
    const rows: DocumentRow[] = [];
    for (const name of compareNames(after, prefix) < 0 ? names.keysFrom(prefix) : names.keysAfter(after)) {
      if (rows.length >= query.limit || !name.startsWith(prefix)) break;
      const row = this.readDocument(name);
      if (row !== undefined && isIncluded(row, query.include)) rows.push(row);
    }
    return rows;
  }

  listDocumentsByKey(after: DocumentKey | "", limit: number): DocumentRow[] {
    const ids = this.#rows.idsByKey.valuesAfter(after === "" ? undefined : after);
    return take(ids, limit).map((id) => this.#rows.documents.get(id) as DocumentRow);
  }

  readCheckpoint(document: DocumentId): Checkpoint | undefined {
    return this.#rows.checkpoints.get(document);
  }

  writeCheckpoint(
    document: DocumentId,
    checkpoint: { readonly sequence: ArrivalSequence; readonly lattice: Uint8Array },
  ): void {
    this.#rows.checkpoints.set(document, checkpoint);
  }

  deleteCheckpoint(document: DocumentId): void {
    this.#rows.checkpoints.delete(document);
  }

  appendLog(row: {
    readonly document: DocumentId;
    readonly incarnation: Incarnation;
    readonly arrivedMs: number;
    readonly segments: readonly LogSegment[];
  }): ArrivalSequence {
    const sequence = ++this.#sequence;
    this.#rows.log.set(sequence, { ...row, sequence });
    this.#rows.arrivals(row.document, row.incarnation).set(sequence, row.arrivedMs);
    return sequence;
  }

  readLog(document: DocumentId, incarnation: Incarnation, after: ArrivalSequence, limit: number): LogRow[] {
    const sequences = take(this.#rows.arrivals(document, incarnation).keysAfter(after), limit);
    return sequences.map((sequence) => this.#rows.log.get(sequence) as LogRow);
  }

  readLogRow(sequence: ArrivalSequence): LogRow | undefined {
    return this.#rows.log.get(sequence);
  }

  readChanges(after: ArrivalSequence, limit: number): ChangeRow[] {
    const rows = take(this.#rows.log.valuesAfter(after), limit);
    return rows.map((row) => ({ ...row, name: this.#rows.documents.get(row.document)?.name ?? "" }));
  }

  listArrivals(after: ArrivalSequence, limit: number): ArrivalRow[] {
    return this.readChanges(after, limit).map(arrivalOf);
  }

  lastSequence(): ArrivalSequence {
    return this.#sequence;
  }

  deleteLog(document: DocumentId, incarnation: Incarnation, through: ArrivalSequence): void {
    this.#rows.prune(document, incarnation, through);
  }

  prunedThrough(): ArrivalSequence {
    return this.#rows.single.pruned;
  }

  prunedThroughMs(): number {
    return this.#rows.single.prunedMs;
  }

  lastArrivalMs(): number {
    return lastArrivalMs(this.#rows);
  }

  readLogBefore(document: DocumentId, before: ArrivalSequence, limit: number): LogRow[] {
    return readLogBefore(this.#rows, document, before, limit);
  }

  incarnationBefore(document: DocumentId, below: Incarnation): Incarnation {
    return incarnationBefore(this.#rows, document, below);
  }

  lastSequenceBefore(document: DocumentId, incarnation: Incarnation, arrivedMs: number): ArrivalSequence {
    return lastSequenceBefore(this.#rows, document, incarnation, arrivedMs);
  }

  sweepDead(arrivedMs: number, limit: number): number {
    return sweepDead(this.#rows, arrivedMs, limit);
  }

  readSnapshot(document: DocumentId, incarnation: Incarnation, kind: SnapshotKind): SnapshotRow | undefined {
    return this.#rows.snapshots.get(snapshotKey(document, incarnation, kind));
  }

  writeSnapshot(row: SnapshotRow & { readonly update: Uint8Array; readonly stateVector: Uint8Array }): void {
    this.#rows.snapshots.set(snapshotKey(row.document, row.incarnation, row.kind), row);
  }

  deleteSnapshot(document: DocumentId, incarnation: Incarnation, kind: SnapshotKind): void {
    this.#rows.snapshots.delete(snapshotKey(document, incarnation, kind));
  }

  readPending(document: DocumentId): PendingRow[] {
    return [...(this.#rows.pending.get(document) ?? [])];
  }

  addPending(document: DocumentId, segment: LogSegment): void {
    const id = this.#rows.single.pendingId + 1;
    this.#rows.setSingle({ pendingId: id });
    this.#rows.replacePending(document, [...this.readPending(document), { id, segment }]);
  }

  deletePending(document: DocumentId, id: number): void {
    const others = this.readPending(document).filter((row) => row.id !== id);
    this.#rows.replacePending(document, others);
  }

  clearPending(document: DocumentId): void {
    this.#rows.replacePending(document, []);
  }

  readBucket(path: NodePath): BucketRow | undefined {
    return this.#rows.buckets.get(path);
  }

  writeBucket(row: BucketRow): void {
    this.#rows.buckets.set(row.path, row);
  }

  deleteBucket(path: NodePath): void {
    this.#rows.buckets.delete(path);
  }

  listBuckets(after: NodePath | undefined, limit: number): BucketRow[] {
    return take(this.#rows.buckets.valuesAfter(after), limit);
  }

  listAddresses(): AddressRow[] {
    return [...this.#rows.addresses.valuesAfter(undefined)];
  }

  writeAddress(row: AddressRow): void {
    this.#rows.addresses.set(row.peerId, row);
  }

  deleteAddress(peerId: PeerId): void {
    this.#rows.addresses.delete(peerId);
  }

  writeBoot(row: BootRow): void {
    const numbers = [...this.#rows.boots.keysAfter(undefined)];
    this.#rows.boots.set((numbers.at(-1) ?? 0) + 1, row);
    const oldest = numbers[0];
    if (oldest !== undefined && numbers.length >= BOOTS_MAX) this.#rows.boots.delete(oldest);
  }

  listBoots(): BootRow[] {
    return [...this.#rows.boots.valuesAfter(undefined)];
  }

  listQuarantined(limit: number): string[] {
    const rows = this.listDocuments({ include: "all", limit: Number.POSITIVE_INFINITY });
    return rows
      .filter(({ quarantined }) => quarantined)
      .slice(0, limit)
      .map(({ name }) => name);
  }

  quarantineLog(sequence: ArrivalSequence): void {
    const row = this.#rows.log.get(sequence);
    if (row === undefined) return;
    this.#rows.damaged.set(`log/${sequence}`, row);
    this.#rows.removeLog(sequence);
  }

  quarantineSnapshot(document: DocumentId, incarnation: Incarnation, kind: SnapshotKind): void {
    const row = this.readSnapshot(document, incarnation, kind);
    if (row === undefined) return;
    this.#rows.damaged.set(snapshotKey(document, incarnation, kind), row);
    this.deleteSnapshot(document, incarnation, kind);
  }

  counts(): StoreCounts {
    return {
      alive: this.#rows.single.alive,
      deleted: this.#rows.single.deleted,
      quarantined: this.#rows.single.quarantined,
      pending: this.#rows.single.pending,
      logRows: this.#rows.log.size,
      bytes: this.#rows.journal.bytes,
    };
  }

  // What only a simulated disk can do.

  /** From now on a transaction that grows the store beyond this many bytes throws {@link StoreFullError}. */
  setCapacityBytes(bytes: number): void {
    this.#rows.journal.capacityBytes = bytes;
  }

  /** Lets the next `count` transactions fail after they ran, leaving no trace of them. */
  failNext(kind: "full" | "failed", count: number): void {
    this.#failure = { kind, count };
  }

  /**
   * Takes back the last `count` committed transactions, or as many of them as are kept, as a power loss does to a disk that was
   * never told to sync; returns how many were lost. The arrival sequence goes on where it was, unless `forgetSequence`:
   * then it falls back too, as it would on that disk.
   */
  loseTail(count: number, options: { readonly forgetSequence?: boolean } = {}): number {
    const lost = this.#committed.splice(Math.max(0, this.#committed.length - count));
    for (const { inverses, sequenceBefore } of lost.toReversed()) {
      this.#rows.journal.undo(inverses);
      if (options.forgetSequence) this.#sequence = sequenceBefore;
    }
    return lost.length;
  }

  /** A copy of everything, as a backup or a cloned disk has it. Of the copy, no transaction can be lost. */
  clone(peerId: PeerId = this.#options.peerId): MemoryStore {
    assert(!this.#rows.journal.open, "a store is copied between transactions");
    const copy = new MemoryStore({ ...this.#options, capacityBytes: this.#rows.journal.capacityBytes, peerId });
    copy.#rows.fill(this.#rows);
    copy.#sequence = this.#sequence;
    return copy;
  }

  #failIfTold(): void {
    const { kind, count } = this.#failure;
    if (count === 0) return;
    this.#failure = { kind, count: count - 1 };
    throw kind === "full"
      ? new StoreFullError("the simulated disk is full")
      : new StoreFailedError("the simulated disk failed");
  }
}
