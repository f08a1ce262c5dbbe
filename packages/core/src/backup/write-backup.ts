/**
 * Takes a backup of a data folder that a peer may be writing to. Runs in a thread of its own, and is synchronous save for the
 * copying.
 *
 * Invariants
 * 1. All pages are of one moment: SQLite's online backup runs from a connection that already holds a read transaction, so what
 *    is committed meanwhile neither enters the copy nor makes it begin again.
 * 2. The peer's own commits never pay for it. While the snapshot is held the write-ahead log cannot be taken over into the database
 *    and grows; this thread takes it over afterwards, before the peer's commits may do so again.
 * 3. Nothing appears under the name that was asked for before every byte of it is on the disk.
 */
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { performance } from "node:perf_hooks";
import Database from "better-sqlite3";
import { YarrowError } from "@yarrow/protocol";
import { BACKUP_WAL_BYTES_MAX } from "../limits.ts";
import { FREE_BYTES_MIN } from "../store/boot-check.ts";
import { CHECKPOINT_PAGES } from "../store/connection.ts";
import { createPrivateFile, syncFolder } from "../store/private-file.ts";
import { DATABASE_FILE } from "../store/sqlite-store.ts";
import { VERSION } from "../version.ts";
import { checkRows } from "./check-rows.ts";
import { encodeManifest, MANIFEST_FORMAT } from "./manifest.ts";
import type { BackupManifest } from "./manifest.ts";
import { hashParts } from "./parts.ts";
import { openAtRest, readFacts } from "./read-database.ts";
import type { Report } from "./report.ts";

export interface WriteBackup {
  readonly kind: "write";
  readonly folder: string;
  readonly file: string;
  /** Replace `file` if it exists. */
  readonly force: boolean;
  /** Infinity = as fast as it goes. */
  readonly bytesPerSecond: number;
}

/** Bytes copied between two looks at the clock. Small, because for so long the disk is this thread's alone. */
const STEP_BYTES = 512 * 1024;
/** Written bytes are brought to the disk in portions of this size: a sync of all of them at the end would hold up the peer's own. */
const SYNC_BYTES = 4 * 1024 * 1024;
/** In a file's header: 2 = there is a write-ahead log. A backup has none. */
const HEADER_VERSIONS_AT = 18;
const TAKE_OVER_ROUNDS_MAX = 20;

/** Errors: YARROW_BACKUP_EXISTS, YARROW_BACKUP_FAILED, YARROW_DISK_SPACE_LOW. */
export async function writeBackup(job: WriteBackup, report: Report): Promise<BackupManifest> {
  const { file, force } = job;
  assertNew(file, force);
  const partial = `${file}.${randomBytes(4).toString("hex")}.partial`;
  try {
    createPrivateFile(partial);
    const { takenMs, pageBytes } = await copyDatabase(job, partial, report);
    const manifest = seal(partial, pageBytes, takenMs, report);
    assertNew(file, force);
    fs.renameSync(partial, file);
    syncFolder(path.dirname(file));
    return manifest;
  } catch (error) {
    throw explain(error, file);
  } finally {
    for (const suffix of ["", "-journal"]) fs.rmSync(partial + suffix, { force: true });
  }
}

async function copyDatabase(
  job: WriteBackup,
  partial: string,
  report: Report,
): Promise<{ takenMs: number; pageBytes: number }> {
  const live = path.join(job.folder, DATABASE_FILE);
  const source = new Database(live, { readonly: true, fileMustExist: true });
  const written = fs.openSync(partial, "r+");
  try {
    source.exec("BEGIN");
    source.prepare("SELECT 1 FROM meta").get();
    const takenMs = Date.now();
    const pageBytes = source.pragma("page_size", { simple: true }) as number;
    assertRoom(partial, pageBytes * (source.pragma("page_count", { simple: true }) as number));
    const pace = createPace(job.bytesPerSecond, report);
    const stepPages = Math.max(1, Math.floor(STEP_BYTES / pageBytes));
    let syncedBytes = 0;
    report.begin("copy");
    await source.backup(partial, {
      progress: ({ totalPages, remainingPages }) => {
        const done = totalPages - remainingPages;
        report.at(done, totalPages);
        assertWal(`${live}-wal`);
        if (done * pageBytes >= syncedBytes + SYNC_BYTES) {
          fs.fdatasyncSync(written);
          syncedBytes = done * pageBytes;
        }
        pace(done * pageBytes);
        return stepPages;
      },
    });
    source.exec("COMMIT");
    // The last step is not told of, and for a small database it is the only one.
    const { size } = fs.fstatSync(written);
    pace(size);
    report.at(size / pageBytes, size / pageBytes);
    return { takenMs, pageBytes };
  } finally {
    source.close();
    fs.closeSync(written);
    takeOver(live);
  }
}

