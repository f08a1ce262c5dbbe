/**
 * What an embedder sees. `createPeer` in `create-peer.ts` makes a {@link Peer}; everything else hangs on it.
 */
import type { Incarnation, PeerId, ProcessId, ClusterId, Role } from "@yarrow/protocol";
import type {
  CopiesStatus,
  GossipStatus,
  ReplicaConfig,
  RolledBack,
  VerifyReport,
  Fact,
  LagStatus,
  LinkLagStatus,
  MembershipStatus,
  QuarantinedDocument,
} from "@yarrow/replica";
import type * as Y from "yjs";
import type { BackupOptions, BackupStatus } from "./backup/backups.ts";
import type { BackupManifest } from "./backup/manifest.ts";
import type { BackupSchedule } from "./backup/schedule.ts";
import type { ImportOptions } from "./transfer/import-update.ts";
import type { Counters } from "./counters.ts";
import type { DurabilityOptions } from "./durability-options.ts";
import type { QueryParams } from "./query/check-sql.ts";
import type { QueryOptions, QueryResult, QueryStatus } from "./query/query-api.ts";
import type { PastMethods } from "./past/past-api.ts";

export interface PeerOptions {
  /** Folder of the replica; created when missing. One peer per folder. */
  readonly data: string;
  /** `host:port` for browsers, peers and health checks; port 0 takes a free one. Undefined: listen nowhere (the peer only dials). */
  readonly listen?: string;
  /** `host:port` of metrics and status; loopback only. Undefined: none. */
  readonly admin?: string;
  /** WebSocket addresses of other peers, `ws://host:port`. One that can be reached is enough. */
  readonly peers?: readonly string[];
  /**
   * `follower`: a replica that takes no writes, from nobody, and changes only from writers and from the peers listed here. What
   * `setRole` has set before is remembered in the folder, and wins. Default `writer`.
   */
  readonly role?: Role;
  /** Learn further peers from those that are linked, and dial them. Default true. */
  readonly discovery?: boolean;
  /** Addresses at which others can dial this peer. Default: the listening address, unless it is a wildcard. */
  readonly advertise?: readonly string[];
  /** Name of the set of peers, 1 to 64 characters. */
  readonly cluster?: string;
  /**
   * `full` (default): a commit is on disk before it is acknowledged. `normal`: survives the death of the process, not of the
   * power. As an object also what the acknowledgement of an edit waits for on other peers.
   */
  readonly durability?: "full" | "normal" | DurabilityOptions;
  /** How long the log is kept, in ms. Default one day. */
  readonly historyMs?: number;
  /**
   * File of the keys that may be at the other end of a link, one a line: `writer ed25519:…` or `follower ed25519:…`. Each side then
   * proves its key. Read again when it changes. Undefined: every peer of the cluster is let in, in the role it claims.
   */
  readonly trust?: string;
  /**
   * Keep a projection of every document for `query`. Undefined: from the first query on, and remembered in the data folder.
   * True: from the start. False: never; a projection that is there is removed.
   */
  readonly query?: boolean;
  /**
   * Start the thread for long jobs soon after the peer, not with its first job, which then shares no processor with that. For a process
   * that serves for long; costs some 15 MB. Default false.
   */
  readonly earlyWorker?: boolean;
  /** Allow a listener that is not on loopback without authentication. */
  readonly insecure?: boolean;
  /** Bounds and intervals of the engine; for tests and unusual networks. */
  readonly limits?: Partial<ReplicaConfig>;
  /** Backups at fixed times, of which the newest are kept. Default: none. */
  readonly backups?: BackupSchedule;
  /** What `GET /metrics` on the admin address answers; asked anew for each request. Undefined: 404. */
  readonly metrics?: () => Promise<{ readonly contentType: string; readonly body: string }>;
  /** Structured log lines. Default: silent. */
  readonly log?: (line: LogLine) => void;
}

