/** What the relay needs of a replica. */
import type { Effect, Event } from "@yarrow/replica";

export interface ReplicaPort {
  /** Handles a batch; its effects may be performed as soon as it returns. */
  step(events: readonly Event[], now: number): Effect[];
  /** When `step` must be called again at the latest; Infinity = not before something happens. */
  nextDeadline(): number;
  /**
   * The encoded state vector of what is committed of a document; that of an empty one when nothing of the name is
   * alive.
   */
  stateVector(name: string, now: number): Uint8Array;
}
