/**
 * What peers say to each other. docs/PROTOCOL.md tells when; `codec.ts` tells how it looks in bytes.
 *
 * Every message that names a document carries its incarnation, because an update means nothing without it.
 */
import type { ClusterId, DocumentKey, Incarnation, PeerId, ProcessId } from "./ids.ts";
import type { MembershipMessage, Wish } from "./membership-message.ts";
import type { TreeMessage } from "./tree-message.ts";

export type Message =
  | Hello
  | Proof
  | Follow
  | Refuse
  | Ping
  | Pong
  | Addresses
  | Broadcast
  | TreeMessage
  | Acknowledge
  | CoverAsk
  | Presence
  | Interest
  | Digest
  | Recall
  | NodesAsk
  | Nodes
  | DocumentsAsk
  | Documents
  | StreamAsk
  | Stream
  | DocumentsTaken
  | Fragment
  | FragmentTaken
  | VerifyAsk
  | VerifyPage
  | Beat
  | LagReport
  | MembershipMessage;

export type Role = "writer" | "follower";

/** The first message of either side of a link; nothing else is understood before it. */
export interface Hello {
  readonly type: "hello";
  readonly protocolMin: number;
  readonly protocolMax: number;
  readonly fingerprintVersion: number;
  /** Bits for optional abilities; unknown bits are ignored. */
  readonly features: number;
  /** Undefined while a blank peer waits to adopt the id of the first decided peer it reaches. */
  readonly clusterId: ClusterId | undefined;
  readonly peerId: PeerId;
  readonly processId: ProcessId;
  readonly role: Role;
  /** WebSocket addresses at which this peer believes it can be dialled. */
  readonly addresses: readonly string[];
  /** The sender is a follower that dialled an address it was configured with: it takes changes from this side whatever its role. See {@link Follow}. Since version 2. */
  readonly follows: boolean;
  /** Where the order of arrival at the sender's store stands; 0 where nothing arrived, or it is not told. Since version 2. */
  readonly lastSequence: number;
  /** Ed25519, 32 bytes; empty when the sender has no key. */
  readonly publicKey: Uint8Array;
  /** 16 bytes made for this link, which the other side signs in its {@link Proof}; empty when the sender asks for none. */
  readonly nonce: Uint8Array;
  /** Means nothing from the side that was dialled. `keep` from a sender of an earlier version. Since version 3. */
  readonly wish: Wish;
}

/** "I hold the private key of the public one in my hello", said directly after it. */
export interface Proof {
  readonly type: "proof";
  /** Ed25519 over both hellos, 64 bytes. */
  readonly signature: Uint8Array;
}

/**
 * From here on the sender follows this side, as if its hello had said so: the link was dialled by the other side, but the sender
 * was configured with an address of it. Since version 2.
 */
export interface Follow {
  readonly type: "follow";
}

/** Said before a link is closed on purpose, so that the other side's log tells the reason. */
export interface Refuse {
  readonly type: "refuse";
  /** A YarrowErrorCode; a string here, because a later release may know more of them. */
  readonly code: string;
  readonly detail: string;
}

export interface Ping {
  readonly type: "ping";
  readonly sequence: number;
}

export interface Pong {
  readonly type: "pong";
  readonly sequence: number;
  /** Whole ms since this link opened for the sender: its stopwatch. 0 where it is not told. Since version 2. */
  readonly stopwatchMs: number;
}

/** Peers that the sender knows, and where they can be dialled. */
export interface Addresses {
  readonly type: "addresses";
  readonly peers: readonly { readonly peerId: PeerId; readonly urls: readonly string[] }[];
}

/** One accepted write, with what is known of who wrote it (empty = unknown). */
export interface Segment {
  readonly principal: string;
  /** A Yjs update, encoding V1. */
  readonly update: Uint8Array;
}

/** A committed change of one document on its way to every peer. Its id is (origin, sequence). */
export interface Broadcast {
  readonly type: "broadcast";
  readonly origin: ProcessId;
  readonly sequence: number;
  readonly name: string;
  readonly incarnation: Incarnation;
  /** Dead client ids, sent when the incarnation moved; otherwise empty. */
  readonly fence: readonly number[];
  /** Empty when the document was deleted. */
  readonly segments: readonly Segment[];
  /** Whole ms since the origin committed it; every hop adds what it took. 0 where it is not told. Since version 2. */
  readonly ageMs: number;
  /**
   * How many broadcasts the origin has made for its tree, this one included: they are counted without a gap, and passed on
   * by everybody. 0 for one outside of the tree, which is passed on only where it brings something new. Since version 3.
   */
  readonly ordinal: number;
}

