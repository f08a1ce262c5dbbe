/** What an embedder sees of the past: a peer as it was at an instant, and what happened to a document since. */
import type { Incarnation } from "@yarrow/protocol";
import type { HistoryWriter } from "@yarrow/replica";
import type * as Y from "yjs";
import type { DocumentDetail, ListOptions, RootContent } from "../peer-api.ts";
import type { WriteOptions } from "../single-edit.ts";

/** A point in time: a date, or milliseconds since 1970. It may not lie in the future. */
export type Instant = Date | number;

/** What a peer can do with its past. */
export interface PastMethods {
  /**
   * The replica as it was at an instant of the history window, for reading. Errors: YARROW_CONFIG_INVALID (no instant, or one in the
   * future), YARROW_PEER_CLOSED; its methods: YARROW_HISTORY_GONE.
   */
  at(instant: Instant): PeerPast;
  /** What happened to a document, newest first, a page at a time. Undefined when nothing of that name was ever written. */
  history(name: string, options?: HistoryOptions): Promise<DocumentHistory | undefined>;
  /**
   * Gives a document the content that it had at an instant, by a new edit that merges with those of others: what has not changed
   * since is not touched. A document that was deleted since comes back. Resolves when committed here, and on as many other peers as
   * `durability.copies` wants. Errors: YARROW_FOLLOWER (before anything is read), YARROW_HISTORY_GONE, YARROW_DOCUMENT_NOT_FOUND (it was
   * not there yet), YARROW_DOCUMENT_DELETED (it was deleted then), YARROW_DOCUMENT_TOO_LARGE, YARROW_STORE_FULL; in time, YARROW_TIMEOUT
   * (not known to be committed here) and YARROW_COPIES_MISSING (committed here, and not on other peers).
   */
  revert(name: string, instant: Instant, options?: RevertOptions): Promise<RevertResult>;
}

/**
 * The replica as it was: everything counts that had arrived here by then, all of that millisecond included. Errors of its
 * methods: YARROW_HISTORY_GONE where the past is not kept that far, YARROW_NAME_INVALID, YARROW_PEER_CLOSED.
 */
export interface PeerPast {
  readonly at: Date;
  /** One document as it was then. Errors: YARROW_DOCUMENT_QUARANTINED when it cannot be read. */
  open(name: string, options?: PastOptions): Promise<PastDocument>;
  /** Documents that were there, in the order of their names' UTF-8 bytes, a page at a time. */
  documents(options?: ListOptions): Promise<PastDocumentInfo[]>;
}

export interface PastOptions {
  /** What one root is taken for, whatever its content looks like. */
  readonly as?: { readonly root: string; readonly kind: RootContent["kind"] } | undefined;
}

export interface PastDocument extends Omit<DocumentDetail, "state" | "pending"> {
  readonly at: Date;
  /** `absent`: nothing of that name had come by then. */
  readonly state: "alive" | "deleted" | "absent";
  /** The last change that counts; undefined when it is older than what is kept of it, and when there was none. */
  readonly changedAt: Date | undefined;
  /** Of an absent document: when it came, if it ever did. */
  readonly firstAt: Date | undefined;
  /** False where rows of that time were damaged: some of what was there is missing. */
  readonly whole: boolean;
  /** A copy of your own, made from `update` when first asked for. What you change in it goes nowhere. */
  readonly doc: Y.Doc;
}

export interface PastDocumentInfo {
  readonly name: string;
  readonly state: "alive" | "deleted";
  readonly incarnation: Incarnation;
  readonly changedAt: Date | undefined;
}

export interface HistoryOptions {
  /** Entries in one page; default 100, at most 1,000. */
  readonly limit?: number | undefined;
  /** `next` of the page before. */
  readonly before?: number | undefined;
  /** Changes of one incarnation within this time are one entry; default a minute, 0 = each batch is one. */
  readonly togetherMs?: number | undefined;
}

export interface DocumentHistory {
  /** Newest first. */
  readonly entries: readonly DocumentChange[];
  /** Where the next page begins; undefined when this is the last. */
  readonly next: number | undefined;
  /** The oldest instant that can be told, of any document; undefined = everything since the replica was made. */
  readonly since: Date | undefined;
}

export interface DocumentChange {
  /** The last batch of the entry: `at(entry.at)` is the document with it. */
  readonly at: Date;
  /** The first batch of the entry. */
  readonly from: Date;
  readonly kind: "created" | "recreated" | "changed" | "deleted";
  readonly incarnation: Incarnation;
  /** Batches; each was committed as a whole. */
  readonly batches: number;
  readonly updates: number;
  readonly bytes: number;
  /** Who wrote, the busiest first. `principal` "" = unknown. `local`: on this peer; `broadcast`, `repair`: it came from another. */
  readonly writers: readonly HistoryWriter[];
  /** Batches that could not be read. */
  readonly damaged: number;
}

export type RevertOptions = WriteOptions;

export interface RevertResult {
  /** False when the document says already what it said then. */
  readonly changed: boolean;
  /** It was deleted since and has come back. */
  readonly recreated: boolean;
}