export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** An embedded peer. Close it, or declare it with `await using`. */
export interface Peer extends AsyncDisposable, PastMethods {
  readonly peerId: PeerId;
  readonly processId: ProcessId;
  /** `ws://host:port`, or undefined when it listens nowhere. */
  readonly url: string | undefined;
  /** `http://host:port` of metrics and status, or undefined. */
  readonly adminUrl: string | undefined;
  status(): PeerStatus;
  /** What sockets and the loop have done so far. The object is live: read it, do not keep or change it. */
  counters(): Readonly<Counters>;
  /** Opens a document for reading and writing; creates nothing until the first edit. Errors: YARROW_NAME_INVALID, YARROW_DOCUMENT_QUARANTINED, YARROW_PEER_CLOSED. */
  open(name: string, options?: { readonly signal?: AbortSignal }): Promise<DocumentHandle>;
  /** Documents in the order of their names' UTF-8 bytes, a page at a time. */
  documents(options?: ListOptions): DocumentInfo[];
  /**
   * One document in full, with its content. Undefined when nothing of that name was ever written. Yjs does not store the kinds
   * of roots, so they are inferred from their content; `as` says of one what it is.
   */
  show(name: string, options?: ShowOptions): Promise<DocumentDetail | undefined>;
  /**
   * Merges a Yjs update, encoding V1, into a document, as a write of this peer; what is there already changes nothing. Resolves
   * when it is committed here, and on as many other peers as `durability.copies` wants. Errors: YARROW_NAME_INVALID, YARROW_FOLLOWER (whatever
   * the update holds), YARROW_UPDATE_INVALID, YARROW_UPDATE_TOO_LARGE, YARROW_DOCUMENT_TOO_LARGE, YARROW_STORE_FULL, YARROW_DOCUMENT_DELETED for
   * content of a life of the document that has ended; in time, YARROW_TIMEOUT and YARROW_COPIES_MISSING as for `revert`.
   */
  importUpdate(name: string, update: Uint8Array, options?: ImportOptions): Promise<void>;
  /** Deletes a document everywhere; resolves true when it was alive. Errors: YARROW_FOLLOWER, YARROW_STORE_FULL. */
  delete(name: string): Promise<boolean>;
  /** The place of now in the order of arrival: `changes({ since: cursor() })` misses nothing that comes later. */
  cursor(): string;
  /**
   * Changes in the order in which they arrived here, from a cursor on (or from now), for ever until aborted. The log is kept for
   * the history window: a feed or cursor that has missed a row which left it ends with YARROW_CURSOR_LOST, and never skips one.
   */
  changes(options?: { readonly since?: string; readonly signal?: AbortSignal }): AsyncIterable<Change>;
  /**
   * Asks one reading statement of SQLite over `documents` and `documents_fts`: see docs/QUERY.md. It runs in a process of its own and
   * holds up neither the loop nor a commit. Errors: YARROW_QUERY_INVALID, YARROW_QUERY_OFF, YARROW_QUERY_NOT_READY while the
   * projection is being built, YARROW_QUERY_BUSY, YARROW_QUERY_TIMEOUT, YARROW_QUERY_TOO_LARGE, YARROW_QUERY_FAILED.
   */
  query(sql: string, params?: QueryParams, options?: QueryOptions): Promise<QueryResult>;
  /** Begins the projection anew from the documents' bytes, in the background; queries wait for it. Errors: YARROW_QUERY_OFF. */
  rebuildProjection(): void;
  /** Checks this replica's own rows, and compares it with every linked peer. */
  verify(options?: {
    readonly deep?: boolean;
    readonly timeoutMs?: number;
    readonly signal?: AbortSignal;
  }): Promise<VerifyReport>;
  /** Compacts every document now. */
  compact(): Promise<{ readonly documents: number; readonly bytesBefore: number; readonly bytesAfter: number }>;
  /**
   * Writes a backup of the replica as it is now to one file, while it goes on working: in a thread of its own, at a limited rate.
   * The file appears when it is whole and proved. Errors: YARROW_BACKUP_EXISTS, YARROW_BACKUP_FAILED, YARROW_DISK_SPACE_LOW,
   * and the signal's reason.
   */
  backup(file: string, options?: BackupOptions): Promise<BackupManifest>;
  readonly role: Role;
  /**
   * Makes this peer a writer or a follower, and remembers it in the data folder. Sessions and handles stay; links are closed and
   * dialled again at once. A writer that becomes a follower first gives the others up to 2 s to fetch what it wrote.
   * Errors: YARROW_STORE_FULL.
   */
  setRole(role: Role): Promise<void>;
  /**
   * Waits until this peer holds what a token stands for, however it comes: a token is what `saved` of a handle on any peer of the
   * cluster resolved to. Errors: YARROW_TIMEOUT, YARROW_TOKEN_INVALID, YARROW_CLUSTER_MISMATCH, YARROW_PEER_CLOSED, and the
   * signal's reason.
   */
  waitFor(token: string, options?: WaitOptions): Promise<void>;
  /**
   * Waits until what this peer holds is at most so old, as `status().lag` tells; at once on a writer. Errors: YARROW_TIMEOUT,
   * YARROW_CONFIG_INVALID, YARROW_PEER_CLOSED, and the signal's reason.
   */
  waitUntilFresh(options: WaitOptions & { readonly maxLagMs: number }): Promise<void>;
  /** Cuts links to a peer (by id or address) or to all, or heals the cut. Errors: YARROW_LINK_LIMIT, YARROW_LINK_NOT_FOUND. */
  pauseLinks(paused: boolean, peer?: string): Promise<void>;
  /**
   * Limits how fast this peer sends to another (by id or address), in bytes per second, from now on and whenever it is linked again;
   * undefined lifts the limit. Gone with the process. Errors: YARROW_LINK_LIMIT, YARROW_LINK_NOT_FOUND, YARROW_CONFIG_INVALID.
   */
  limitLink(peer: string, bytesPerSecond: number | undefined): Promise<void>;
  /** Documents that are out of use: damaged, or failed over; at most 1,000. `status` counts them. */
  quarantined(): QuarantinedDocument[];
  /**
   * Tries a document in quarantine again: reads its rows anew, checks them, and lets sessions come back. `kept` when it cannot, and
   * `detail` says why; `none` when it is in no quarantine. Errors: YARROW_NAME_INVALID.
   */
  release(name: string): Promise<ReleaseReport>;
  on<K extends keyof PeerEvents>(event: K, listener: (value: PeerEvents[K]) => void): () => void;
  /** Stops accepting, finishes what is under way, closes every session with 1012, closes the store. */
  close(): Promise<void>;
}

