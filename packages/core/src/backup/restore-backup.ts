/**
 * Makes a data folder of a backup, as the folder of a new peer of the same cluster.
 *
 * Invariants
 * 1. Under the name that was asked for, there is nothing or a whole folder: it is made beside it, proved, and renamed.
 * 2. The new peer has an id of its own and no start in its records, so nobody takes it for the one that was backed up, which may still
 *    live, and no feed cursor of that one is taken for its own. What is replicated stays as it was, to the byte.
 */
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { toHex, YarrowError } from "@yarrow/protocol";
import type { PeerId } from "@yarrow/protocol";
import { Inspector } from "@yarrow/replica";
import { FREE_BYTES_MIN } from "../store/boot-check.ts";
import { openSqliteStore } from "../store/open-store.ts";
import { createPrivateFolder, syncFolder } from "../store/private-file.ts";
import { DATABASE_FILE } from "../store/sqlite-store.ts";
import type { SqliteStore } from "../store/sqlite-store.ts";
import { checkRows } from "./check-rows.ts";
import { damagedBackup, readManifest } from "./manifest.ts";
import type { BackupManifest } from "./manifest.ts";
import { checkParts } from "./parts.ts";
import { openAtRest } from "./read-database.ts";
import type { Report } from "./report.ts";
import { assertSchema, openBackup } from "./verify-backup.ts";

export interface RestoreBackup {
  readonly kind: "restore";
  readonly file: string;
  /** Must not exist, or be empty. */
  readonly folder: string;
  /** Go on although rows were damaged on the disk that was backed up. They are set aside, and the other peers bring them back. */
  readonly acceptDamage: boolean;
}

export interface RestoredBackup {
  readonly manifest: BackupManifest;
  /** Of the peer that will run on the folder. */
  readonly peerId: PeerId;
}

/**
 * `change` may do something to the store before the folder gets its name; what it throws leaves nothing behind.
 * Errors: YARROW_RESTORE_REFUSED, YARROW_BACKUP_DAMAGED, YARROW_BACKUP_FAILED, YARROW_STORE_NEWER, YARROW_DISK_SPACE_LOW.
 */
export function restoreBackup(
  job: RestoreBackup,
  report: Report,
  change: (store: SqliteStore) => void = () => {},
): RestoredBackup {
  const { file } = job;
  const folder = path.resolve(job.folder);
  assertEmpty(folder);
  const descriptor = openBackup(file);
  const made = `${folder}.restoring-${randomBytes(4).toString("hex")}`;
  try {
    const manifest = readManifest(file, descriptor);
    assertSchema(file, manifest);
    createPrivateFolder(made);
    assertRoom(path.dirname(made), manifest.database.bytes);
    copyOut(file, descriptor, manifest, path.join(made, DATABASE_FILE), report);
    proveRows(job, path.join(made, DATABASE_FILE), report);
    const peerId = renew(made, (store) => {
      proveRoot(job, manifest, store);
      change(store);
    });
    takePlace(made, folder);
    return { manifest, peerId };
  } catch (error) {
    throw explainFailure(error, folder);
  } finally {
    fs.closeSync(descriptor);
    fs.rmSync(made, { recursive: true, force: true });
  }
}

function copyOut(file: string, from: number, { database }: BackupManifest, to: string, report: Report): void {
  report.begin("hash");
  const written = fs.openSync(to, "wx", 0o600);
  try {
    checkParts(file, from, database, report, (part) => {
      let at = 0;
      while (at < part.length) at += fs.writeSync(written, part, at);
      fs.fdatasyncSync(written);
    });
  } finally {
    fs.closeSync(written);
  }
}

function proveRows({ file, acceptDamage }: RestoreBackup, made: string, report: Report): void {
  report.begin("rows");
  const database = openAtRest(made);
  try {
    const rows = checkRows(database, report);
    if (!acceptDamage) refuseDamage(file, rows);
  } finally {
    database.close();
  }
}

/** Errors: YARROW_BACKUP_DAMAGED. */
export function refuseDamage(file: string, { damaged, examples }: BackupManifest["rows"]): void {
  if (damaged === 0) return;
  throw new YarrowError(
    "YARROW_BACKUP_DAMAGED",
    `the backup ${file} is whole, but ${damaged} of its rows were damaged on the disk that was backed up: ${examples.join(", ")}`,
    {
      hint: "Take an older backup, or restore with --accept-damage (option acceptDamage) where other peers can bring the rows back.",
    },
  );
}

/** Once more from the records of all documents, by the code that will serve them. */
function proveRoot({ file }: RestoreBackup, { root, clusterId }: BackupManifest, store: SqliteStore): void {
  if (root === undefined || clusterId === undefined) return;
  const found = toHex(new Inspector(store, clusterId).sum());
  if (found === root) return;
  throw damagedBackup(file, `its documents have fingerprint ${found}, and the manifest says ${root}`);
}

function renew(folder: string, change: (store: SqliteStore) => void): PeerId {
  const store = openSqliteStore({ folder, durability: "full", now: Date.now });
  let peerId: PeerId;
  try {
    change(store);
    peerId = store.renewIdentity();
  } finally {
    store.close();
  }
  return peerId;
}

/** Syncs what was made and gives it its name, where still nothing stands. */
export function takePlace(made: string, folder: string): void {
  for (const name of fs.readdirSync(made)) {
    const descriptor = fs.openSync(path.join(made, name), "r+");
    fs.fsyncSync(descriptor);
    fs.closeSync(descriptor);
  }
  syncFolder(made);
  assertEmpty(folder);
  // Only an empty folder can be removed: what somebody has put there since is safe.
  if (fs.existsSync(folder)) fs.rmdirSync(folder);
  fs.renameSync(made, folder);
  syncFolder(path.dirname(folder));
}

/** Errors: YARROW_RESTORE_REFUSED. */
export function assertEmpty(folder: string): void {
  // What is made takes the name by a rename, which would put it where the link stands and not where it points.
  if (fs.lstatSync(folder, { throwIfNoEntry: false })?.isSymbolicLink() === true) {
    throw new YarrowError(
      "YARROW_RESTORE_REFUSED",
      `${folder} is a symbolic link, and a restore makes the folder itself`,
      {
        hint: "Name the folder that it points to.",
      },
    );
  }
  const found = fs.statSync(folder, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (found.isDirectory() && fs.readdirSync(folder).length === 0) return;
  const what = found.isDirectory() ? "is not empty" : "is not a folder";
  throw new YarrowError("YARROW_RESTORE_REFUSED", `${folder} ${what}, and a restore overwrites nothing`, {
    hint: "Name a folder that does not exist. To put a peer back in place, stop it and move its folder away first.",
  });
}

/** Errors: YARROW_DISK_SPACE_LOW. */
export function assertRoom(folder: string, bytes: number): void {
  const { bavail, bsize } = fs.statfsSync(folder);
  const wanted = bytes + FREE_BYTES_MIN;
  if (bavail * bsize >= wanted) return;
  throw new YarrowError("YARROW_DISK_SPACE_LOW", `${bavail * bsize} bytes are free in ${folder}, of ${wanted} needed`, {
    hint: "Free space on that disk, or restore to another one.",
  });
}

export function explainFailure(error: unknown, folder: string): unknown {
  if (error instanceof YarrowError || !(error instanceof Error)) return error;
  return new YarrowError("YARROW_BACKUP_FAILED", `${folder} could not be restored: ${error.message}`, {
    cause: error,
    hint: "Look at the folder above it, its rights and the free space there.",
  });
}
