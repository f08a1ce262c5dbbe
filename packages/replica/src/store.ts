/**
 * What the replica asks of a disk. Synchronous, and called from within `step` only: reads at any time, writes inside
 * `transaction`. Two stores fulfil it (`MemoryStore` here, `SqliteStore` in core); `test/store-contract.ts` holds both to it.
 *
 * Contract
 * 1. `transaction(body)` returns after everything `body` wrote is durable, or throws and leaves no trace of it.
 * 2. It throws {@link StoreFullError} when there is no room (writing may be tried again later), {@link StoreFailedError}
 *    when the disk can no longer be trusted (the peer must stop), and lets what `body` throws pass.
 * 3. Blobs are checked when read. A damaged one is returned as `undefined` in its field, never as wrong bytes.
 * 4. The arrival sequence grows with every appended row and is never used twice, not even after a rollback or a restart.
 */
import type { ClusterId, DocumentKey, Incarnation, PeerId, Role, Segment } from "@yarrow/protocol";
import { YarrowError } from "@yarrow/protocol";
import type { NodePath } from "@yarrow/protocol";

/** Boots whose epochs are remembered; a feed cursor of an older one is lost. */
export const BOOTS_MAX = 1_000;

/** Peers whose standing is remembered; the one that was silent for longest goes first. */
export const STANDINGS_MAX = 256;

/** Numbers a document within one store. */
export type DocumentId = number;

/** Place of a row in the local order of arrival, from 1. */
export type ArrivalSequence = number;

export class StoreFullError extends YarrowError {
  override readonly name = "StoreFullError";
  constructor(message: string, cause?: unknown) {
    super("YARROW_STORE_FULL", message, {
      cause,
      hint: "Free space on the disk of the data folder; writing resumes by itself.",
    });
  }
}

export class StoreFailedError extends YarrowError {
  override readonly name = "StoreFailedError";
  constructor(message: string, cause?: unknown) {
    super("YARROW_STORE_FAILED", message, {
      cause,
      hint: "Check the disk, then start the peer again; it takes what it lacks from the others.",
    });
  }
}

export class KeyTakenError extends YarrowError {
  override readonly name = "KeyTakenError";
  constructor(key: DocumentKey) {
    super("YARROW_NAME_INVALID", `another document has the key of this name, ${key}`, { hint: "Choose another name." });
  }
}

export interface DocumentRow {
  readonly id: DocumentId;
  readonly name: string;
  readonly key: DocumentKey;
  readonly incarnation: Incarnation;
  /** Encoded set of dead client ids; empty (no bytes) when there are none. Undefined when damaged. */
  readonly fence: Uint8Array | undefined;
  /** 16 bytes over state vector and delete set of the current incarnation. */
  readonly fingerprint: Uint8Array;
  /** Sequence of the last row of this document. */
  readonly lastSequence: ArrivalSequence;
  /** Local clock at that row, in ms since 1970; shown to people only. */
  readonly lastArrivalMs: number;
  /** Bytes of the current incarnation's log rows after its head snapshot. */
  readonly tailBytes: number;
  /** Bytes of the head snapshot; 0 = none. */
  readonly headBytes: number;
  /** A damaged row was found and not yet repaired. */
  readonly quarantined: boolean;
}

/** The lattice of a document as it was at a sequence. Rows after it are folded in when the document is loaded. */
export interface Checkpoint {
  readonly sequence: ArrivalSequence;
  /** Undefined when damaged. */
  readonly lattice: Uint8Array | undefined;
}

export interface LogRow {
  readonly sequence: ArrivalSequence;
  readonly document: DocumentId;
  readonly incarnation: Incarnation;
  /** Local clock, ms since 1970. */
  readonly arrivedMs: number;
  /** What was accepted in one batch, unmerged. Empty = the document was deleted and this incarnation is the tombstone's. Undefined when damaged. */
  readonly segments: readonly LogSegment[] | undefined;
}

/** Where a segment came from: this peer's own subscribers, gossip, or anti-entropy. */
export type SegmentSource = "local" | "broadcast" | "repair";