export interface ReleaseReport {
  readonly outcome: "released" | "kept" | "none";
  readonly detail: string;
}

export interface WaitOptions {
  /** Default 10,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface PeerEvents {
  /** Facts for metrics and logs, as they happen. */
  readonly fact: Fact;
  /** The peer had to stop; it is closed. */
  readonly failed: Error;
  /** The peer was closed: by `close`, or by `yarrow` over the control socket. */
  readonly closed: "owner" | "control";
}

/** A live document over the local replica. */
export interface DocumentHandle extends AsyncDisposable {
  readonly name: string;
  /**
   * The live document. Replaced by a fresh one when `replaced` fires: do not keep it. Changes that come from elsewhere have the
   * handle as their transaction's origin.
   */
  readonly doc: Y.Doc;
  readonly incarnation: Incarnation;
  /**
   * Resolves when every edit made so far is committed here and on as many other peers as `copies` says: where it is not given,
   * as the peer's {@link PeerOptions.durability} wants. `copies: 0` waits for this peer alone. With `copies`, `timeoutMs` is
   * 10,000 unless given; without, there is no deadline unless given.
   * The token stands for everything written through this handle: `waitFor` on any other peer of the cluster waits until it is there.
   * Errors: YARROW_COPIES_MISSING (with what was reached), YARROW_FOLLOWER, YARROW_DOCUMENT_DELETED, YARROW_STORE_FULL, YARROW_PEER_CLOSED.
   */
  saved(options?: {
    readonly copies?: number;
    readonly timeoutMs?: number;
    readonly signal?: AbortSignal;
  }): Promise<string>;
  /** `replaced`: a local edit was refused, or the document was deleted or moved on; `doc` is a fresh one, and the reason is given. */
  on(event: "replaced", listener: (reason: Error) => void): () => void;
  close(): Promise<void>;
}

export interface DocumentInfo {
  readonly name: string;
  readonly state: "alive" | "deleted";
  readonly incarnation: Incarnation;
  /** 32 hex digits. */
  readonly fingerprint: string;
  /** Stored bytes of the current incarnation. */
  readonly bytes: number;
  readonly changedAt: Date;
}

export interface ListOptions {
  /** Only names that begin with this. */
  readonly prefix?: string | undefined;
  /** Only names after this one: the last of the page before. */
  readonly after?: string | undefined;
  /** Default 100, at most 10,000. */
  readonly limit?: number | undefined;
  /** Also those that were deleted. */
  readonly deleted?: boolean | undefined;
}

export interface ShowOptions {
  readonly as?: { readonly root: string; readonly kind: RootContent["kind"] };
}

export interface RootContent {
  readonly kind: "text" | "map" | "array" | "xml";
  readonly value: unknown;
}

export interface DocumentDetail {
  readonly name: string;
  readonly state: "alive" | "deleted";
  readonly incarnation: Incarnation;
  readonly fingerprint: string;
  /** 64 hex digits: equal on two peers exactly when their content is equal. */
  readonly contentDigest: string;
  /** Bytes of updates that wait for what they refer to. */
  readonly pending: number;
  readonly roots: Readonly<Record<string, RootContent>>;
  /** The whole document as one Yjs update, encoding V1. */
  readonly update: Uint8Array;
}

export interface Change {
  /** Resume after this change: `changes({ since: cursor })`. */
  readonly cursor: string;
  readonly name: string;
  readonly kind: "update" | "delete";
  readonly incarnation: Incarnation;
  readonly at: Date;
  /** What arrived together, unmerged; empty for a delete. */
  readonly updates: readonly {
    readonly update: Uint8Array;
    readonly principal: string;
    readonly source: "local" | "broadcast" | "repair";
  }[];
}