/** "This peer has committed everything that the question `sequence` of `origin` asked for." Travels back the way the question came. */
export interface Acknowledge {
  readonly type: "acknowledge";
  readonly origin: ProcessId;
  readonly sequence: number;
  readonly peerId: PeerId;
}

/** "Do you hold all of this?" Flooded like a broadcast and answered with {@link Acknowledge} by every peer that does. */
export interface CoverAsk {
  readonly type: "cover-ask";
  readonly origin: ProcessId;
  readonly sequence: number;
  /** The sequence that the answer acknowledges. */
  readonly subject: number;
  readonly name: string;
  readonly incarnation: Incarnation;
  /** An encoded contribution: client clocks and deleted ranges (see the replica's lattice). */
  readonly contribution: Uint8Array;
}

export interface PresenceState {
  readonly clientId: number;
  readonly clock: number;
  /** JSON text; "null" when the client is gone. */
  readonly state: string;
}

/** Awareness of clients connected to the origin. Ephemeral: never stored. Deduplicated by (origin, sequence). */
export interface Presence {
  readonly type: "presence";
  readonly origin: ProcessId;
  readonly sequence: number;
  readonly name: string;
  readonly states: readonly PresenceState[];
}

/**
 * The documents that browsers of the origin look at: awareness of others is sent only towards those who look. Passed on once by
 * everybody who has not heard this version. Since version 3.
 */
export interface Interest {
  readonly type: "interest";
  readonly origin: ProcessId;
  /** Counts the announcements of this process, from 1. */
  readonly version: number;
  /** The version that this is a difference to; 0 = it lists all. */
  readonly base: number;
  /** More than can be listed, or not known: the origin may look at anything. Nothing is listed then. */
  readonly everything: boolean;
  readonly added: readonly DocumentKey[];
  readonly removed: readonly DocumentKey[];
}

/** The whole set in 16 bytes. `answer` asks the other side to send its own. */
export interface Digest {
  readonly type: "digest";
  readonly root: Uint8Array;
  readonly documents: number;
  readonly answer: boolean;
  /** Where the order of arrival at the sender's store stands; 0 where it is not told. Since version 2. */
  readonly lastSequence: number;
}

/**
 * "I had seen your order of arrival as far as this, and your hello says less": the receiver's disk was put back to an earlier
 * state. For people; nothing follows from it. Since version 2.
 */
interface Recall {
  readonly type: "recall";
  readonly sequence: number;
}

/** A node of the set tree: `depth` hex digits of the document keys below it. The root is "". */
export type NodePath = string;

/** Asks for what lies below nodes of the set tree, in the order of the list. `round` names the asker's round and is returned as it came. */
export interface NodesAsk {
  readonly type: "nodes-ask";
  readonly round: number;
  readonly paths: readonly NodePath[];
  /**
   * For each path, the asker's own sums of the 16 children; undefined where it asks without. Where they are given, the answer is about
   * the children that differ, which spares a round trip. No entries: the asker gives none. Since version 3.
   */
  readonly sums: readonly (readonly Uint8Array[] | undefined)[];
}

export interface TreeItem {
  readonly key: DocumentKey;
  /** 16 bytes over incarnation, fence and fingerprint of the document. */
  readonly digest: Uint8Array;
}

/** Below one node: 16 sums of 16 bytes each where it has children, else its documents. */
export type NodeContent =
  | { readonly path: NodePath; readonly kind: "children"; readonly sums: readonly Uint8Array[] }
  | { readonly path: NodePath; readonly kind: "items"; readonly items: readonly TreeItem[] };

export interface Nodes {
  readonly type: "nodes";
  readonly round: number;
  readonly nodes: readonly NodeContent[];
  /** So many of the paths that were asked for are answered; the others are to be asked for again. 0 where it is not told: all. Since version 3. */
  readonly answered: number;
}

/** What one side holds of a document, in the size of its client list. */
export interface DocumentSummary {
  readonly name: string;
  readonly incarnation: Incarnation;
  readonly fence: readonly number[];
  /** Per client: clock reached, and a 32-bit digest of its deleted ranges (0 = none). */
  readonly clients: readonly { readonly client: number; readonly clock: number; readonly deletes: number }[];
}

