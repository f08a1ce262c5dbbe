/**
 * Empties the write-ahead log when nothing is written for a while. SQLite copies it into the database by itself as it grows,
 * but never makes it smaller; doing so takes as long as the disk does, so it belongs to idle moments.
 */
import { StoreFullError } from "@yarrow/replica";
import { IDLE_CHECKPOINT_MS } from "./limits.ts";
import type { SqliteStore } from "./store/sqlite-store.ts";

export class IdleCheckpoint {
  readonly #store: Pick<SqliteStore, "checkpoint">;
  readonly #onFailed: (error: unknown) => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(store: Pick<SqliteStore, "checkpoint">, onFailed: (error: unknown) => void) {
    this.#store = store;
    this.#onFailed = onFailed;
  }

  /** Something was committed: not now. */
  postpone(): void {
    if (this.#timer === undefined) {
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        this.runNow();
      }, IDLE_CHECKPOINT_MS).unref();
    } else this.#timer.refresh();
  }

  /** A full disk has no room for it; the log then stays as it is, which loses nothing. */
  runNow(): void {
    try {
      this.#store.checkpoint("truncate");
    } catch (error) {
      if (!(error instanceof StoreFullError)) this.#onFailed(error);
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
