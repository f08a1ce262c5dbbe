/**
 * Remembers who was denied what. Providers before 3.1 come back at once after any close; the first denial is told at
 * once, and each further one within the time is answered by a session left open and idle for a while, which keeps them
 * quiet.
 *
 * Only a session that was itself denied is ever parked: many people may share one address.
 */
import { LifetimeQueue } from "./lifetime-queue.ts";

export class Denials {
  readonly #max: number;
  readonly #recent: LifetimeQueue<string>;

  constructor(lifetimeMs: number, max: number) {
    this.#max = max;
    this.#recent = new LifetimeQueue(lifetimeMs);
  }

  get size(): number {
    return this.#recent.size;
  }

  /** Notes a denial, and tells whether it repeats one. */
  note(address: string, name: string, now: number): boolean {
    this.#recent.takeDue(now);
    // A document's name has no NUL, so no two pairs share a key.
    const key = `${name}\0${address}`;
    const repeated = this.#recent.has(key);
    this.#recent.start(key, now);
    if (this.#recent.size > this.#max) {
      const oldest = this.#recent.oldest();
      if (oldest !== undefined) this.#recent.delete(oldest);
    }
    return repeated;
  }
}
