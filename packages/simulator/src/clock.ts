/**
 * The clock of one process: somewhere near the true time, at a pace of its own, and it leaps forward at times, as after a suspension. It
 * never goes back while the process lives; the next process of the same machine may well begin earlier.
 */
import type { Random } from "./random.ts";

/** Peers' clocks start at this time of 2026. */
const CLOCK_START_MS = 1_780_000_000_000;

export class Clock {
  readonly #pace: number;
  readonly #startedAt: number;
  #offsetMs: number;

  /** `now`: simulated time. `paced`: it may run too fast or too slow. */
  constructor(now: number, random: Random, paced: boolean) {
    this.#startedAt = now;
    this.#offsetMs = random.chance(0.1) ? random.between(-600_000, 600_000) : random.between(0, 5_000);
    this.#pace = paced && random.chance(0.3) ? random.between(90, 110) / 100 : 1;
  }

  /** What it shows at a simulated time. */
  at(now: number): number {
    return CLOCK_START_MS + this.#offsetMs + this.#startedAt + Math.floor((now - this.#startedAt) * this.#pace);
  }

  /** The first simulated time at which it shows so much; Infinity for never. */
  whenShows(time: number): number {
    const elapsed = Math.ceil((time - CLOCK_START_MS - this.#offsetMs - this.#startedAt) / this.#pace);
    if (elapsed === Number.POSITIVE_INFINITY) return elapsed;
    let now = this.#startedAt + elapsed;
    while (this.at(now) < time) now++;
    return now;
  }

  leap(ms: number): void {
    this.#offsetMs += ms;
  }
}
