/** The middle of a step: what was staged is written, and what is written is shown. What is not written is taken back. */
import type { Catalog } from "./catalog/catalog.ts";
import type { CommitOutcome } from "./catalog/commit.ts";
import { commitChanges } from "./catalog/commit.ts";
import type { Compactor } from "./compaction/compactor.ts";
import type { ReplicaConfig } from "./config.ts";
import type { Effect, Fact } from "./effect.ts";
import type { Isolation } from "./isolation.ts";
import type { Lag } from "./lag/lag.ts";
import type { Standings } from "./membership/standings.ts";
import type { Waits } from "./lag/waits.ts";
import type { Publisher } from "./publisher.ts";
import type { SetTree } from "./set-tree/set-tree.ts";
import type { Store } from "./store.ts";
import type { Subscribers } from "./subscribers.ts";

export interface CommitterParts {
  readonly store: Store;
  readonly config: ReplicaConfig;
  readonly tree: SetTree;
  readonly catalog: Catalog;
  readonly subscribers: Subscribers;
  readonly publisher: Publisher;
  readonly compactor: Compactor;
  readonly isolation: Isolation;
  readonly lag: Lag;
  readonly standings: Standings;
  readonly waits: Waits;
  readonly emit: (effect: Effect) => void;
}

export class Committer {
  readonly #parts: CommitterParts;
  #storeFull = false;

  constructor(parts: CommitterParts) {
    this.#parts = parts;
  }

  /** The last write found no room. */
  get storeFull(): boolean {
    return this.#storeFull;
  }

  /** Commits what the batch staged, and shows it. */
  commit(now: number): void {
    const { store, tree, catalog, config } = this.#parts;
    const changes = catalog.takeStaged();
    if (changes.length === 0) return;
    const outcomes = commitChanges({ store, tree, catalog, config, now }, changes);
    const counts = { documents: 0, updates: 0, bytes: 0, rows: 0 };
    for (const outcome of outcomes) {
      if (!outcome.committed) this.#failed(outcome, now);
      else this.#parts.isolation.guard(outcome.change.entry.name, now, () => this.#committed(outcome, counts, now));
    }
    if (counts.rows > 0) this.#parts.standings.committed();
    if (counts.rows > 0) this.#observe({ kind: "committed", ...counts });
    this.#parts.lag.committed(counts);
    this.#noticeRoom(outcomes);
  }

  #committed(
    { change }: CommitOutcome,
    counts: { documents: number; updates: number; bytes: number; rows: number },
    now: number,
  ): void {
    const { subscribers, publisher, compactor } = this.#parts;
    const { entry } = change;
    subscribers.committed(change, now);
    for (const request of change.deletions) {
      this.#emit({ type: "deleted", request, existed: true, failure: undefined });
    }
    if (!change.dirty) return publisher.passOn(change, now);
    counts.documents++;
    counts.rows++;
    counts.updates += change.segments.length;
    for (const segment of change.segments) counts.bytes += segment.update.length;
    if (change.addedPending.length > 0) {
      this.#observe({ kind: "pending", name: entry.name, bytes: entry.pendingBytes });
    }
    publisher.committed(change, now);
    this.#parts.waits.committed(entry);
    compactor.consider(entry);
  }

  #failed({ change, ...rest }: Extract<CommitOutcome, { committed: false }>, now: number): void {
    const { catalog, subscribers, publisher, isolation } = this.#parts;
    const { error } = rest;
    const { name } = change.entry;
    if (error.code === "YARROW_DOCUMENT_QUARANTINED" && isolation.closed(name, now) === undefined) {
      isolation.close(name, error.cause, now);
    }
    catalog.evict(name);
    subscribers.failed(change, error);
    for (const request of change.deletions) {
      this.#emit({ type: "deleted", request, existed: true, failure: { code: error.code, detail: error.message } });
    }
    publisher.failed(change, now);
    this.#observe({ kind: "commit-failed", name, code: error.code, detail: error.message });
  }

  /** A full disk is noticed once, and its end once. */
  #noticeRoom(outcomes: readonly CommitOutcome[]): void {
    const written = outcomes.filter((outcome) => outcome.change.dirty);
    if (written.length === 0) return;
    const full = written.some((outcome) => !outcome.committed && outcome.error.code === "YARROW_STORE_FULL");
    if (full !== this.#storeFull) this.#observe({ kind: full ? "store-full" : "store-recovered" });
    this.#storeFull = full;
  }

  #observe(fact: Fact): void {
    this.#emit({ type: "observe", fact });
  }

  #emit(effect: Effect): void {
    this.#parts.emit(effect);
  }
}
