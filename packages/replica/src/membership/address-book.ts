/** Addresses on disk. What is learned survives a restart, so that one reachable address is enough to come back. */
import type { PeerId } from "@yarrow/protocol";
import type { Store } from "../store.ts";
import { StoreFullError } from "../store.ts";
import type { Roster } from "./roster.ts";

/** A view of a large cluster changes all the time, and any older one is as good: it is written this rarely. */
const VIEW_WRITE_MS = 60_000;

export class AddressBook {
  readonly #store: Store;
  readonly #roster: Roster;
  readonly #changed = new Set<PeerId>();
  #writeAt = Number.POSITIVE_INFINITY;
  #writtenAt = Number.NEGATIVE_INFINITY;

  constructor(store: Store, roster: Roster) {
    this.#store = store;
    this.#roster = roster;
  }

  /** Gives the newest `max` rows to `take` and drops the others. */
  load(max: number, take: (peerId: PeerId, urls: readonly string[]) => void): void {
    const rows = this.#store.listAddresses().sort((a, b) => b.seenMs - a.seenMs);
    for (const { peerId, urls } of rows.slice(0, max)) take(peerId, urls);
    for (const { peerId } of rows.slice(max)) this.#changed.add(peerId);
    if (this.#changed.size > 0) this.#writeAt = 0;
  }

  /** What is known of a peer has changed, or it was forgotten. */
  changed(peerId: PeerId, mesh: boolean, now: number): void {
    this.#changed.add(peerId);
    this.#writeAt = Math.min(this.#writeAt, mesh ? now : Math.max(now, this.#writtenAt + VIEW_WRITE_MS));
  }

  /** Call when nothing is staged. */
  wake(now: number): void {
    if (now < this.#writeAt) return;
    this.#writeAt = Number.POSITIVE_INFINITY;
    this.#writtenAt = now;
    try {
      this.#store.transaction(() => {
        for (const peerId of this.#changed) this.#write(peerId, now);
      });
    } catch (error) {
      // Without room the addresses live in memory; they are learned again after a restart.
      if (!(error instanceof StoreFullError)) throw error;
    }
    this.#changed.clear();
  }

  nextDeadline(): number {
    return this.#writeAt;
  }

  #write(peerId: PeerId, now: number): void {
    const urls = this.#roster.get(peerId)?.urls ?? [];
    if (urls.length === 0) this.#store.deleteAddress(peerId);
    else this.#store.writeAddress({ peerId, urls, seenMs: Math.floor(now) });
  }
}
