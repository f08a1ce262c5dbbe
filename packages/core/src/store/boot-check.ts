/** What must hold before a store is opened. */
import fs from "node:fs";
import { YarrowError } from "@yarrow/protocol";

/** Below this much free space a peer does not start: it could hardly write what it has to write to get out of that. */
export const FREE_BYTES_MIN = 16 * 1024 * 1024;

/** Before it, resetting the write-ahead log could corrupt a database that has two connections. */
const SQLITE_VERSION_MIN = "3.51.3";

/** Errors: YARROW_SQLITE_UNSUPPORTED. */
export function checkSqliteVersion(version: string): void {
  if (compareVersions(version, SQLITE_VERSION_MIN) >= 0) return;
  throw new YarrowError("YARROW_SQLITE_UNSUPPORTED", `SQLite ${version} is older than ${SQLITE_VERSION_MIN}`, {
    hint: "Install the version of better-sqlite3 that this release asks for.",
  });
}

/** Errors: YARROW_DISK_SPACE_LOW. */
export function checkFreeSpace(folder: string, freeBytes = readFreeBytes(folder)): void {
  if (freeBytes >= FREE_BYTES_MIN) return;
  throw new YarrowError(
    "YARROW_DISK_SPACE_LOW",
    `${freeBytes} bytes are free under ${folder}, of ${FREE_BYTES_MIN} needed to start`,
    {
      hint: "Free space on that disk, then start again.",
    },
  );
}

function readFreeBytes(folder: string): number {
  const { bavail, bsize } = fs.statfsSync(folder);
  return bavail * bsize;
}

function compareVersions(a: string, b: string): number {
  const x = a.split(".").map(Number);
  const y = b.split(".").map(Number);
  for (let i = 0; i < 3; i++) {
    const difference = (x[i] ?? 0) - (y[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
