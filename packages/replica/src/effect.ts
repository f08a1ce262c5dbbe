/**
 * Everything a replica wants done. `step` returns effects only after what they tell of is committed, so performing them in
 * order keeps the promise "durable first" with no further thought.
 */
import type { Incarnation, PeerId, ProcessId, Role, YarrowErrorCode, ClusterId } from "@yarrow/protocol";
import type { LinkId, RequestId, SubscriberId, WorkId } from "./event.ts";
import type { Work } from "./work.ts";

export type Effect =
  | Answer
  | Deliver
  | Saved
  | Confirmed
  | Echo
  | Gap
  | Evict
  | Rebound
  | PresenceChanged
  | PresenceLost
  | PresenceWanted
  | Deleted
  | Copies
  | Waited
  | Compacted
  | Verified
  | RoleSet
  | Released
  | SendFrames
  | CloseLink
  | Dial
  | StartWork
  | Observe;

/** What an attached subscriber lacks, in answer to `attach`. */
export interface Answer {
  readonly type: "answer";
  readonly subscriber: SubscriberId;
  readonly name: string;
  readonly incarnation: Incarnation;
  /** A Yjs update, encoding V1: every struct the subscriber lacks, and the whole delete set. Shared between subscribers: do not change. */
  readonly update: Uint8Array;
  /** The replica's own state vector, for the question in return. */
  readonly stateVector: Uint8Array;
}

/** New content of a document, committed in this batch, for all who are attached to it. */
export interface Deliver {
  readonly type: "deliver";
  readonly name: string;
  readonly incarnation: Incarnation;
  /** One Yjs update, encoding V1: everything the batch added, merged. */
  readonly update: Uint8Array;
  /** Subscribers whose own edits are part of it, each once. */
  readonly writers: readonly SubscriberId[];
  /** Sessions that are not sent `update`, because their own edits in it wait for copies. Absent when there are none. */
  readonly deferred?: readonly Deferral[];
}

export interface Deferral {
  readonly subscriber: SubscriberId;
  /** What such a session is sent in its place; undefined = nothing. The rest comes as its `echo`. */
  readonly others: Uint8Array | undefined;
}

/** This many edits of the subscriber (in the order sent) are committed. Comes after the `deliver` or `echo` that holds them. */
export interface Saved {
  readonly type: "saved";
  readonly subscriber: SubscriberId;
  readonly edits: number;
  /** They wait for copies on other peers: `confirmed` follows. Otherwise that is all there is to say. */
  readonly waits?: boolean;
}

/** This many edits of the subscriber, of those whose `saved` said that they wait, need wait no more. Comes after their `echo`. */
export interface Confirmed {
  readonly type: "confirmed";
  readonly subscriber: SubscriberId;
  readonly edits: number;
}

/** Edits that are acknowledged to the one who sent them alone: they brought nothing new, or have waited for copies. */
export interface Echo {
  readonly type: "echo";
  readonly subscriber: SubscriberId;
  readonly update: Uint8Array;
}

/** An edit of this subscriber refers to something the replica lacks: ask it again, with this state vector. */
export interface Gap {
  readonly type: "gap";
  readonly subscriber: SubscriberId;
  readonly stateVector: Uint8Array;
}

/** Why a subscriber is let go. `deleted`, `stale`, `invalid` and `too-large` are final for it; after the others it may come back. */
export type EvictReason =
  | "deleted"
  | "stale"
  | "invalid"
  | "too-large"
  | "read-only"
  | "overloaded"
  | "quarantined"
  | "joining";

/** The subscriber is detached and must attach again, if it may. Its edits that were not yet `saved` are refused. */
export interface Evict {
  readonly type: "evict";
  readonly subscriber: SubscriberId;
  readonly reason: EvictReason;
  readonly code: YarrowErrorCode;
  readonly detail: string;
}

/** A document that was deleted when these subscribers attached came alive; they stay, bound to the new incarnation. */
export interface Rebound {
  readonly type: "rebound";
  readonly name: string;
  readonly incarnation: Incarnation;
}

