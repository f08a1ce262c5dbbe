/** What checkers are told while a simulation runs. */
import type { Effect } from "@yarrow/replica";
import type { Browser } from "./browser.ts";
import type { SimulatedPeer } from "./peer.ts";

export type Deliver = Extract<Effect, { type: "deliver" }>;

export interface Writing {
  /** Names whose deletion was in the batch, and could be granted. */
  readonly asked: ReadonlySet<string>;
  /** Its peer may originate something: it was a writer before the step, or is one after it. */
  readonly originates: boolean;
}

export interface Witness {
  /** Documents that a step has written, before its effects are performed. */
  readonly written?: (peer: SimulatedPeer, names: readonly string[], how: Writing) => void;
  /** A peer shows new content: it must be on its disk for good. */
  readonly shown?: (peer: SimulatedPeer, effect: Deliver) => void;
  /** A client wrote. */
  readonly wrote?: (client: number, name: string, update: Uint8Array) => void;
  /** A client was shown its own write, and so may forget it. `note` is the incarnation at the peer when it was sent. */
  readonly acknowledged?: (browser: Browser, peer: SimulatedPeer, clock: number, incarnation: number) => void;
  /** A client sent what it wrote, up to a clock, to a peer. */
  readonly offered?: (peer: SimulatedPeer, client: number, clock: number) => void;
  /** A follower was told to become a writer. */
  readonly promoted?: (peer: SimulatedPeer) => void;
  /** A peer that wants copies sends a frame to the tab at an address. */
  readonly sent?: (peer: SimulatedPeer, address: string, name: string, frame: Uint8Array) => void;
  /** A disk lost something in a way that is allowed to it. */
  readonly lost?: (peer: SimulatedPeer) => void;
}

/** A promise was broken. Ends the run. */
export class Violation extends Error {
  override readonly name = "Violation";
}

export function violated(checker: string, message: string): never {
  throw new Violation(`${checker}: ${message}`);
}
