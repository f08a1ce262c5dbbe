/**
 * The store of a peer: one SQLite file, `yarrow.db`, in its data folder. Opened by `openSqliteStore`; each table lives in a
 * module of its own, and this one is only what the port asks of them.
 */
import fs from "node:fs";
import path from "node:path";
import type { ClusterId, DocumentKey, Incarnation, NodePath, PeerId, Role } from "@yarrow/protocol";
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
} from "@yarrow/replica";
import { BucketTable } from "./bucket-table.ts";
import type { Connection } from "./connection.ts";
import { DamagedTable } from "./damaged-table.ts";
import { DocumentTable } from "./document-table.ts";
import { IdentityTable } from "./identity-table.ts";
import type { FolderLock } from "./lock.ts";
import { LogTable } from "./log-table.ts";
import type { NewLogRow } from "./log-table.ts";
import { PendingTable } from "./pending-table.ts";
import { SnapshotTable } from "./snapshot-table.ts";

export const DATABASE_FILE = "yarrow.db";

export interface SqliteStoreParts {
  readonly folder: string;
  readonly connection: Connection;
  readonly lock: FolderLock;
  readonly now: () => number;
}

export class SqliteStore implements Store {
  readonly #parts: SqliteStoreParts;
  readonly #connection: Connection;
  readonly #documents: DocumentTable;
  readonly #log: LogTable;
  readonly #snapshots: SnapshotTable;
  readonly #pending: PendingTable;
  readonly #buckets: BucketTable;
  readonly #identity: IdentityTable;
  #peerId: PeerId;
  #closed = false;
  #held = false;

  /** Takes over connection and lock. Errors: YARROW_STORE_CORRUPT. */
  constructor(parts: SqliteStoreParts) {
    const { connection } = parts;
    const damaged = new DamagedTable(connection, parts.now);
    this.#parts = parts;
    this.#connection = connection;
    this.#documents = new DocumentTable(connection);
    this.#log = new LogTable(connection, damaged);
    this.#snapshots = new SnapshotTable(connection, damaged);
    this.#pending = new PendingTable(connection);
    this.#buckets = new BucketTable(connection);
    this.#identity = new IdentityTable(connection);
    this.#peerId = this.#identity.ensurePeerId();
  }

  get folder(): string {
    return this.#parts.folder;
  }

  get synchronous(): "full" | "normal" {
    return this.#connection.durability;
  }

  transaction<T>(body: () => T): T {
    return this.#connection.transaction(body);
  }

  /** Milliseconds that commits have taken since it was opened. */
  get commitMs(): number {
    return this.#connection.commitMs;
  }

  readPeerId(): PeerId {
    return this.#peerId;
  }

  /** For a restored copy: see `IdentityTable.renew`. The cluster and everything that is replicated stay. */
  renewIdentity(): PeerId {
    this.#peerId = this.#connection.transaction(() => this.#identity.renew());
    return this.#peerId;
  }

  readClusterId(): ClusterId | undefined {
    return this.#identity.readClusterId();
  }

  writeClusterId(id: ClusterId): void {
    this.#identity.writeClusterId(id);
  }

  readRole(): Role | undefined {
    return this.#identity.readRole();
  }

  writeRole(role: Role): void {
    this.#identity.writeRole(role);
  }

  createDocument(name: string, key: DocumentKey): DocumentRow {
    return this.#documents.create(name, key);
  }

  readDocument(name: string): DocumentRow | undefined {
    return this.#documents.read(name);
  }

  readDocumentByKey(key: DocumentKey): DocumentRow | undefined {
    return this.#documents.readByKey(key);
  }

  writeDocument(row: DocumentRow & { readonly fence: Uint8Array }): void {
    this.#documents.write(row);
  }

  listDocuments(query: DocumentsQuery): DocumentRow[] {
    return this.#documents.list(query);
  }

  listDocumentsByKey(after: DocumentKey | "", limit: number): DocumentRow[] {
    return this.#documents.listByKey(after, limit);
  }

  readCheckpoint(document: DocumentId): Checkpoint | undefined {
    return this.#snapshots.readCheckpoint(document);
  }

  writeCheckpoint(
    document: DocumentId,
    checkpoint: { readonly sequence: ArrivalSequence; readonly lattice: Uint8Array },
  ): void {
    this.#snapshots.writeCheckpoint(document, checkpoint.sequence, checkpoint.lattice);
  }

  deleteCheckpoint(document: DocumentId): void {
    this.#snapshots.deleteCheckpoint(document);
  }

  appendLog(row: NewLogRow): ArrivalSequence {
    return this.#log.append(row);
  }

  readLog(document: DocumentId, incarnation: Incarnation, after: ArrivalSequence, limit: number): LogRow[] {
    return this.#log.read(document, incarnation, after, limit);
  }

  readLogRow(sequence: ArrivalSequence): LogRow | undefined {
    return this.#log.readOne(sequence);
  }

  readChanges(after: ArrivalSequence, limit: number): ChangeRow[] {
    return this.#log.readChanges(after, limit);
  }

