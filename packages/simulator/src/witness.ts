/** What checkers are told while a simulation runs. */
import type { Effect } from "@yarrow/replica";
import type { Browser } from "./browser.ts";
import type { SimulatedPeer } from "./peer.ts";

export type Deliver = Extract<Effect, { type: "deliver" }>;

export interface Witness {
  /** Documents that a step has written, before its effects are performed. `asked`: names whose deletion was in the batch. */
  readonly written?: (peer: SimulatedPeer, names: readonly string[], asked: ReadonlySet<string>) => void;
  /** A peer shows new content: it must be on its disk for good. */
  readonly shown?: (peer: SimulatedPeer, effect: Deliver) => void;
  /** A client wrote. */
  readonly wrote?: (client: number, name: string, update: Uint8Array) => void;
  /** A client was shown its own write, and so may forget it. `note` is the incarnation at the peer when it was sent. */
  readonly acknowledged?: (browser: Browser, peer: SimulatedPeer, clock: number, incarnation: number) => void;
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
