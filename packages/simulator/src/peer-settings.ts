/** What a simulated peer is told when it is set up, and keeps through restarts. */
import type { Place } from "./network.ts";

export interface PeerSettings {
  readonly place: Place;
  readonly url: string;
  readonly durability: "full" | "normal";
  /** Addresses it is told to dial. */
  readonly peers: readonly string[];
  readonly discovery: boolean;
}
