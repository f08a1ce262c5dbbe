/** Walks the log from its oldest row at intervals, and retires what has left the history window: rows, and dead incarnations. */
import { isAlive } from "@yarrow/protocol";
import type { Catalog } from "../catalog/catalog.ts";
import type { ReplicaConfig } from "../config.ts";
import type { ArrivalSequence, Store } from "../store.ts";
import { StoreFullError } from "../store.ts";
import type { Compactor } from "./compactor.ts";

const ROWS_PER_SWEEP = 1_000;
/** While there is more to retire than one sweep may, the next comes this soon. */
const CATCH_UP_MS = 1_000;

export class Sweeper {
  readonly #store: Store;
  readonly #catalog: Catalog;
  readonly #compactor: Compactor;
  readonly #config: ReplicaConfig;
  #dueAt: number;
  /** Rows through here were looked at in this walk: some (deletions) stay for ever and must not be met each time. */
  #after: ArrivalSequence = 0;

  constructor(
    parts: {
      readonly store: Store;
      readonly catalog: Catalog;
      readonly compactor: Compactor;
      readonly config: ReplicaConfig;
    },
    now: number,
  ) {
    this.#store = parts.store;
    this.#catalog = parts.catalog;
    this.#compactor = parts.compactor;
    this.#config = parts.config;
    this.#dueAt = now + parts.config.sweepIntervalMs;
  }

  nextDeadline(): number {
    return this.#dueAt;
  }

  /** Call when nothing is staged. */
  wake(now: number): void {
    if (now < this.#dueAt) return;
    const more = this.#sweep(now, now - this.#config.historyMs);
    this.#dueAt = now + (more ? Math.min(CATCH_UP_MS, this.#config.sweepIntervalMs) : this.#config.sweepIntervalMs);
  }

  /** Returns true when there is more to do. */
  #sweep(now: number, cutoffMs: number): boolean {
    const { sweepDocumentsMax } = this.#config;
    const rows = this.#store.listArrivals(this.#after, ROWS_PER_SWEEP);
    const names = new Set<string>();
    for (const row of rows) {
      if (row.arrivedMs >= cutoffMs || names.size >= sweepDocumentsMax) break;
      if (isAlive(row.incarnation)) names.add(row.name);
      this.#after = row.sequence;
    }
    // Of a document that must be compacted first the rows are met again in the next walk: one that never can be holds up no other.
    let left = false;
    for (const name of names) if (this.#compactor.retire(this.#catalog.entry(name, now), cutoffMs)) left = true;
    const dead = this.#sweepDead(cutoffMs);
    const pageDone = rows.length === ROWS_PER_SWEEP && rows.at(-1)?.sequence === this.#after;
    const more = pageDone || names.size >= sweepDocumentsMax || dead >= sweepDocumentsMax;
    if (!more) this.#after = 0;
    return more || left;
  }

  #sweepDead(cutoffMs: number): number {
    try {
      return this.#store.transaction(() => this.#store.sweepDead(cutoffMs, this.#config.sweepDocumentsMax));
    } catch (error) {
      if (error instanceof StoreFullError) return 0;
      throw error;
    }
  }
}
