/** Whose acknowledgements wait for copies: how many edits, how many bytes, and what else must not be told before. */
import type { ReplicaConfig } from "../config.ts";
import type { SubscriberId } from "../event.ts";
import type { Account, Batch, Wrote } from "./account.ts";

type Task = (now: number) => void;

export class Holdings {
  readonly #config: ReplicaConfig;
  readonly #later: (task: Task) => void;
  readonly #bySubscriber = new Map<SubscriberId, { takes: number; bytes: number }>();
  readonly #postponed = new Map<SubscriberId, Task>();
  #bytes = 0;
  #edits = 0;

  constructor(config: ReplicaConfig, later: (task: Task) => void) {
    this.#config = config;
    this.#later = later;
  }

  /** Edits that wait, of everybody. */
  get edits(): number {
    return this.#edits;
  }

  has(subscriber: SubscriberId): boolean {
    return this.#bySubscriber.has(subscriber);
  }

  /** Returns false when that is more than may wait. */
  hold(subscriber: SubscriberId, { edits, bytes }: Wrote): boolean {
    const { copiesHeldBytesMax, copiesHeldTotalBytesMax } = this.#config;
    const held = this.#bySubscriber.get(subscriber) ?? { takes: 0, bytes: 0 };
    this.#bySubscriber.set(subscriber, held);
    held.takes++;
    held.bytes += bytes;
    this.#bytes += bytes;
    this.#edits += edits;
    return bytes === 0 || (held.bytes <= copiesHeldBytesMax && this.#bytes <= copiesHeldTotalBytesMax);
  }

  /** Nobody waits for this batch any more. */
  letGo({ wrote }: Batch): void {
    for (const [subscriber, { edits, bytes, takes }] of wrote) {
      const held = this.#bySubscriber.get(subscriber);
      if (held === undefined) continue;
      this.#edits -= edits;
      this.#bytes -= bytes;
      held.bytes -= bytes;
      held.takes -= takes;
      if (held.takes > 0) continue;
      this.#bySubscriber.delete(subscriber);
      const task = this.#postponed.get(subscriber);
      this.#postponed.delete(subscriber);
      if (task !== undefined) this.#later(task);
    }
    wrote.clear();
  }

  /** Runs the task when nothing of the subscriber waits any more; a later task replaces an earlier one. */
  postpone(subscriber: SubscriberId, task: Task): void {
    this.#postponed.set(subscriber, task);
  }

  /** The subscriber is gone: nobody is to be told. */
  forget(subscriber: SubscriberId, account: Account | undefined): void {
    this.#postponed.delete(subscriber);
    const held = this.#bySubscriber.get(subscriber);
    if (held === undefined) return;
    this.#bySubscriber.delete(subscriber);
    this.#bytes -= held.bytes;
    for (const { wrote } of account?.batches ?? []) {
      this.#edits -= wrote.get(subscriber)?.edits ?? 0;
      wrote.delete(subscriber);
    }
  }
}