/** Copies the write-ahead log into the database until what is left is what a commit would copy on any day. */
function takeOver(live: string): void {
  const database = new Database(live, { fileMustExist: true, timeout: 0 });
  try {
    database.pragma("wal_autocheckpoint = 0");
    for (let round = 0; round < TAKE_OVER_ROUNDS_MAX; round++) {
      const rows = database.pragma("wal_checkpoint(PASSIVE)") as { log: number; checkpointed: number }[];
      const { log, checkpointed } = rows[0] ?? { log: 0, checkpointed: 0 };
      if (log - checkpointed < CHECKPOINT_PAGES) return;
    }
  } finally {
    database.close();
  }
}

/** Proves what was copied, and writes the manifest behind it. */
function seal(partial: string, pageBytes: number, takenMs: number, report: Report): BackupManifest {
  const descriptor = fs.openSync(partial, "r+");
  try {
    fs.writeSync(descriptor, Buffer.from([1, 1]), 0, 2, HEADER_VERSIONS_AT);
    const bytes = fs.fstatSync(descriptor).size;
    report.begin("hash");
    const database = hashParts(descriptor, bytes, pageBytes, report);
    report.begin("rows");
    const copy = openAtRest(partial);
    let manifest: BackupManifest;
    try {
      const rows = checkRows(copy, report);
      const times = { takenMs: Math.max(takenMs, readLastArrival(copy)) };
      manifest = { format: MANIFEST_FORMAT, ...times, version: VERSION, ...readFacts(copy), rows, database };
    } finally {
      copy.close();
    }
    const behind = encodeManifest(manifest);
    let at = 0;
    while (at < behind.length) at += fs.writeSync(descriptor, behind, at, behind.length - at, bytes + at);
    fs.fsyncSync(descriptor);
    return manifest;
  } finally {
    fs.closeSync(descriptor);
  }
}

/** The peer's own clock stays ahead of one that was set back: its last row may be of a moment that is still to come. */
function readLastArrival(copy: Database.Database): number {
  const read = "SELECT arrived_ms FROM update_log ORDER BY sequence DESC LIMIT 1";
  return copy.prepare<[], number>(read).pluck().get() ?? 0;
}

/** Sleeps as long as the bytes so far came too early. */
function createPace(bytesPerSecond: number, report: Report): (bytes: number) => void {
  const startedMs = performance.now();
  return (bytes) => {
    if (bytesPerSecond === Infinity) return;
    report.pause((bytes / bytesPerSecond) * 1_000 - (performance.now() - startedMs));
  };
}

function assertNew(file: string, force: boolean): void {
  if (!fs.existsSync(file)) return;
  if (force && fs.existsSync(path.join(path.dirname(file), DATABASE_FILE))) {
    // Most likely the database itself: a peer that runs would go on writing to a file that nobody can find any more.
    throw new YarrowError("YARROW_BACKUP_FAILED", `${file} lies in a data folder, where a backup replaces nothing`, {
      hint: "Choose a place outside of data folders, best on another disk.",
    });
  }
  if (force) return;
  throw new YarrowError("YARROW_BACKUP_EXISTS", `${file} exists`, {
    hint: "Choose another name, or pass --force (option force) to replace it.",
  });
}

function assertRoom(partial: string, bytes: number): void {
  const { bavail, bsize } = fs.statfsSync(path.dirname(partial));
  const wanted = bytes + FREE_BYTES_MIN;
  if (bavail * bsize >= wanted) return;
  throw new YarrowError(
    "YARROW_DISK_SPACE_LOW",
    `${bavail * bsize} bytes are free in ${path.dirname(partial)}, and the backup needs ${wanted}`,
    { hint: "Free space there, or write the backup to another disk." },
  );
}

function assertWal(file: string): void {
  const bytes = fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (bytes <= BACKUP_WAL_BYTES_MAX) return;
  throw new YarrowError("YARROW_BACKUP_FAILED", `${file} has grown to ${bytes} bytes while the backup was taken`, {
    hint: "Raise the rate of the backup, or take it when less is written.",
  });
}

function explain(error: unknown, file: string): unknown {
  if (error instanceof YarrowError || !(error instanceof Error)) return error;
  return new YarrowError("YARROW_BACKUP_FAILED", `the backup ${file} could not be written: ${error.message}`, {
    cause: error,
    hint: "Look at the folder, its rights and the free space there.",
  });
}
