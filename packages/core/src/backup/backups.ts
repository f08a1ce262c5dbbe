/** The backups of a running peer: one at a time, and what became of the last one. */
import path from "node:path";
import { YarrowError } from "@yarrow/protocol";
import { BACKUP_BYTES_PER_SECOND } from "../limits.ts";
import { unlessAborted } from "../unless-aborted.ts";
import type { LogLine } from "../peer-api.ts";
import type { SqliteStore } from "../store/sqlite-store.ts";
import type { BackupManifest } from "./manifest.ts";
import type { BackupProgress } from "./report.ts";
import { runBackup } from "./run-backup.ts";
import { ScheduledBackups } from "./schedule.ts";
import type { BackupSchedule } from "./schedule.ts";

export interface BackupOptions {
  /** Ends the backup; nothing of it stays. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: BackupProgress) => void) | undefined;
  /** Default {@link BACKUP_BYTES_PER_SECOND}; Infinity = as fast as it goes. */
  readonly maxBytesPerSecond?: number | undefined;
  /** Replace an existing file. Default false. */
  readonly force?: boolean | undefined;
}

/** How backups went since the peer started, but for those that were called off; `last` may be one that its schedule found. Times are its clock, in ms since 1970. */
export interface BackupStatus {
  readonly running: BackupProgress | undefined;
  readonly last: { readonly takenMs: number; readonly file: string; readonly bytes: number } | undefined;
  readonly taken: number;
  readonly failures: number;
  /** Why the last one failed; undefined when it did not. */
  readonly lastFailure: string | undefined;
}

type Held = Pick<SqliteStore, "folder" | "holdCheckpoints" | "readPeerId">;

interface BackupsParts {
  readonly store: Held;
  readonly options: { readonly backups: BackupSchedule | undefined; readonly log: (line: LogLine) => void };
  readonly clock: () => number;
  /** Called after each, with checkpoints allowed again. */
  readonly ended: () => void;
}

export class Backups {
  readonly #parts: BackupsParts;
  readonly #scheduled: ScheduledBackups | undefined;
  #status: BackupStatus = { running: undefined, last: undefined, taken: 0, failures: 0, lastFailure: undefined };
  readonly #closing = new AbortController();
  /** Settled when all backups that were asked for have ended. Never rejects. */
  #current: Promise<unknown> = Promise.resolve();
  /** Told how far the backup is that they wait for. */
  readonly #waiting = new Set<(progress: BackupProgress) => void>();

  constructor(parts: BackupsParts) {
    this.#parts = parts;
    const { store, clock } = parts;
    const { backups: schedule, log } = parts.options;
    if (schedule === undefined) return;
    this.#scheduled = new ScheduledBackups({ schedule, peerId: store.readPeerId(), backups: this, clock, log });
  }

  /** Begins with those at fixed times. Errors: YARROW_CONFIG_INVALID. */
  start(): void {
    this.#scheduled?.start();
  }

  get status(): BackupStatus {
    return this.#status;
  }

  /** See `Peer.backup`. */
  async write(file: string, options: BackupOptions = {}): Promise<BackupManifest> {
    this.#closing.signal.throwIfAborted();
    const { maxBytesPerSecond = BACKUP_BYTES_PER_SECOND, force = false } = options;
    if (!(maxBytesPerSecond > 0)) {
      throw new YarrowError("YARROW_CONFIG_INVALID", `maxBytesPerSecond must be above 0, not ${maxBytesPerSecond}`);
    }
    options.signal?.throwIfAborted();
    const before = this.#current;
    const run = this.#turn(before, options).then(() =>
      this.#run(path.resolve(file), options, maxBytesPerSecond, force),
    );
    this.#current = Promise.allSettled([before, run]);
    return run;
  }

  /** Resolves when those before have ended, so that two never run at once; rejects when nobody wants this one any more. */
  async #turn(before: Promise<unknown>, { signal, onProgress }: BackupOptions): Promise<void> {
    const given = signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]);
    const tell = ({ done, total }: BackupProgress): void => onProgress?.({ stage: "wait", done, total });
    this.#waiting.add(tell);
    try {
      await unlessAborted(before, given);
    } finally {
      this.#waiting.delete(tell);
    }
  }

  /** A backup that was taken before this process started. */
  adopt(last: NonNullable<BackupStatus["last"]>): void {
    this.#status = { ...this.#status, last: this.#status.last ?? last };
  }

  /** Ends what runs; resolves when nothing touches the folder any more. */
  async close(reason: Error): Promise<void> {
    this.#scheduled?.stop();
    this.#closing.abort(reason);
    await this.#current;
  }

  async #run(file: string, options: BackupOptions, bytesPerSecond: number, force: boolean): Promise<BackupManifest> {
    const { signal, onProgress } = options;
    const { store, ended } = this.#parts;
    const { folder } = store;
    this.#status = { ...this.#status, running: { stage: "copy", done: 0, total: 0 } };
    store.holdCheckpoints(true);
    let held = true;
    const letGo = (): void => {
      if (held) store.holdCheckpoints(false);
      held = false;
    };
    try {
      const manifest = await runBackup(
        { kind: "write", folder, file, force, bytesPerSecond },
        {
          signal: signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]),
          onProgress: (progress) => {
            this.#status = { ...this.#status, running: progress };
            // The snapshot is given back, and the thread has emptied the log.
            if (progress.stage !== "copy") letGo();
            onProgress?.(progress);
            for (const tell of this.#waiting) tell(progress);
          },
        },
      );
      const last = { takenMs: manifest.takenMs, file, bytes: manifest.database.bytes };
      this.#status = { ...this.#status, last, taken: this.#status.taken + 1, lastFailure: undefined };
      this.#tell(manifest, file);
      return manifest;
    } catch (error) {
      // Whoever asked for it has changed their mind: nothing is wrong that somebody should look at.
      if (signal?.aborted === true && error === signal.reason) throw error;
      const lastFailure = error instanceof Error ? error.message : String(error);
      this.#status = { ...this.#status, failures: this.#status.failures + 1, lastFailure };
      throw error;
    } finally {
      this.#status = { ...this.#status, running: undefined };
      letGo();
      ended();
    }
  }

  #tell({ rows, database, root, lastSequence }: BackupManifest, file: string): void {
    const { log } = this.#parts.options;
    const fields = { file, bytes: database.bytes, root, lastSequence };
    log({ level: "info", message: "backed up", fields });
    if (rows.damaged === 0) return;
    const { damaged, examples } = rows;
    log({
      level: "error",
      message: "the backup holds damaged rows, as the disk does",
      fields: { file, damaged, examples },
    });
  }
}