/** Awareness states that came from another peer. `state` "null" = gone. */
export interface PresenceChanged {
  readonly type: "presence";
  readonly name: string;
  /** The process whose sessions they are. */
  readonly origin: ProcessId;
  readonly states: readonly { readonly clientId: number; readonly clock: number; readonly state: string }[];
}

/** A linked process went away: awareness states of its sessions go with it. */
export interface PresenceLost {
  readonly type: "presence-lost";
  readonly origin: ProcessId;
}

/** Somebody elsewhere has begun to look at a document: awareness states of our own sessions are to be announced again. */
export interface PresenceWanted {
  readonly type: "presence-wanted";
  readonly name: string;
}

export interface Deleted {
  readonly type: "deleted";
  readonly request: RequestId;
  /** False when nothing of that name was alive. */
  readonly existed: boolean;
  /** Set when the deletion could not be committed; the document is as it was. */
  readonly failure: { readonly code: YarrowErrorCode; readonly detail: string } | undefined;
}

export interface Copies {
  readonly type: "copies";
  readonly request: RequestId;
  /** Distinct other peers that hold the edits. */
  readonly reached: readonly PeerId[];
  /** Undefined when enough were reached. */
  readonly failure: { readonly code: YarrowErrorCode; readonly detail: string } | undefined;
}

export interface Waited {
  readonly type: "waited";
  readonly request: RequestId;
  /** Undefined when what was waited for has come. */
  readonly failure: { readonly code: YarrowErrorCode; readonly detail: string } | undefined;
}

