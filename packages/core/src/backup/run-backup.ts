/** Work on backups, each job in a thread of its own: it reads and hashes for seconds, and waits for disks. */
import { Worker } from "node:worker_threads";
import { YarrowError } from "@yarrow/protocol";
import type { YarrowErrorCode } from "@yarrow/protocol";
import type { BackupManifest } from "./manifest.ts";
import type { BackupProgress } from "./report.ts";
import type { RestoreBackup, RestoredBackup } from "./restore-backup.ts";
import type { RestorePast, RestoredPast } from "./restore-past.ts";
import type { VerifyBackup } from "./verify-backup.ts";
import type { WriteBackup } from "./write-backup.ts";

export type BackupJob = WriteBackup | VerifyBackup | RestoreBackup | RestorePast;

type ResultOf<J extends BackupJob> = J extends RestoreBackup
  ? RestoredBackup
  : J extends RestorePast
    ? RestoredPast
    : BackupManifest;

export type BackupThreadMessage =
  | { readonly kind: "progress"; readonly progress: BackupProgress }
  | { readonly kind: "done"; readonly result: unknown }
  | {
      readonly kind: "failed";
      readonly message: string;
      readonly code?: YarrowErrorCode;
      readonly hint?: string | undefined;
    };

export interface BackupWatch {
  /** Ends the work; what was made so far is removed before the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: BackupProgress) => void) | undefined;
}

/** Resolves when the thread has ended. Errors: those of the job. */
export async function runBackup<J extends BackupJob>(job: J, watch: BackupWatch = {}): Promise<ResultOf<J>> {
  const { signal, onProgress } = watch;
  signal?.throwIfAborted();
  const stop = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const onAbort = (): void => {
    Atomics.store(stop, 0, 1);
    Atomics.notify(stop, 0);
  };
  const worker = startThread({ job, stop });
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    return await new Promise<ResultOf<J>>((resolve, reject) => {
      let outcome: (() => void) | undefined;
      worker.on("message", (message: BackupThreadMessage) => {
        if (message.kind === "progress") onProgress?.(message.progress);
        else if (message.kind === "done") outcome = () => resolve(message.result as ResultOf<J>);
        else outcome = () => reject(signal?.aborted === true ? signal.reason : errorOf(message));
      });
      worker.on("error", (error) => (outcome ??= () => reject(error)));
      worker.on("exit", (code) => {
        if (outcome !== undefined) outcome();
        else reject(new YarrowError("YARROW_BACKUP_FAILED", `the thread of the backup ended with code ${code}`));
      });
    });
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

function errorOf({ message, code, hint }: Extract<BackupThreadMessage, { kind: "failed" }>): Error {
  return code === undefined ? new Error(message) : new YarrowError(code, message, hint === undefined ? {} : { hint });
}

function startThread(workerData: { readonly job: BackupJob; readonly stop: Int32Array }): Worker {
  // The sources run under type stripping with the workspace's own export condition; the built files need neither.
  const fromSource = import.meta.url.endsWith(".ts");
  const file = fromSource
    ? new URL("./backup-thread.ts", import.meta.url)
    : new URL("./backup-thread.js", import.meta.url);
  const execArgv = fromSource ? ["--conditions=yarrow-src"] : [];
  return new Worker(file, { execArgv, name: "yarrow-backup", workerData });
}
