/** What can be done with a backup where no peer runs, as an embedder sees it. The work itself is done in a thread. */
import { YarrowError } from "@yarrow/protocol";
import { hashClusterName } from "../options.ts";
import type { BackupManifest } from "./manifest.ts";
import type { RestoredBackup } from "./restore-backup.ts";
import type { RestoredPast } from "./restore-past.ts";
import { runBackup } from "./run-backup.ts";
import type { BackupWatch } from "./run-backup.ts";

/** Proves every byte and every row of a backup. Errors: YARROW_BACKUP_DAMAGED, YARROW_BACKUP_FAILED, YARROW_STORE_NEWER. */
export function verifyBackup(file: string, watch: BackupWatch = {}): Promise<BackupManifest> {
  return runBackup({ kind: "verify", file }, watch);
}

/**
 * Proves a backup and makes the data folder of a new peer of it; the folder appears whole or not at all. Errors:
 * YARROW_RESTORE_REFUSED when the folder is not empty, those of {@link verifyBackup}, and YARROW_DISK_SPACE_LOW.
 */
export function restoreBackup(
  file: string,
  folder: string,
  options: BackupWatch & { readonly acceptDamage?: boolean } = {},
): Promise<RestoredBackup> {
  return runBackup({ kind: "restore", file, folder, acceptDamage: options.acceptDamage ?? false }, options);
}

/**
 * Proves a backup and makes the data folder of a new peer of what it tells of an instant. `cluster`: the name of another cluster,
 * so that the folder is never mixed with what it comes from. Errors: those of {@link restoreBackup}, YARROW_HISTORY_GONE,
 * YARROW_CONFIG_INVALID.
 */
export async function restorePast(
  file: string,
  folder: string,
  options: BackupWatch & {
    readonly at: Date | number;
    readonly cluster?: string | undefined;
    readonly acceptDamage?: boolean;
  },
): Promise<RestoredPast> {
  const { at, cluster, acceptDamage = false, ...watch } = options;
  const timeMs = Math.floor(at instanceof Date ? at.getTime() : at);
  if (!Number.isFinite(timeMs))
    throw new YarrowError("YARROW_CONFIG_INVALID", `at must be an instant, not ${String(at)}`);
  const clusterId = cluster === undefined ? undefined : hashClusterName(cluster);
  return runBackup({ kind: "restore-past", file, folder, timeMs, clusterId, acceptDamage }, watch);
}