export interface LogSegment extends Segment {
  readonly source: SegmentSource;
}

/** A log row seen as a change of a named document, for the feed. */
export interface ChangeRow extends LogRow {
  readonly name: string;
}

/** A log row without what is in it. */
export type ArrivalRow = Pick<ChangeRow, "sequence" | "incarnation" | "arrivedMs" | "name">;

/** `head`: for opening fast. `base`: what came before the oldest row that is kept. */
export type SnapshotKind = "head" | "base";

export interface SnapshotRow {
  readonly document: DocumentId;
  readonly incarnation: Incarnation;
  readonly kind: SnapshotKind;
  /** Holds everything through this sequence. */
  readonly sequence: ArrivalSequence;
  /** Encoded state vector of the snapshot. */
  readonly stateVector: Uint8Array | undefined;
  /** A Yjs update, encoding V1. Undefined when damaged. */
  readonly update: Uint8Array | undefined;
}

export interface PendingRow {
  readonly id: number;
  /** Undefined when damaged. */
  readonly segment: LogSegment | undefined;
}

/** A leaf of the set tree and its documents: 24 bytes each (8 of key, 16 of digest), sorted by key. */
export interface BucketRow {
  readonly path: NodePath;
  /** Undefined when damaged: the leaf is then made anew from the documents below its path. */
  readonly items: Uint8Array | undefined;
}

export interface AddressRow {
  readonly peerId: PeerId;
  readonly urls: readonly string[];
  readonly seenMs: number;
}

export interface BootRow {
  /** Random name of this start, 16 hex digits: the first half of a feed cursor. */
  readonly epoch: string;
  /** First sequence that can belong to it. */
  readonly firstSequence: ArrivalSequence;
  readonly startedMs: number;
}

/** How far another peer's store had come when it last told. */
export interface StandingRow {
  readonly peerId: PeerId;
  readonly sequence: ArrivalSequence;
  /** When it told, by the local clock. */
  readonly seenMs: number;
}

export interface DocumentsQuery {
  readonly prefix?: string;
  /** Names greater than this, in the order of their UTF-8 bytes. */
  readonly after?: string;
  readonly limit: number;
  readonly include: "alive" | "deleted" | "all";
}

export interface StoreCounts {
  readonly alive: number;
  readonly deleted: number;
  readonly quarantined: number;
  readonly pending: number;
  readonly logRows: number;
  /** Bytes on disk, all files. */
  readonly bytes: number;
}

export interface Store {
  transaction<T>(body: () => T): T;

  readPeerId(): PeerId;
  readClusterId(): ClusterId | undefined;
  writeClusterId(id: ClusterId): void;
  /** The role that was set by command; undefined when none ever was. */
  readRole(): Role | undefined;
  writeRole(role: Role): void;

  /**
   * Creates the row with no content; `incarnation` 0. The name must not exist. Errors: YARROW_NAME_INVALID when another name
   * has that key, which chance does not bring about, but whoever looks for such a pair of names finds one.
   */
  createDocument(name: string, key: DocumentKey): DocumentRow;
  readDocument(name: string): DocumentRow | undefined;
  readDocumentByKey(key: DocumentKey): DocumentRow | undefined;
  /** Replaces all fields of the row but `id`, `name` and `key`. */
  writeDocument(row: DocumentRow & { readonly fence: Uint8Array }): void;
  listDocuments(query: DocumentsQuery): DocumentRow[];
  /** In key order, after `after` ("" = from the start), tombstones included. */
  listDocumentsByKey(after: DocumentKey | "", limit: number): DocumentRow[];

  readCheckpoint(document: DocumentId): Checkpoint | undefined;
  writeCheckpoint(
    document: DocumentId,
    checkpoint: { readonly sequence: ArrivalSequence; readonly lattice: Uint8Array },
  ): void;
  deleteCheckpoint(document: DocumentId): void;