export type { QueryParams, QueryValue } from "./query/check-sql.ts";
export type { QueryCell, QueryOptions, QueryResult, QueryStatus } from "./query/query-api.ts";

/** The shape of `status --json`. Stable: other programs read it. */
export interface PeerStatus {
  readonly peerId: PeerId;
  readonly incarnation: ProcessId;
  readonly clusterId: ClusterId | undefined;
  /** What this peer proves on its links, `ed25519:…`: for the others' lists of trusted keys. */
  readonly publicKey: string;
  readonly role: Role;
  /** The role that `promote`, `demote` or `setRole` has set; undefined when none ever did. */
  readonly rememberedRole: Role | undefined;
  /** Known writers and where they can be dialled: this peer, if it is one, and those linked with it. */
  readonly writers: readonly PeerPlace[];
  /** Linked followers that feed this one: where no writer is known, one of them may know. */
  readonly upstream: readonly PeerPlace[];
  readonly state: "starting" | "joining" | "ready" | "read-only" | "closing";
  readonly url: string | undefined;
  /** Fingerprint of the whole set, 32 hex digits. */
  readonly root: string;
  readonly documents: {
    readonly alive: number;
    readonly deleted: number;
    readonly pending: number;
    readonly quarantined: number;
  };
  /** Open links, and the addresses that should have one. */
  readonly links: readonly LinkStatus[];
  /** Live push: eager and lazy links over all origins, and what is waited for and kept. */
  readonly gossip: GossipStatus;
  readonly membership: MembershipStatus;
  readonly sessions: number;
  readonly store: { readonly bytes: number; readonly logRows: number; readonly synchronous: "full" | "normal" };
  /** Acknowledgements that wait for other peers: what is wanted, who acknowledges, what waits. */
  readonly copies: CopiesStatus;
  readonly query: QueryStatus;
  /** How old at most is what this peer holds of the writers it hears; 0 on a writer. */
  readonly lag: LagStatus;
  /** Links are paused by an operator. */
  readonly paused: boolean;
  /** Two live processes with one peer id were seen. */
  readonly duplicateIdentity: boolean;
  /** What repairs brought from other peers, oldest first: what was merged of one that came back. Of this process's life, the last 32. */
  readonly merged: readonly {
    readonly peerId: PeerId;
    readonly documents: number;
    readonly bytes: number;
    /** When the two were last known equal before, in ms since 1970. */
    readonly sinceMs: number | undefined;
    readonly atMs: number;
  }[];
  /** Peers that came back older than they were (a disk was put back), this one among them, and are not yet equal again. */
  readonly rolledBack: readonly RolledBack[];
  /** Backups of this peer since it started. */
  readonly backup: BackupStatus;
}

export interface PeerPlace {
  readonly peerId: PeerId;
  readonly url: string | undefined;
}

export interface LinkStatus {
  readonly peerId: PeerId | undefined;
  readonly url: string | undefined;
  readonly state: "connecting" | "open" | "paused" | "waiting";
  /** The other side's set was equal when last compared. */
  readonly equal: boolean;
  readonly rttMs: number | undefined;
  /** Bytes per second at which this peer may send to the other; undefined = no limit. */
  readonly limit: number | undefined;
  /** Live updates are left out for now, because too much waits to be sent; they are repaired when it has been. */
  readonly congested: boolean;
  /**
   * How old at most is what this peer holds of the other's set. On a link from which a follower takes changes: told by beats, within a
   * few tens of ms. On other links: 0 while the sets were equal when last compared, else the time since they were.
   */
  readonly lagMs: number | undefined;
  /** What this peer lacks of what the other had committed when it last told; undefined where it does not tell. */
  readonly updatesBehind: number | undefined;
  readonly bytesBehind: number | undefined;
  /** How long ago this peer was last verified to hold everything the other held. */
  readonly verifiedMs: number | undefined;
  /** What a follower at the other end says of its own lag, about once a second. */
  readonly follower: LinkLagStatus["follower"];
  /** The other side's role; undefined while there is no link. */
  readonly role: Role | undefined;
  /** This side takes changes from the other; the other takes them from this side. */
  readonly feedsUs: boolean;
  readonly takesOurs: boolean;
  /** Documents of which the other side, a follower, has for some time held more than this writer: it was put back to an older state. */
  readonly theyHoldMore: number;
  /** Documents of which this follower holds more than the other side. */
  readonly weHoldMore: number;
  /** Set while most of the set is being fetched over this link: how many documents this peer holds, of how many, and how many come in a second. */
  readonly catchUp: { readonly documents: number; readonly total: number; readonly perSecond: number } | undefined;
}
