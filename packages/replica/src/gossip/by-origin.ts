/**
 * What is remembered of each origin, for as long as it is heard of: an origin that falls silent is forgotten, and so is the
 * longest silent one where there are too many. The documents themselves still tell what is new, so forgetting costs work, not truth.
 */
import type { ProcessId } from "@yarrow/protocol";
import type { ReplicaConfig } from "../config.ts";

export class ByOrigin<T> {
  readonly #config: ReplicaConfig;
  readonly #create: (first: number) => T;
  readonly #forgotten: (origin: ProcessId) => void;
  /** Least recently used first, where there are so many that some may have to go. */
  readonly #origins = new Map<ProcessId, { readonly value: T; usedAt: number }>();

  constructor(config: ReplicaConfig, create: (first: number) => T, forgotten: (origin: ProcessId) => void = () => {}) {
    this.#config = config;
    this.#create = create;
    this.#forgotten = forgotten;
  }

  get size(): number {
    return this.#origins.size;
  }

  get(origin: ProcessId): T | undefined {
    return this.#origins.get(origin)?.value;
  }

  entries(): [ProcessId, T][] {
    return [...this.#origins].map(([origin, { value }]) => [origin, value]);
  }

  /** `first`: the number with which the origin is met, where it is met for the first time. */
  use(origin: ProcessId, first: number, now: number): T {
    const known = this.#origins.get(origin);
    if (known === undefined) {
      const value = this.#create(first);
      this.#origins.set(origin, { value, usedAt: now });
      this.#forget(now);
      return value;
    }
    known.usedAt = now;
    if (2 * this.#origins.size > this.#config.originsMax) {
      this.#origins.delete(origin);
      this.#origins.set(origin, known);
    }
    return known.value;
  }

  #forget(now: number): void {
    for (const [origin, { usedAt }] of this.#origins) {
      const idle = now - usedAt > this.#config.originIdleMs;
      if (!idle && this.#origins.size <= this.#config.originsMax) continue;
      this.#origins.delete(origin);
      this.#forgotten(origin);
    }
  }
}
