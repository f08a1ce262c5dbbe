/**
 * Makes a data folder of what a backup tells of an instant before it was taken: a peer of its own, with the set as it was then. It
 * knows no other peer's address, so that it stays as it is until somebody links it; linked to the cluster it comes from, it takes
 * back everything newer, like any peer.
 */
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { YarrowError } from "@yarrow/protocol";
import type { ClusterId, PeerId } from "@yarrow/protocol";
import { Inspector, writePast } from "@yarrow/replica";
import type { WrittenPast } from "@yarrow/replica";
import { HistoryGoneError, formatInstant } from "../past/history-gone.ts";
import { Connection } from "../store/connection.ts";
import { openSqliteStore } from "../store/open-store.ts";
import { createPrivateFolder } from "../store/private-file.ts";
import { SqliteStore } from "../store/sqlite-store.ts";
import type { BackupManifest } from "./manifest.ts";
import { openAtRest } from "./read-database.ts";
import type { Report } from "./report.ts";
import { assertEmpty, assertRoom, explainFailure, refuseDamage, takePlace } from "./restore-backup.ts";
import { verifyBackup } from "./verify-backup.ts";

export interface RestorePast {
  readonly kind: "restore-past";
  readonly file: string;
  /** Must not exist, or be empty. */
  readonly folder: string;
  readonly timeMs: number;
  /** Another cluster than that of the backup, so that the two never mix. */
  readonly clusterId: ClusterId | undefined;
  /** Go on although rows are damaged, without what they held. */
  readonly acceptDamage: boolean;
}

export interface RestoredPast {
  readonly manifest: BackupManifest;
  readonly peerId: PeerId;
  readonly clusterId: ClusterId;
  readonly documents: WrittenPast;
}

/**
 * Errors: those of `restoreBackup`, YARROW_HISTORY_GONE for an instant that the backup no longer tells, YARROW_RESTORE_REFUSED for
 * one that it does not tell yet.
 */
export function restorePast(job: RestorePast, report: Report): RestoredPast {
  const { file, timeMs } = job;
  const folder = path.resolve(job.folder);
  assertEmpty(folder);
  const manifest = verifyBackup({ kind: "verify", file }, report);
  if (!job.acceptDamage) refuseDamage(file, manifest.rows);
  if (timeMs > manifest.takenMs) {
    throw new YarrowError(
      "YARROW_RESTORE_REFUSED",
      `the backup ${file} is of ${formatInstant(manifest.takenMs)} and knows nothing of ${formatInstant(timeMs)}`,
      { hint: "Take a later backup, or leave --at out to restore all that is in this one." },
    );
  }
  const clusterId = job.clusterId ?? manifest.clusterId;
  if (clusterId === undefined) throw new YarrowError("YARROW_RESTORE_REFUSED", `the backup ${file} is of no cluster`);
  const made = `${folder}.restoring-${randomBytes(4).toString("hex")}`;
  try {
    createPrivateFolder(made);
    assertRoom(path.dirname(made), manifest.database.bytes);
    const written = writeFolder(job, made, clusterId, report);
    takePlace(made, folder);
    return { manifest, clusterId, ...written };
  } catch (error) {
    throw explainFailure(error, folder);
  } finally {
    fs.rmSync(made, { recursive: true, force: true });
  }
}

function writeFolder(
  { file, timeMs, acceptDamage }: RestorePast,
  made: string,
  clusterId: ClusterId,
  report: Report,
): Pick<RestoredPast, "peerId" | "documents"> {
  const database = openAtRest(file);
  // What is written is synced as a whole, before the folder gets its name.
  const target = openSqliteStore({ folder: made, durability: "normal", now: () => timeMs });
  try {
    const lock = { release: () => {} };
    const connection = new Connection(database, file);
    const source = new SqliteStore({ folder: file, connection, lock, now: () => 0 });
    const oldestMs = source.prunedThroughMs();
    if (timeMs < oldestMs) throw new HistoryGoneError(timeMs, oldestMs);
    const { alive, deleted } = source.counts();
    report.begin("documents");
    const onPage = (looked: number): void => report.at(looked, Math.max(looked, alive + deleted));
    const documents = writePast({ source, target, timeMs, clusterId, acceptDamage, onPage });
    // Once more from the rows, by the code that checks a replica that runs.
    const [complaint] = new Inspector(target, clusterId).complaints();
    if (complaint !== undefined)
      throw new YarrowError("YARROW_BACKUP_FAILED", `what was written is wrong: ${complaint}`);
    return { peerId: target.readPeerId(), documents };
  } finally {
    target.close();
    database.close();
  }
}
