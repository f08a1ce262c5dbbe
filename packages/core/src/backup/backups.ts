/** The backups of a running peer: one at a time, and what became of the last one. */
import path from "node:path";
import { YarrowError } from "@yarrow/protocol";
import type { SqliteStore } from "../store/sqlite-store.ts";
import type { BackupManifest } from "./manifest.ts";
import type { BackupProgress } from "./report.ts";
import { runBackup } from "./run-backup.ts";

export interface BackupOptions {
  /** Ends the backup; nothing of it stays. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: BackupProgress) => void) | undefined;
  /** Default {@link BACKUP_BYTES_PER_SECOND}; Infinity = as fast as it goes. */
  readonly maxBytesPerSecond?: number | undefined;
  /** Replace an existing file. Default false. */
  readonly force?: boolean | undefined;
}

/** How backups went since the peer started. Times are its clock, in ms since 1970. */
export interface BackupStatus {
  readonly running: BackupProgress | undefined;
  readonly last: { readonly takenMs: number; readonly file: string; readonly bytes: number } | undefined;
  readonly failures: number;
  /** Why the last one failed; undefined when it did not. */
  readonly lastFailure: string | undefined;
}

/** Fast enough for a gigabyte in a quarter of a minute, slow enough to leave the disk to the commits of the peer. */
export const BACKUP_BYTES_PER_SECOND = 64 * 1024 * 1024;

type Held = Pick<SqliteStore, "folder" | "holdCheckpoints">;

export class Backups {
  readonly #store: Held;
  readonly #ended: () => void;
  #status: BackupStatus = { running: undefined, last: undefined, failures: 0, lastFailure: undefined };
  readonly #closing = new AbortController();
  #current: Promise<unknown> = Promise.resolve();

  /** `ended` is called after each, with checkpoints allowed again. */
  constructor(store: Held, ended: () => void) {
    this.#store = store;
    this.#ended = ended;
  }

  get status(): BackupStatus {
    return this.#status;
  }

  /** See `Peer.backup`. */
  async write(file: string, options: BackupOptions = {}): Promise<BackupManifest> {
    const { maxBytesPerSecond = BACKUP_BYTES_PER_SECOND, force = false } = options;
    if (!(maxBytesPerSecond > 0)) {
      throw new YarrowError("YARROW_CONFIG_INVALID", `maxBytesPerSecond must be above 0, not ${maxBytesPerSecond}`);
    }
    if (this.#status.running !== undefined) {
      throw new YarrowError("YARROW_BACKUP_FAILED", "this peer is being backed up already", {
        hint: "Wait until that one has ended; `yarrow status` shows how far it is.",
      });
    }
    options.signal?.throwIfAborted();
    const run = this.#run(path.resolve(file), options, maxBytesPerSecond, force);
    this.#current = run.catch(() => undefined);
    return run;
  }

  /** A backup that was taken before this process started. */
  adopt(last: NonNullable<BackupStatus["last"]>): void {
    this.#status = { ...this.#status, last: this.#status.last ?? last };
  }

  /** Ends what runs; resolves when nothing touches the folder any more. */
  async close(reason: Error): Promise<void> {
    this.#closing.abort(reason);
    await this.#current;
  }

  async #run(file: string, options: BackupOptions, bytesPerSecond: number, force: boolean): Promise<BackupManifest> {
    const { signal, onProgress } = options;
    const { folder } = this.#store;
    this.#status = { ...this.#status, running: { stage: "copy", done: 0, total: 0 } };
    this.#store.holdCheckpoints(true);
    let held = true;
    const letGo = (): void => {
      if (held) this.#store.holdCheckpoints(false);
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
          },
        },
      );
      const last = { takenMs: manifest.takenMs, file, bytes: manifest.database.bytes };
      this.#status = { ...this.#status, last, lastFailure: undefined };
      return manifest;
    } catch (error) {
      const lastFailure = error instanceof Error ? error.message : String(error);
      this.#status = { ...this.#status, failures: this.#status.failures + 1, lastFailure };
      throw error;
    } finally {
      this.#status = { ...this.#status, running: undefined };
      letGo();
      this.#ended();
    }
  }
}