  appendLog(row: {
    readonly document: DocumentId;
    readonly incarnation: Incarnation;
    readonly arrivedMs: number;
    readonly segments: readonly LogSegment[];
  }): ArrivalSequence;
  /** Rows of one incarnation after a sequence, oldest first, at most `limit`. */
  readLog(document: DocumentId, incarnation: Incarnation, after: ArrivalSequence, limit: number): LogRow[];
  /** The row of a sequence; undefined when there is none. */
  readLogRow(sequence: ArrivalSequence): LogRow | undefined;
  /** Rows of all documents and incarnations after a sequence, oldest first, at most `limit`. */
  readChanges(after: ArrivalSequence, limit: number): ChangeRow[];
  /** The same without their content, which is not read: for looking at many. */
  listArrivals(after: ArrivalSequence, limit: number): ArrivalRow[];
  /** The last sequence given out; 0 before the first. */
  lastSequence(): ArrivalSequence;
  /**
   * Rows up to this one may be gone for good, by `deleteLog` or `sweepDead`; 0 = none ever were. Whoever follows the changes and
   * has not seen them by now will not. (A damaged row that was set aside does not count: its content arrives anew.)
   */
  prunedThrough(): ArrivalSequence;
  /**
   * The past can be told from this instant on, in ms since 1970: nothing that was removed for good was of a later time. 0 = nothing
   * ever was removed.
   */
  prunedThroughMs(): number;
  /** The time of the latest arrival, also when its row is gone; 0 = before the first. Later arrivals must not have earlier times. */
  lastArrivalMs(): number;
  /** Removes rows of one incarnation through a sequence. */
  deleteLog(document: DocumentId, incarnation: Incarnation, through: ArrivalSequence): void;
  /** Rows of one document, of all incarnations, before a sequence, newest first, at most `limit`. */
  readLogBefore(document: DocumentId, before: ArrivalSequence, limit: number): LogRow[];
  /** The greatest incarnation below one of which a row or a snapshot is kept; 0 = none. */
  incarnationBefore(document: DocumentId, below: Incarnation): Incarnation;
  /** The largest sequence of that incarnation's rows that arrived before a time; 0 = none. */
  lastSequenceBefore(document: DocumentId, incarnation: Incarnation, arrivedMs: number): ArrivalSequence;
  /** Forgets rows and snapshots of incarnations that ended before a time, except the rows that record deletions. At most `limit` documents; returns how many were touched. */
  sweepDead(arrivedMs: number, limit: number): number;

  readSnapshot(document: DocumentId, incarnation: Incarnation, kind: SnapshotKind): SnapshotRow | undefined;
  writeSnapshot(row: SnapshotRow & { readonly update: Uint8Array; readonly stateVector: Uint8Array }): void;
  deleteSnapshot(document: DocumentId, incarnation: Incarnation, kind: SnapshotKind): void;

  readPending(document: DocumentId): PendingRow[];
  addPending(document: DocumentId, segment: LogSegment): void;
  deletePending(document: DocumentId, id: number): void;
  clearPending(document: DocumentId): void;

  readBucket(path: NodePath): BucketRow | undefined;
  writeBucket(row: BucketRow & { readonly items: Uint8Array }): void;
  deleteBucket(path: NodePath): void;
  /** All leaves, in path order, a page at a time: those after `after` (undefined = from the first). */
  listBuckets(after: NodePath | undefined, limit: number): BucketRow[];

  listAddresses(): AddressRow[];
  writeAddress(row: AddressRow): void;
  deleteAddress(peerId: PeerId): void;

  /** None where what is stored is damaged. */
  readStandings(): StandingRow[];
  /** Replaces all of them; at most {@link STANDINGS_MAX}. */
  writeStandings(rows: readonly StandingRow[]): void;

  writeBoot(row: BootRow): void;
  listBoots(): BootRow[];

  /** Names of documents that are marked as quarantined, in the order of their bytes. */
  listQuarantined(limit: number): string[];
  /** Keeps a damaged log or snapshot row aside for people to look at, and takes it out of use. */
  quarantineLog(sequence: ArrivalSequence): void;
  quarantineSnapshot(document: DocumentId, incarnation: Incarnation, kind: SnapshotKind): void;

  counts(): StoreCounts;
}
