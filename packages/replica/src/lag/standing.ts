/** What we hold of one peer, over all links to it: as of when, and how much of what it committed since is missing. */
import type { Beat, PeerId, ProcessId } from "@yarrow/protocol";
import type { Link } from "../links/link.ts";

export interface Behind {
  readonly updates: number;
  readonly bytes: number;
}

export const NOTHING: Behind = { updates: 0, bytes: 0 };

/** What we hold of one peer, over all links to it. */
export interface Standing {
  /** We hold everything it held then. */
  asOf: number | undefined;
  verifiedAt: number | undefined;
  /** What that process had committed when we last held all of it. */
  base: { readonly processId: ProcessId; readonly updates: number; readonly bytes: number } | undefined;
  /** What came as live push since then; shared with the link on which it came. */
  pushed: Behind;
  behind: Behind | undefined;
}

export function createStanding(): Standing {
  return { asOf: undefined, verifiedAt: undefined, base: undefined, pushed: NOTHING, behind: undefined };
}

/** What a process had committed by its last beat, less what it had when we held all of it, less what came since. */
export function countBehind(standing: Standing, link: Link, processId: ProcessId, beat: Beat): Behind | undefined {
  const { updates, bytes } = beat;
  if (link.lag.whole && beat.heldMs === 0) {
    standing.base = { processId, updates, bytes };
    standing.pushed = link.lag.pushed = { updates: 0, bytes: 0 };
    return NOTHING;
  }
  if (standing.base?.processId !== processId) return undefined;
  if (standing.pushed !== link.lag.pushed) {
    // The first beat of another link to it: what came on the one before is counted in.
    const { base, pushed } = standing;
    standing.base = { processId, updates: base.updates + pushed.updates, bytes: base.bytes + pushed.bytes };
    standing.pushed = link.lag.pushed;
  }
  const { base, pushed } = standing;
  return {
    updates: Math.max(0, updates - base.updates - pushed.updates),
    bytes: Math.max(0, bytes - base.bytes - pushed.bytes),
  };
}

/** Puts an entry behind all others, and forgets the first where there are too many. */
export function touch<V>(map: Map<PeerId, V>, peerId: PeerId, value: V, max: number): V {
  map.delete(peerId);
  map.set(peerId, value);
  if (map.size > max) for (const oldest of map.keys()) return (map.delete(oldest), value);
  return value;
}

/** The greatest; undefined when there is none, or one is not known. */
export function worst(values: readonly (number | undefined)[]): number | undefined {
  let most: number | undefined;
  for (const value of values) {
    if (value === undefined) return undefined;
    most = Math.max(most ?? 0, value);
  }
  return most;
}

/** The later of two times, of which one need not be known. */
export function later(a: number | undefined, b: number): number {
  return a === undefined ? b : Math.max(a, b);
}
