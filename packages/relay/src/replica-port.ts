/** What the relay needs of a replica. */
import type { Effect, Event } from "@yarrow/replica";

export interface ReplicaPort {
  /** Handles a batch; its effects may be performed as soon as it returns. */
  step(events: readonly Event[], now: number): Effect[];
  /** When `step` must be called again at the latest; Infinity = not before something happens. */
  nextDeadline(): number;
  /** The encoded state vector of what is committed of a document; undefined when nothing of that name is alive. */
  stateVector(name: string): Uint8Array | undefined;
}
