/**
 * How much may leave at a given rate. Whatever leaves is paid for afterwards: something may go while the bucket is not in debt,
 * however large it is, and the next waits until the debt is paid. So nothing is too large to go, and the rate holds on average.
 */

/** Time worth of tokens that an idle link saves up. */
const BURST_MS = 250;

export class TokenBucket {
  readonly bytesPerSecond: number;
  readonly #burstBytes: number;
  #bytes: number;
  #at: number;

  constructor(bytesPerSecond: number, now: number) {
    this.bytesPerSecond = bytesPerSecond;
    this.#burstBytes = (bytesPerSecond * BURST_MS) / 1_000;
    this.#bytes = this.#burstBytes;
    this.#at = now;
  }

  mayTake(now: number): boolean {
    this.#refill(now);
    return this.#bytes > 0;
  }

  take(bytes: number): void {
    this.#bytes -= bytes;
  }

  /** What cannot wait takes what is there, and leaves no debt: it never keeps the rest from going for long. */
  takeAtMost(bytes: number): void {
    this.#bytes -= Math.min(bytes, Math.max(0, this.#bytes));
  }

  /** When something may be taken again. */
  readyAt(): number {
    if (this.#bytes > 0) return this.#at;
    // Behind the moment of balance: at the moment itself there is nothing to take.
    return this.#at + Math.floor((-this.#bytes * 1_000) / this.bytesPerSecond) + 1;
  }

  #refill(now: number): void {
    if (now <= this.#at) return;
    this.#bytes = Math.min(this.#burstBytes, this.#bytes + ((now - this.#at) * this.bytesPerSecond) / 1_000);
    this.#at = now;
  }
}