export interface Compacted {
  readonly type: "compacted";
  readonly request: RequestId;
  readonly documents: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

export interface VerifyDocument {
  readonly name: string;
  /** What differs: "incarnation 1, fingerprint …" on either side; "missing" where a side lacks it. */
  readonly mine: string;
  readonly theirs: string;
}

export interface VerifyReport {
  /** True when the local check found nothing bad and every linked peer is equal. */
  readonly equal: boolean;
  readonly root: string;
  readonly local: {
    readonly checked: number;
    readonly bad: readonly string[];
    /** Damaged rows that only history reads, and whether the time was enough to look at all of them. Does not count against `equal`. */
    readonly past: { readonly damaged: readonly string[]; readonly complete: boolean };
  };
  readonly peers: readonly {
    readonly peerId: PeerId;
    readonly result: "equal" | "different" | "moving" | "unreachable";
    readonly documents: readonly VerifyDocument[];
  }[];
}

export interface Verified {
  readonly type: "verified";
  readonly request: RequestId;
  readonly report: VerifyReport;
}

export interface RoleSet {
  readonly type: "role-set";
  readonly request: RequestId;
  /** The role that holds now. */
  readonly role: Role;
  /** Set when there was no room to remember it; the role is as it was. */
  readonly failure: { readonly code: YarrowErrorCode; readonly detail: string } | undefined;
}

export interface Released {
  readonly type: "released";
  readonly request: RequestId;
  /** `released`: in use again. `kept`: it is still in quarantine. `none`: it was in none. */
  readonly outcome: "released" | "kept" | "none";
  readonly detail: string;
}

export interface SendFrames {
  readonly type: "send";
  readonly link: LinkId;
  readonly frames: readonly Uint8Array[];
}

export interface CloseLink {
  readonly type: "close-link";
  readonly link: LinkId;
  readonly code: YarrowErrorCode;
  readonly detail: string;
}

/** Open a link to this address; answered by `link-opened` or `dial-failed`. */
export interface Dial {
  readonly type: "dial";
  readonly url: string;
}

/** Too long for the loop: do it elsewhere, then hand in `work-done`. */
export interface StartWork {
  readonly type: "work";
  readonly work: WorkId;
  readonly job: Work;
}

/** A fact for metrics and logs. Steers nothing. */
export interface Observe {
  readonly type: "observe";
  readonly fact: Fact;
}

export type Fact =
  | {
      readonly kind: "committed";
      readonly documents: number;
      readonly updates: number;
      readonly bytes: number;
      readonly rows: number;
    }
  | { readonly kind: "refused-update"; readonly name: string; readonly code: YarrowErrorCode; readonly detail: string }
  | { readonly kind: "pending"; readonly name: string; readonly bytes: number }
  | { readonly kind: "commit-failed"; readonly name: string; readonly code: YarrowErrorCode; readonly detail: string }
  /** A peer came back older than it was: `behind` changes were seen of it that it did not come back with. */
  | { readonly kind: "rolled-back"; readonly peerId: PeerId; readonly behind: number }
  /** This peer came back older than that peer had seen it. */
  | { readonly kind: "rolled-back-here"; readonly peerId: PeerId; readonly behind: number }
  /** The sets are equal again. */
  | { readonly kind: "rollback-over"; readonly peerId: PeerId; readonly here: boolean }
  | { readonly kind: "store-full" }
  | { readonly kind: "store-recovered" }
  | { readonly kind: "link-up"; readonly link: LinkId; readonly peerId: PeerId; readonly url: string | undefined }
  | { readonly kind: "link-down"; readonly link: LinkId; readonly peerId: PeerId | undefined; readonly reason: string }
  | { readonly kind: "link-refused"; readonly code: string; readonly detail: string; readonly url: string | undefined }
  | { readonly kind: "duplicate-identity"; readonly peerId: PeerId }
  | { readonly kind: "joined"; readonly clusterId: ClusterId }
  | { readonly kind: "role"; readonly role: Role }
  /** Edits are on as many other peers as the policy wants, this long after their commit. */
  | { readonly kind: "copies-confirmed"; readonly edits: number; readonly ms: number }
  /** Edits were acknowledged without: the peer is degraded. */
  | { readonly kind: "copies-skipped"; readonly edits: number }
  | { readonly kind: "copies-degraded"; readonly wanted: number; readonly waiting: number; readonly name: string }
  | { readonly kind: "copies-recovered"; readonly ms: number }
  | { readonly kind: "broadcast-sent"; readonly messages: number; readonly bytes: number }
  | {
      readonly kind: "broadcast-received";
      readonly duplicate: boolean;
      readonly bytes: number;
      /** Ms since the origin committed it. */
      readonly ageMs: number;
    }
  | { readonly kind: "push-dropped"; readonly link: LinkId }
  /** Lazy links were told of broadcasts; a link was asked to push origins again, and for broadcasts; a link was pruned of an origin. */
  | { readonly kind: "announced"; readonly broadcasts: number }
  | { readonly kind: "grafted"; readonly origins: number; readonly broadcasts: number }
  | { readonly kind: "pruned" }
  | { readonly kind: "round-started"; readonly link: LinkId }
  | {
      readonly kind: "round-ended";
      readonly link: LinkId;
      /** `ahead`: what differs is what the other side lacks and, by the roles of the two, does not take. */
      readonly result: "equal" | "progress" | "ahead" | "stuck" | "aborted";
      readonly documents: number;
      readonly bytes: number;
      readonly ms: number;
    }
  | { readonly kind: "reconciliation-stuck"; readonly link: LinkId; readonly rounds: number }
  /** A follower has for some time held more of so many documents than this writer. */
  | {
      readonly kind: "follower-ahead";
      readonly link: LinkId;
      readonly peerId: PeerId;
      readonly documents: number;
    }
  | { readonly kind: "quarantined"; readonly name: string; readonly detail: string }
  | { readonly kind: "repaired"; readonly name: string }
  /** Something threw over this document: it is closed for a while, and nothing else is. */
  | { readonly kind: "document-failed"; readonly name: string; readonly detail: string }
  /** A row that only history reads is damaged: that past is told with a gap, and what the document is now is whole. */
  | { readonly kind: "past-damaged"; readonly name: string; readonly detail: string }
  | { readonly kind: "compacted"; readonly name: string; readonly bytesBefore: number; readonly bytesAfter: number };
