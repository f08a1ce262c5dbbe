/** How long work on a backup tells where it is, learns that nobody wants it any more, and keeps to a rate. */
import { performance } from "node:perf_hooks";
import { YarrowError } from "@yarrow/protocol";

/** What is done of one stage: pages of the database, or what the stage is called after. */
export interface BackupProgress {
  /** `wait`: another backup has its turn first. `copy`: pages leave the database. `hash`: bytes are proved. `rows`: checksums of rows. `documents`: are written as they were. */
  readonly stage: "wait" | "copy" | "hash" | "rows" | "documents";
  readonly done: number;
  readonly total: number;
}

/** Often enough for a bar, seldom enough to cost nothing. */
const REPORT_INTERVAL_MS = 100;

export class Report {
  readonly #send: (progress: BackupProgress) => void;
  /** One number shared between threads: 0 = go on, 1 = stop. */
  readonly #stop: Int32Array<SharedArrayBuffer>;
  #stage: BackupProgress["stage"] = "copy";
  #sentAt = -Infinity;

  constructor(send: (progress: BackupProgress) => void, stop: Int32Array<SharedArrayBuffer>) {
    this.#send = send;
    this.#stop = stop;
  }

  begin(stage: BackupProgress["stage"]): void {
    this.#stage = stage;
    this.#sentAt = -Infinity;
  }

  /** Throws when the work is to end. */
  at(done: number, total: number): void {
    if (Atomics.load(this.#stop, 0) !== 0) throw new YarrowError("YARROW_BACKUP_FAILED", "the work was given up");
    const now = performance.now();
    if (now - this.#sentAt < REPORT_INTERVAL_MS && done < total) return;
    this.#sentAt = now;
    this.#send({ stage: this.#stage, done, total });
  }

  /** Sleeps, and wakes early when the work is to end. */
  pause(ms: number): void {
    if (ms > 0) Atomics.wait(this.#stop, 0, 0, ms);
  }
}
