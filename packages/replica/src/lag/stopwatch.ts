/**
 * How the stopwatch of another peer stands to this peer's clock. Nothing but the pace of the two is trusted: where one of them
 * stands is learnt from questions and answers (NTP's clock filter, RFC 5905 section 10). Of the last few the quickest counts,
 * because it says most: it can be wrong by half its own time at the most.
 */

/** Answers that are remembered; at one every few seconds, well under a minute. */
const SAMPLES_MAX = 8;

interface Sample {
  readonly roundTripMs: number;
  /** Our clock when the other's stopwatch stood at 0. */
  readonly startedAt: number;
}

export class Stopwatch {
  readonly #samples: Sample[] = [];
  #startedAt: number | undefined;

  /** We asked at one time and heard at another; somewhere between, the other's stopwatch stood at `readMs`. */
  sample(askedAt: number, readMs: number, heardAt: number): void {
    this.#samples.push({ roundTripMs: heardAt - askedAt, startedAt: (askedAt + heardAt) / 2 - readMs });
    if (this.#samples.length > SAMPLES_MAX) this.#samples.shift();
    const quickest = this.#samples.reduce((best, one) => (one.roundTripMs < best.roundTripMs ? one : best));
    this.#startedAt = quickest.startedAt;
  }

  /** How long ago the other's stopwatch stood there; undefined before the first answer. Never negative. */
  ageMs(readMs: number, now: number): number | undefined {
    if (this.#startedAt === undefined) return undefined;
    return Math.max(0, now - this.#startedAt - readMs);
  }
}
