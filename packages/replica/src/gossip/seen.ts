/**
 * Which messages of each origin have been here: everything up to a contiguous mark, and a window of ids beyond it. An
 * origin that falls silent is forgotten; the documents themselves still tell what is new, so forgetting costs work, not truth.
 */
import type { ProcessId } from "@yarrow/protocol";
import type { ReplicaConfig } from "../config.ts";

interface Origin {
  /** Every sequence up to this one was seen, or was given up on. */
  mark: number;
  readonly beyond: Set<number>;
  usedAt: number;
}

export class Seen {
  readonly #config: ReplicaConfig;
  /** Least recently used first. */
  readonly #origins = new Map<ProcessId, Origin>();

  constructor(config: ReplicaConfig) {
    this.#config = config;
  }

  get size(): number {
    return this.#origins.size;
  }

  /** Returns true the first time an id is given. */
  add(origin: ProcessId, sequence: number, now: number): boolean {
    const known = this.#origins.get(origin);
    // What is met first need not be the first: messages of one batch may overtake each other on the way.
    const mark = Math.max(0, sequence - 1 - Math.floor(this.#config.seenWindowMax / 2));
    const state = known ?? { mark, beyond: new Set<number>(), usedAt: now };
    this.#origins.delete(origin);
    this.#origins.set(origin, state);
    if (known === undefined) this.#forget(now);
    state.usedAt = now;
    if (sequence <= state.mark || state.beyond.has(sequence)) return false;
    state.beyond.add(sequence);
    if (state.beyond.size > this.#config.seenWindowMax) state.mark = Math.min(...state.beyond) - 1;
    while (state.beyond.delete(state.mark + 1)) state.mark++;
    return true;
  }

  #forget(now: number): void {
    for (const [origin, state] of this.#origins) {
      const idle = now - state.usedAt > this.#config.originIdleMs;
      if (!idle && this.#origins.size <= this.#config.originsMax) return;
      this.#origins.delete(origin);
    }
  }
}
