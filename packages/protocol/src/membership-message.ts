/** What peers say to each other about who links to whom. docs/PROTOCOL.md tells when. */
import type { PeerId } from "./ids.ts";
import type { Role } from "./message.ts";

export type MembershipMessage = Neighbour | Disconnect | ForwardJoin | Shuffle | ShuffleReply;

/**
 * How much whoever dialled wants the link. `low`: its view has room. `high`: its view is nearly empty. `join`: it has no link at all.
 * `keep`: its operator asked for this very link, which counts in no view.
 */
export type Wish = "low" | "high" | "join" | "keep";

/** "You are my neighbour": whoever was dialled says so after the greeting, or refuses. Only then the link is open for both. Since version 3. */
interface Neighbour {
  readonly type: "neighbour";
}

/** "I have more neighbours than I need: end this link if you can spare it." Who cannot says nothing. Since version 3. */
export interface Disconnect {
  readonly type: "disconnect";
  /** Some of the sender's other neighbours: over one that both have, the two stay joined. */
  readonly neighbours: readonly PeerId[];
}

/** What one peer tells of another. Since version 3. */
export interface MemberEntry {
  readonly peerId: PeerId;
  readonly role: Role;
  /** How long ago, in whole ms, somebody had a link to it, as far as the sender knows. */
  readonly ageMs: number;
  /** Where it was reached; none for a peer that dials out only. */
  readonly urls: readonly string[];
}

/** A peer that has just joined, on its way along a random walk; whoever ends the walk dials it. Since version 3. */
export interface ForwardJoin {
  readonly type: "forward-join";
  readonly peer: MemberEntry;
  /** Links that the walk may still take. */
  readonly walk: number;
}

/** Some of whom the origin knows, on its way along a random walk; whoever ends the walk answers with as many. Since version 3. */
export interface Shuffle {
  readonly type: "shuffle";
  readonly walk: number;
  /** Whom it passed, the origin first: the way back for the answer. */
  readonly path: readonly PeerId[];
  readonly peers: readonly MemberEntry[];
}

/** The answer, on the way back; with an empty path it is for the receiver. Also said unasked, to a new neighbour or with a refusal. Since version 3. */
export interface ShuffleReply {
  readonly type: "shuffle-reply";
  readonly path: readonly PeerId[];
  readonly peers: readonly MemberEntry[];
}
