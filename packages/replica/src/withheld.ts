/**
 * What readers of a follower hold and it does not. A browser that comes from a peer further ahead answers our SyncStep1 with
 * what we have yet to receive, and every Y.Doc tidies superfluous formatting away by itself: neither is a write that its user
 * made here. It is waited for: what comes from upstream in time is no write, what does not is refused.
 *
 * No bytes are kept, only which clocks and deletions are waited for; a peer that becomes a writer asks for the bytes again.
 */
import type { Lattice } from "./document/lattice.ts";
import type { Contribution } from "./document/contribution.ts";
import type { SubscriberId } from "./event.ts";

interface Waiting {
  readonly name: string;
  readonly contribution: Contribution;
  readonly deadline: number;
}

export class Withheld {
  readonly #patienceMs: number;
  /** In the order of their deadlines, because all wait equally long. */
  readonly #bySubscriber = new Map<SubscriberId, Waiting>();

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  get size(): number {
    return this.#bySubscriber.size;
  }

  /** More of the same subscriber does not move its deadline. */
  add(subscriber: SubscriberId, name: string, contribution: Contribution, now: number): void {
    const waiting = this.#bySubscriber.get(subscriber);
    if (waiting !== undefined) return waiting.contribution.join(contribution);
    this.#bySubscriber.set(subscriber, { name, contribution, deadline: now + this.#patienceMs });
  }

  delete(subscriber: SubscriberId): void {
    this.#bySubscriber.delete(subscriber);
  }

  /** Content of a document has arrived. */
  arrived(name: string, lattice: Lattice): void {
    for (const [subscriber, waiting] of this.#bySubscriber) {
      if (waiting.name === name && lattice.covers(waiting.contribution)) this.#bySubscriber.delete(subscriber);
    }
  }

  /** Whose patience is over. */
  takeDue(now: number): SubscriberId[] {
    const due: SubscriberId[] = [];
    for (const [subscriber, { deadline }] of this.#bySubscriber) {
      if (deadline > now) break;
      this.#bySubscriber.delete(subscriber);
      due.push(subscriber);
    }
    return due;
  }

  /** All who wait, and what for; nobody waits any more. */
  takeAll(): { readonly subscriber: SubscriberId; readonly name: string }[] {
    const all = [...this.#bySubscriber].map(([subscriber, { name }]) => ({ subscriber, name }));
    this.#bySubscriber.clear();
    return all;
  }

  nextDeadline(): number {
    for (const { deadline } of this.#bySubscriber.values()) return deadline;
    return Number.POSITIVE_INFINITY;
  }
}
