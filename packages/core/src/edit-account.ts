/**
 * The edits of one attachment of a handle: how many were handed over, how many are committed here, how many are kept (as many
 * other peers hold them as the peer's settings want, or it waits for none), and who waits for that.
 */

import { TIMER_MS_MAX } from "./loop.ts";

/** What somebody can wait for. Where no copies are wanted, both come at the same moment. */
export type Goal = "committed" | "kept";

interface Waiter {
  readonly goal: Goal;
  readonly edits: number;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

export class EditAccount {
  #sent = 0;
  readonly #reached = { committed: 0, kept: 0 };
  #waiters: Waiter[] = [];

  get sent(): number {
    return this.#sent;
  }

  /** Edits that are neither committed nor known to anybody who waits: were they lost, nobody would be told. */
  get unheard(): boolean {
    const covered = Math.max(0, ...this.#waiters.map(({ edits }) => edits));
    return this.#sent > Math.max(covered, this.#reached.committed);
  }

  add(): void {
    this.#sent += 1;
  }

  committed(edits: number, waits: boolean): void {
    this.#reached.committed += edits;
    if (!waits) this.#reached.kept += edits;
    this.#settle();
  }

  confirmed(edits: number): void {
    this.#reached.kept += edits;
    this.#settle();
  }

  /** Resolves when every edit so far has come so far. Rejects with the signal's reason, or with what `late` makes after the time. */
  reach(
    goal: Goal,
    options: {
      readonly signal?: AbortSignal | undefined;
      readonly timeoutMs?: number | undefined;
      readonly late: () => Error;
    },
  ): Promise<void> {
    if (this.#reached[goal] >= this.#sent) return Promise.resolve();
    const { signal, timeoutMs, late } = options;
    return new Promise((resolve, reject) => {
      const giveUp = (reason: unknown): void => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        waiter.reject(reason);
      };
      const onAbort = (): void => giveUp(signal?.reason);
      const timer =
        timeoutMs === undefined ? undefined : setTimeout(() => giveUp(late()), Math.min(timeoutMs, TIMER_MS_MAX));
      const settle = (done: () => void): void => {
        signal?.removeEventListener("abort", onAbort);
        clearTimeout(timer);
        done();
      };
      const waiter: Waiter = {
        goal,
        edits: this.#sent,
        resolve: () => settle(resolve),
        reject: (reason) => settle(() => reject(reason)),
      };
      this.#waiters.push(waiter);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  rejectAll(reason: Error): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(reason);
  }

  /** A new attachment begins. */
  restart(): void {
    this.#sent = 0;
    this.#reached.committed = 0;
    this.#reached.kept = 0;
  }

  #settle(): void {
    const waiters = this.#waiters;
    const isReached = ({ goal, edits }: Waiter): boolean => edits <= this.#reached[goal];
    this.#waiters = waiters.filter((waiter) => !isReached(waiter));
    for (const waiter of waiters) if (isReached(waiter)) waiter.resolve();
  }
}
