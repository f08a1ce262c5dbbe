/**
 * Everything that can happen to a replica. The shell (or the simulator) hands them over in batches, in the order in which
 * they happened: `replica.step(events, now)`.
 *
 * A *subscriber* is whoever looks at one document: a browser session (through the relay) or an embedded handle. It
 * attaches with its state vector, edits, is delivered to, and detaches.
 */
import type { DocumentKey, Role } from "@yarrow/protocol";
import type { WorkResult } from "./work.ts";

/** One browser session or embedded handle. Unique within a process; handed out by the shell. */
export type SubscriberId = number;

/** One connection to another peer. Unique within a process; handed out by the shell. */
export type LinkId = number;

/** An answer that somebody outside waits for. Handed out by the shell. */
export type RequestId = number;

/** Work that was taken off the loop. Handed out by the replica. */
export type WorkId = number;

export type Event =
  | Attach
  | Edit
  | Detach
  | DeleteDocument
  | AwaitCopies
  | AwaitToken
  | AwaitFresh
  | CancelRequest
  | AnnouncePresence
  | LinkOpened
  | LinkFrame
  | LinkClosed
  | LinkCongested
  | LinkDrained
  | DialFailed
  | PauseLinks
  | LimitLink
  | CredentialsChanged
  | SetRole
  | Compact
  | Verify
  | ReleaseDocument
  | WorkDone;

/**
 * A subscriber says what it has, and asks for what it lacks. Passing the fence binds it to the document's incarnation.
 * It may be said again at any time (a browser resends SyncStep1) and is answered each time with an `answer`.
 */
export interface Attach {
  readonly type: "attach";
  readonly subscriber: SubscriberId;
  readonly name: string;
  /** A Yjs state vector as it came from outside; not yet checked. */
  readonly stateVector: Uint8Array;
  /** Keep account of what this subscriber writes, so that `await-copies` can be asked of it. */
  readonly countsCopies?: boolean;
}

/** A write by an attached subscriber. */
export interface Edit {
  readonly type: "edit";
  readonly subscriber: SubscriberId;
  /** A Yjs update, encoding V1, as it came from outside; not yet checked. The replica keeps the bytes: do not reuse the buffer. */
  readonly update: Uint8Array;
  /** Who wrote it, as far as is known; "" = unknown. */
  readonly principal: string;
  /**
   * It may be no write at all, but what a reader holds from elsewhere (an answer to SyncStep1) or tidied up by itself (deletions
   * only): a follower waits a while for the same to come from upstream before it refuses.
   */
  readonly perhapsRead?: boolean;
  /**
   * Its sender answers a `gap` with all that the replica lacks: what would have to wait is then asked for, and not kept. Else it is
   * kept, for its sender has told all it knows.
   */
  readonly answersGaps?: boolean;
}

export interface Detach {
  readonly type: "detach";
  readonly subscriber: SubscriberId;
}

/** Deletes a document; answered by a `deleted` effect. Deleting what is not alive does nothing. */
export interface DeleteDocument {
  readonly type: "delete";
  readonly request: RequestId;
  readonly name: string;
}

/**
 * Waits until `copies` other peers have committed the last edits of a subscriber. Answered by a `copies` effect when
 * reached, or at the deadline with the number that was reached.
 */
export interface AwaitCopies {
  readonly type: "await-copies";
  readonly request: RequestId;
  readonly subscriber: SubscriberId;
  readonly copies: number;
  /** Milliseconds from now. */
  readonly timeoutMs: number;
}

/** Waits until this replica holds what a token stands for (see `lag/token.ts`). Answered by a `waited` effect. */
export interface AwaitToken {
  readonly type: "await-token";
  readonly request: RequestId;
  /** As it came from outside; not yet checked. */
  readonly token: Uint8Array;
  /** Milliseconds from now. */
  readonly timeoutMs: number;
}

/** Waits until what this replica holds is at most so old. Answered by a `waited` effect. */
export interface AwaitFresh {
  readonly type: "await-fresh";
  readonly request: RequestId;
  readonly maxLagMs: number;
  /** Milliseconds from now. */
  readonly timeoutMs: number;
}

/** The one who waited for this request has gone away. */
export interface CancelRequest {
  readonly type: "cancel";
  readonly request: RequestId;
}

/** Awareness states of this peer's own sessions, for all other peers. */
export interface AnnouncePresence {
  readonly type: "announce-presence";
  readonly name: string;
  readonly states: readonly { readonly clientId: number; readonly clock: number; readonly state: string }[];
}

export interface LinkOpened {
  readonly type: "link-opened";
  readonly link: LinkId;
  /** The address that was dialled; undefined when the other side dialled us. */
  readonly dialled: string | undefined;
}

export interface LinkFrame {
  readonly type: "link-frame";
  readonly link: LinkId;
  readonly bytes: Uint8Array;
}

export interface LinkClosed {
  readonly type: "link-closed";
  readonly link: LinkId;
  readonly reason: string;
}

/** More bytes wait in the link's send queue than its budget allows. */
export interface LinkCongested {
  readonly type: "link-congested";
  readonly link: LinkId;
}

/** The link's send queue is empty enough again. */
export interface LinkDrained {
  readonly type: "link-drained";
  readonly link: LinkId;
}

export interface DialFailed {
  readonly type: "dial-failed";
  readonly url: string;
  readonly reason: string;
}

/** Cuts this peer off from others, or heals the cut. While paused, links are closed, not dialled and refused. */
export interface PauseLinks {
  readonly type: "pause-links";
  /** A peer id or an address; undefined = all links. */
  readonly peer: string | undefined;
  readonly paused: boolean;
}

/** Limits how fast this peer sends to another, now and whenever it is linked again while this process lives. */
export interface LimitLink {
  readonly type: "limit-link";
  /** A peer id or an address. */
  readonly peer: string;
  /** At least LINK_RATE_MIN; undefined = no limit. */
  readonly bytesPerSecond: number | undefined;
}

/** The list of trusted keys is another: links that it does not admit end. */
export interface CredentialsChanged {
  readonly type: "credentials-changed";
}

/** Makes this replica a writer or a follower, and remembers it. Its links are closed and dialled again. Answered by a `role-set` effect. */
export interface SetRole {
  readonly type: "set-role";
  readonly request: RequestId;
  readonly role: Role;
}

/** Compacts every document now, however small the gain. Answered by a `compacted` effect. */
export interface Compact {
  readonly type: "compact";
  readonly request: RequestId;
}

/** Compares this replica with all linked peers. Answered by a `verified` effect. */
export interface Verify {
  readonly type: "verify";
  readonly request: RequestId;
  readonly deep: boolean;
  readonly timeoutMs: number;
}

/** Tries a document again that is in quarantine. Answered by a `released` effect. */
export interface ReleaseDocument {
  readonly type: "release";
  readonly request: RequestId;
  readonly name: string;
}

export interface WorkDone {
  readonly type: "work-done";
  readonly work: WorkId;
  readonly result: WorkResult;
}

/** Where a listing goes on. */
export type ListAfter = DocumentKey | "";
