/** All live documents of a peer, found by subscriber and by name: where effects for embedded handles go. */
import type { Effect, SubscriberId } from "@yarrow/replica";
import type { LiveDocument } from "./document-handle.ts";

/** What can be a subscriber here: a live document, or something that behaves like one for a while. */
export type HandleLike = Pick<
  LiveDocument,
  "name" | "answered" | "delivered" | "committed" | "confirmed" | "asked" | "evicted" | "rebound" | "end"
>;

export class Handles {
  readonly #bySubscriber = new Map<SubscriberId, HandleLike>();
  readonly #byName = new Map<string, Set<HandleLike>>();

  get size(): number {
    return this.#bySubscriber.size;
  }

  register(handle: HandleLike, subscriber: SubscriberId): void {
    this.#bySubscriber.set(subscriber, handle);
    const sameName = this.#byName.get(handle.name) ?? new Set();
    this.#byName.set(handle.name, sameName.add(handle));
  }

  unregister(handle: HandleLike, subscriber: SubscriberId): void {
    this.#bySubscriber.delete(subscriber);
    const sameName = this.#byName.get(handle.name);
    sameName?.delete(handle);
    if (sameName?.size === 0) this.#byName.delete(handle.name);
  }

  /** Performs an effect that is for handles; subscribers that are not handles are somebody else's. */
  perform(effect: Effect): void {
    switch (effect.type) {
      case "answer":
        this.#bySubscriber.get(effect.subscriber)?.answered(effect);
        return;
      case "deliver":
        for (const handle of [...(this.#byName.get(effect.name) ?? [])]) handle.delivered(effect);
        return;
      case "saved":
        this.#bySubscriber.get(effect.subscriber)?.committed(effect.edits, effect.waits === true);
        return;
      case "confirmed":
        this.#bySubscriber.get(effect.subscriber)?.confirmed(effect.edits);
        return;
      case "gap":
        this.#bySubscriber.get(effect.subscriber)?.asked(effect);
        return;
      case "evict":
        this.#bySubscriber.get(effect.subscriber)?.evicted(effect);
        return;
      case "rebound":
        for (const handle of this.#byName.get(effect.name) ?? []) handle.rebound(effect.incarnation);
        return;
      default:
        // An echo tells a browser that it was heard; `saved` says the same to a handle.
        return;
    }
  }

  endAll(reason: Error): void {
    for (const handle of [...this.#bySubscriber.values()]) handle.end(reason);
    this.#bySubscriber.clear();
    this.#byName.clear();
  }
}