/** Asks for what the asker lacks of the summarised documents, and for the whole of those whose keys it does not know. */
export interface DocumentsAsk {
  readonly type: "documents-ask";
  readonly round: number;
  readonly summaries: readonly DocumentSummary[];
  readonly keys: readonly DocumentKey[];
}

/** What the other side lacks of one document. */
export interface DocumentDifference {
  readonly name: string;
  readonly incarnation: Incarnation;
  readonly fence: readonly number[];
  /** A Yjs update, encoding V1; empty (no bytes) where there is nothing to send. */
  readonly update: Uint8Array;
  /** Set when the sender lacks something of this document itself, and would like it in return. */
  readonly summary: DocumentSummary | undefined;
}

/** Differences, in answer to {@link DocumentsAsk} or, with `reply` false, in return for the summaries of such an answer. */
export interface Documents {
  readonly type: "documents";
  readonly round: number;
  readonly reply: boolean;
  readonly documents: readonly DocumentDifference[];
  /** Asked for, but left out to keep the batch within its bounds: ask again. */
  readonly omitted: readonly string[];
}

/** Asks for all documents in key order after `after` ("" = from the start): how an empty replica fills itself. */
export interface StreamAsk {
  readonly type: "stream-ask";
  readonly round: number;
  readonly after: DocumentKey | "";
  /** The last key that is asked for; "" = to the end, and where it is not told. Since version 3. */
  readonly through: DocumentKey | "";
}

export interface Stream {
  readonly type: "stream";
  readonly round: number;
  readonly documents: readonly DocumentDifference[];
  /** Where to go on; "" when this was the last batch. */
  readonly next: DocumentKey | "";
}

/** The returned differences of a round are committed; this is the root of the set now. */
export interface DocumentsTaken {
  readonly type: "documents-taken";
  readonly round: number;
  readonly root: Uint8Array;
}

/** A piece of a message that is larger than a frame. Pieces of one transfer come in order; other messages may come between. */
export interface Fragment {
  readonly type: "fragment";
  readonly transfer: number;
  /** Bytes of the whole message; the same in every piece. */
  readonly total: number;
  readonly bytes: Uint8Array;
}

export interface FragmentTaken {
  readonly type: "fragment-taken";
  readonly transfer: number;
}

/** Asks for what a peer holds, document by document in key order, to prove that two replicas are equal. */
export interface VerifyAsk {
  readonly type: "verify-ask";
  readonly request: number;
  /** Also digest the content of each document, not just its fingerprint. */
  readonly deep: boolean;
  readonly after: DocumentKey | "";
}

export interface VerifyEntry {
  readonly key: DocumentKey;
  readonly name: string;
  readonly incarnation: Incarnation;
  /** 16 bytes, as 32 hex digits. */
  readonly fingerprint: string;
  /** 32 bytes as 64 hex digits; "" unless asked for deeply, or where the content cannot be read. */
  readonly contentDigest: string;
}

export interface VerifyPage {
  readonly type: "verify-page";
  readonly request: number;
  readonly root: Uint8Array;
  readonly entries: readonly VerifyEntry[];
  readonly next: DocumentKey | "";
}

/**
 * How old at most is what the other side of this link holds, once it has taken in what was said before. Said many times a second
 * to followers. Since version 2.
 */
export interface Beat {
  readonly type: "beat";
  /** Whole ms since this link opened for the sender: when this was said, on a clock of which only the pace is trusted. */
  readonly stopwatchMs: number;
  /** Raised when something committed at the sender was not said on this link: only a round that begins later makes up for it. */
  readonly gap: number;
  /** How long something that has not been said in full has waited; 0 when nothing does. */
  readonly heldMs: number;
  /** Committed at the sender since its process started. */
  readonly updates: number;
  readonly bytes: number;
  /** What the sender itself still lacks; undefined when it does not know. */
  readonly behind: { readonly updates: number; readonly bytes: number } | undefined;
  /** For every writer that the sender hears, itself included if it is one: how old its own state is. */
  readonly writers: readonly BeatWriter[];
}

export interface BeatWriter {
  readonly peerId: PeerId;
  /** The sender holds everything that this writer had committed so many ms ago; undefined when it does not know. */
  readonly behindMs: number | undefined;
  /** The writer was last heard so many ms ago, over however many hops. */
  readonly silentMs: number;
}

/** A follower's own lag, for those it follows to show. Undefined = not known. Since version 2. */
export interface LagReport {
  readonly type: "lag-report";
  readonly lagMs: number | undefined;
  readonly behind: { readonly updates: number; readonly bytes: number } | undefined;
}
