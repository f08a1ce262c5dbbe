/**
 * The peer's clock. What arrives is kept with its time, and the past is told by these times: so they never run backwards, neither
 * while the process lives nor over a restart.
 *
 * 1. It goes as fast as time does, whatever happens to the clock on the wall.
 * 2. A wall clock that is ahead is followed at once: it was set, or the machine slept, which the steady clock does not count.
 * 3. A wall clock that is behind is not: this one stays ahead of it until it catches up.
 */
import { performance } from "node:perf_hooks";

export interface Clock {
  /** Whole milliseconds since 1970. */
  (): number;
  /** Goes on from this instant if it is later: the last that was written down before the process started. Returns by how much it is. */
  startAfter(ms: number): number;
}

export interface ClockSources {
  /** Milliseconds since 1970, which somebody may set. */
  readonly wall: () => number;
  /** Milliseconds since any moment, which nobody can. */
  readonly steady: () => number;
}

const MACHINE: ClockSources = { wall: () => Date.now(), steady: () => performance.now() };

export function createClock({ wall, steady }: ClockSources = MACHINE): Clock {
  let startedMs = wall() - steady();
  const now = (): number => {
    const steadyMs = steady();
    startedMs = Math.max(startedMs, wall() - steadyMs);
    return Math.floor(startedMs + steadyMs);
  };
  const startAfter = (ms: number): number => {
    const aheadMs = Math.max(0, ms - now());
    startedMs += aheadMs;
    return aheadMs;
  };
  return Object.assign(now, { startAfter });
}
