/** The thread that `run-backup.ts` starts: one job, then it ends. */
import { parentPort, workerData } from "node:worker_threads";
import { assert, YarrowError } from "@yarrow/protocol";
import { lowerThreadPriority } from "../lower-priority.ts";
import type { BackupJob, BackupThreadMessage } from "./run-backup.ts";
import { Report } from "./report.ts";
import { restoreBackup } from "./restore-backup.ts";
import { restorePast } from "./restore-past.ts";
import { verifyBackup } from "./verify-backup.ts";
import { writeBackup } from "./write-backup.ts";

const port = parentPort;
assert(port !== null, "backup-thread runs as a worker only");
const say = (message: BackupThreadMessage): void => port.postMessage(message);
const { job, stop } = workerData as { job: BackupJob; stop: Int32Array<SharedArrayBuffer> };
if (job.kind === "write") lowerThreadPriority(10);
const report = new Report((progress) => say({ kind: "progress", progress }), stop);
try {
  say({ kind: "done", result: await run(job) });
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  const known = error instanceof YarrowError ? { code: error.code, hint: error.hint } : {};
  say({ kind: "failed", message, ...known });
}

function run(wanted: BackupJob): unknown {
  switch (wanted.kind) {
    case "write":
      return writeBackup(wanted, report);
    case "verify":
      return verifyBackup(wanted, report);
    case "restore":
      return restoreBackup(wanted, report);
    case "restore-past":
      return restorePast(wanted, report);
  }
}
