/** What is true of a follower's lag: seen by one reader at each peer, on the one clock of this process. */
import { clockMs, readStamps } from "./keystrokes.ts";

/** The stamps of a writer, and when each was seen at each peer of a chain; the first peer is the writer's. */
export class LagTruth {
  readonly #numbers = new Map<number, number>();
  readonly #seenAt: (number | undefined)[][];
  readonly #firstMissing: number[];

  constructor(peers: number) {
    this.#seenAt = Array.from({ length: peers }, () => []);
    this.#firstMissing = Array.from({ length: peers }, () => 0);
  }

  get written(): number {
    return this.#numbers.size;
  }

  wrote(stampMs: number): void {
    this.#numbers.set(stampMs, this.#numbers.size);
  }

  /** A frame came from the peer at this place of the chain. */
  received(place: number, frame: Buffer): void {
    const now = clockMs();
    const seenAt = this.#seenAt[place] ?? [];
    readStamps(frame, (stampMs) => {
      const number = this.#numbers.get(stampMs);
      if (number !== undefined) seenAt[number] ??= now;
    });
    let first = this.#firstMissing[place] ?? 0;
    while (seenAt[first] !== undefined) first++;
    this.#firstMissing[place] = first;
  }

  /** True when every peer has shown everything. */
  get settled(): boolean {
    return this.#firstMissing.every((first) => first === this.written);
  }

  /** For how long the oldest change that the writer's peer showed has been missing at this place; 0 when none is. */
  lagMs(place: number): number {
    const committedAt = this.#seenAt[0]?.[this.#firstMissing[place] ?? 0];
    return committedAt === undefined ? 0 : Math.max(0, clockMs() - committedAt);
  }

  /** From the commit, as the writer's peer showed it, to this place; of a range of stamps. Sorted. */
  latencies(place: number, from = 0, to = Number.POSITIVE_INFINITY): number[] {
    const found: number[] = [];
    for (const [number, committedAt] of (this.#seenAt[0] ?? []).entries()) {
      const seenAt = this.#seenAt[place]?.[number];
      if (number >= from && number < to && committedAt !== undefined && seenAt !== undefined)
        found.push(seenAt - committedAt);
    }
    return found.sort((a, b) => a - b);
  }
}
