/** What the links of a peer need to know, and whom they tell. */
import type { ClusterId, Hello, PeerId, ProcessId, Role, Wish } from "@yarrow/protocol";
import type { ReplicaConfig } from "../config.ts";
import type { Effect } from "../effect.ts";
import type { Directory, Target } from "../membership/directory.ts";
import type { Credentials } from "./credentials.ts";
import type { Link } from "./link.ts";

export interface LinksOptions {
  readonly config: ReplicaConfig;
  readonly directory: Directory;
  readonly peerId: PeerId;
  readonly processId: ProcessId;
  readonly addresses: readonly string[];
  readonly role: () => Role;
  readonly clusterId: () => ClusterId | undefined;
  /** Where the order of arrival at this peer's store stands. */
  readonly lastSequence: () => number;
  /** Returns false when it cannot be remembered. */
  readonly adoptCluster: (id: ClusterId) => boolean;
  readonly credentials?: Credentials | undefined;
  readonly emit: (effect: Effect) => void;
  /** How much the link that a dial makes is wanted. */
  readonly wish: (url: string) => Wish;
  /** Whether a peer that dialled us becomes a neighbour. */
  readonly admits: (link: Link, now: number) => boolean;
  /** What to dial now. */
  readonly takeDials: (now: number, mayDial: (target: Target) => boolean) => string[];
  readonly dialDeadline: () => number;
  /** Where we dialled somebody greeted us, whether or not a link comes of it. */
  readonly answered: (url: string, hello: Hello, now: number) => void;
  /** A dial, or the link that it made, has come to an end. `declined`: who answered has links enough, and has told of others. */
  readonly undialled: (url: string, how: { readonly declined: boolean; readonly now: number }) => void;
  /** A cut was healed. */
  readonly hurry: (now: number) => void;
  readonly opened: (link: Link, now: number) => void;
  readonly ended: (link: Link, now: number) => void;
  /** The other side of an open link has begun to follow this one. */
  readonly followed: (link: Link) => void;
  /** More can be sent again: what was dropped meanwhile is to be repaired. */
  readonly drained: (link: Link, now: number) => void;
  /** A ping was answered. */
  readonly timed: (link: Link) => void;
}
