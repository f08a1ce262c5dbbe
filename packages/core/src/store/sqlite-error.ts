/** What SQLite's errors mean to a peer: no room for now, a disk not to be trusted, or a bug of ours. */
import Database from "better-sqlite3";
import { StoreFailedError, StoreFullError } from "@yarrow/replica";

/**
 * Primary codes (extended ones follow after an underscore) after which nothing that SQLite says of this disk can be relied
 * on. After a failed fsync the pages that were lost count as written, and the next commits succeed. A file that cannot be
 * opened or has turned read-only is how a file system answers that has met an error itself.
 */
const FAILED = ["SQLITE_IOERR", "SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_CANTOPEN", "SQLITE_READONLY"] as const;

/** The operating error that a thrown value stands for; the value itself when it is something else. */
export function translateError(error: unknown, folder: string): unknown {
  if (!(error instanceof Database.SqliteError)) return error;
  const { code } = error;
  if (code === "SQLITE_FULL") return new StoreFullError(`there is no room left in ${folder}`, error);
  const failed = FAILED.some((prefix) => code === prefix || code.startsWith(`${prefix}_`));
  return failed ? new StoreFailedError(`the disk under ${folder} failed: ${code}, ${error.message}`, error) : error;
}
