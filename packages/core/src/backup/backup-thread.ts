/** The thread that `run-backup.ts` starts: one job, then it ends. */
import os from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { assert, YarrowError } from "@yarrow/protocol";
import type { BackupJob, BackupThreadMessage } from "./run-backup.ts";
import { Report } from "./report.ts";
import { restoreBackup } from "./restore-backup.ts";
import { restorePast } from "./restore-past.ts";
import { verifyBackup } from "./verify-backup.ts";
import { writeBackup } from "./write-backup.ts";

/** How much less than the peer's own threads this one counts when there are fewer processors than work. */
const NICENESS = 10;

const port = parentPort;
assert(port !== null, "backup-thread runs as a worker only");
const say = (message: BackupThreadMessage): void => port.postMessage(message);
const { job, stop } = workerData as { job: BackupJob; stop: Int32Array<SharedArrayBuffer> };
// Only on Linux is this the priority of a thread; elsewhere it would be that of the whole process.
if (job.kind === "write" && process.platform === "linux") os.setPriority(Math.min(19, os.getPriority() + NICENESS));
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
