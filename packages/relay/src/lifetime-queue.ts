/**
 * Items that share one lifetime, in the order in which they end. Because the lifetime is the same for all, insertion
 * order is that order, and no operation looks at more than what is due.
 */
export class LifetimeQueue<T> {
  readonly #lifetimeMs: number;
  readonly #startedAt = new Map<T, number>();

  constructor(lifetimeMs: number) {
    this.#lifetimeMs = lifetimeMs;
  }

  get size(): number {
    return this.#startedAt.size;
  }

  has(item: T): boolean {
    return this.#startedAt.has(item);
  }

  /** Adds an item, or starts its lifetime again. `now` never goes backwards. */
  start(item: T, now: number): void {
    this.#startedAt.delete(item);
    this.#startedAt.set(item, now);
  }

  delete(item: T): void {
    this.#startedAt.delete(item);
  }

  /** The item whose lifetime ends first. */
  oldest(): T | undefined {
    for (const item of this.#startedAt.keys()) return item;
    return undefined;
  }

  /** Takes out every item whose lifetime is over. */
  takeDue(now: number): T[] {
    const due: T[] = [];
    for (const [item, startedAt] of this.#startedAt) {
      if (startedAt + this.#lifetimeMs > now) break;
      due.push(item);
      this.#startedAt.delete(item);
    }
    return due;
  }

  /** When the next lifetime ends; Infinity when the queue is empty. */
  nextDeadline(): number {
    for (const startedAt of this.#startedAt.values()) return startedAt + this.#lifetimeMs;
    return Infinity;
  }
}
