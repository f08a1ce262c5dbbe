/** Proves a backup without restoring it: the seal, the manifest, every byte, every row. Writes nothing anywhere. */
import fs from "node:fs";
import { YarrowError } from "@yarrow/protocol";
import { SCHEMA_NEWEST } from "../store/migrations.ts";
import { checkRows } from "./check-rows.ts";
import { readManifest } from "./manifest.ts";
import type { BackupManifest } from "./manifest.ts";
import { checkParts } from "./parts.ts";
import { openAtRest } from "./read-database.ts";
import type { Report } from "./report.ts";

export interface VerifyBackup {
  readonly kind: "verify";
  readonly file: string;
}

/** Rows that were damaged on the peer's disk already are told in `rows`. Errors: YARROW_BACKUP_DAMAGED, YARROW_STORE_NEWER. */
export function verifyBackup({ file }: VerifyBackup, report: Report): BackupManifest {
  const descriptor = openBackup(file);
  try {
    const manifest = readManifest(file, descriptor);
    assertSchema(file, manifest);
    report.begin("hash");
    checkParts(file, descriptor, manifest.database, report);
    report.begin("rows");
    const database = openAtRest(file);
    try {
      return { ...manifest, rows: checkRows(database, report) };
    } finally {
      database.close();
    }
  } finally {
    fs.closeSync(descriptor);
  }
}

/** Errors: YARROW_BACKUP_FAILED. */
export function openBackup(file: string): number {
  let descriptor: number;
  try {
    descriptor = fs.openSync(file, "r");
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new YarrowError("YARROW_BACKUP_FAILED", `the backup ${file} cannot be read: ${detail}`, { cause: error });
  }
  if (fs.fstatSync(descriptor).isFile()) return descriptor;
  fs.closeSync(descriptor);
  throw new YarrowError("YARROW_BACKUP_FAILED", `${file} is no file, and a backup is one`);
}

/** Errors: YARROW_STORE_NEWER. */
export function assertSchema(file: string, { schema, version }: BackupManifest): void {
  if (schema <= SCHEMA_NEWEST) return;
  throw new YarrowError(
    "YARROW_STORE_NEWER",
    `${file} has schema ${schema}; this release knows schemas up to ${SCHEMA_NEWEST}`,
    { hint: `Use release ${version}, which wrote it, or a later one.` },
  );
}