  listArrivals(after: ArrivalSequence, limit: number): ArrivalRow[] {
    return this.#log.listArrivals(after, limit);
  }

  lastSequence(): ArrivalSequence {
    return this.#connection.totals.sequence;
  }

  prunedThrough(): ArrivalSequence {
    return this.#log.prunedThrough;
  }

  prunedThroughMs(): number {
    return this.#log.prunedThroughMs;
  }

  lastArrivalMs(): number {
    return this.#log.lastArrivalMs;
  }

  readLogBefore(document: DocumentId, before: ArrivalSequence, limit: number): LogRow[] {
    return this.#log.readBefore(document, before, limit);
  }

  incarnationBefore(document: DocumentId, below: Incarnation): Incarnation {
    return this.#log.incarnationBefore(document, below);
  }

  deleteLog(document: DocumentId, incarnation: Incarnation, through: ArrivalSequence): void {
    this.#log.delete(document, incarnation, through);
  }

  lastSequenceBefore(document: DocumentId, incarnation: Incarnation, arrivedMs: number): ArrivalSequence {
    return this.#log.lastBefore(document, incarnation, arrivedMs);
  }

  sweepDead(arrivedMs: number, limit: number): number {
    return this.#log.sweepDead(arrivedMs, limit);
  }

  readSnapshot(document: DocumentId, incarnation: Incarnation, kind: SnapshotKind): SnapshotRow | undefined {
    return this.#snapshots.read(document, incarnation, kind);
  }

  writeSnapshot(row: SnapshotRow & { readonly update: Uint8Array; readonly stateVector: Uint8Array }): void {
    this.#snapshots.write(row);
  }

  deleteSnapshot(document: DocumentId, incarnation: Incarnation, kind: SnapshotKind): void {
    this.#snapshots.delete(document, incarnation, kind);
  }

  readPending(document: DocumentId): PendingRow[] {
    return this.#pending.read(document);
  }

  addPending(document: DocumentId, segment: LogSegment): void {
    this.#pending.add(document, segment);
  }

  deletePending(document: DocumentId, id: number): void {
    this.#pending.delete(document, id);
  }

  clearPending(document: DocumentId): void {
    this.#pending.clear(document);
  }

  readBucket(path: NodePath): BucketRow | undefined {
    return this.#buckets.read(path);
  }

  writeBucket(row: BucketRow & { readonly items: Uint8Array }): void {
    this.#buckets.write(row);
  }

  deleteBucket(path: NodePath): void {
    this.#buckets.delete(path);
  }

  listBuckets(after: NodePath | undefined, limit: number): BucketRow[] {
    return this.#buckets.list(after, limit);
  }

  listAddresses(): AddressRow[] {
    return this.#identity.listAddresses();
  }

  writeAddress(row: AddressRow): void {
    this.#identity.writeAddress(row);
  }

  deleteAddress(peerId: PeerId): void {
    this.#identity.deleteAddress(peerId);
  }

  readStandings(): StandingRow[] {
    return this.#identity.readStandings();
  }

  writeStandings(rows: readonly StandingRow[]): void {
    this.#identity.writeStandings(rows);
  }

  writeBoot(row: BootRow): void {
    this.#identity.writeBoot(row);
  }

  listBoots(): BootRow[] {
    return this.#identity.listBoots();
  }

  listQuarantined(limit: number): string[] {
    return this.#documents.listQuarantined(limit);
  }

  quarantineLog(sequence: ArrivalSequence): void {
    this.#log.quarantine(sequence);
  }

  quarantineSnapshot(document: DocumentId, incarnation: Incarnation, kind: SnapshotKind): void {
    this.#snapshots.quarantine(document, incarnation, kind);
  }

  counts(): StoreCounts {
    return { ...this.#connection.totals.counts, bytes: this.#readBytes() };
  }

  /**
   * Copies the write-ahead log into the database file. `truncate` also empties it, and belongs to idle moments: it waits for no
   * reader but takes as long as the disk does. Returns false when a reader of another process kept it from finishing.
   */
  checkpoint(mode: "passive" | "truncate"): boolean {
    return !this.#held && this.#connection.checkpoint(mode);
  }

  /** Leaves the write-ahead log to somebody else until it is told otherwise: see `Connection.holdCheckpoints`. */
  holdCheckpoints(held: boolean): void {
    this.#held = held;
    this.#connection.holdCheckpoints(held);
  }

  /** Test hook: no more pages than this, as on a disk of that size. 0 = no limit. */
  limitPages(pages: number): void {
    this.#connection.limitPages(pages);
  }

  /** Ends the connection and gives the folder free. Closing again does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      if (!this.#connection.failed) this.#connection.transaction(() => this.#connection.totals.write());
    } catch {
      // A full disk: what failed transactions gave out was seen by nobody, so nothing is lost but the gap in the numbers.
    } finally {
      this.#connection.close();
      this.#parts.lock.release();
    }
  }

  #readBytes(): number {
    let bytes = 0;
    for (const suffix of ["", "-wal", "-shm"]) {
      const file = path.join(this.#parts.folder, DATABASE_FILE + suffix);
      bytes += fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    }
    return bytes;
  }
}
