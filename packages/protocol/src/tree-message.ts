/** What peers say about broadcasts, in place of sending them. All since version 3. */
import type { ProcessId } from "./ids.ts";

export type TreeMessage = Have | Graft | Prune | Gone;

/** Consecutive ordinals, both ends included. */
export interface OrdinalRange {
  readonly from: number;
  readonly to: number;
}

export interface OriginRanges {
  readonly origin: ProcessId;
  readonly ranges: readonly OrdinalRange[];
}

/** Lazy push: "these broadcasts are here", without their content. */
export interface Have {
  readonly type: "have";
  readonly origins: readonly OriginRanges[];
}

/** "Push to me what comes of these origins from now on, and these broadcasts of them at once." */
export interface Graft {
  readonly type: "graft";
  readonly origins: readonly OriginRanges[];
}

/** "What comes of this origin reaches me by another link: only tell me that you have it." */
export interface Prune {
  readonly type: "prune";
  readonly origin: ProcessId;
}

/** Answer to a {@link Graft}: these were here, but are not kept as they came. Only a round brings their content. */
export interface Gone {
  readonly type: "gone";
  readonly origins: readonly OriginRanges[];
}
