/** What a simulated peer is told when it is set up, and keeps through restarts. */
import type { Role } from "@yarrow/protocol";
import type { CopiesPolicy } from "@yarrow/replica";
import type { Place } from "./network.ts";

export interface PeerSettings {
  readonly place: Place;
  readonly url: string;
  readonly durability: "full" | "normal";
  /** Addresses it is told to dial. */
  readonly peers: readonly string[];
  readonly discovery: boolean;
  /** Holds until a role is set. */
  readonly role: Role;
  /** What the acknowledgement of an edit waits for. */
  readonly copies?: CopiesPolicy;
}
