/** Reads the store of a data folder beside the peer that runs on it: another connection, which cannot write, at one moment. */
import path from "node:path";
import Database from "better-sqlite3";
import { Connection } from "../store/connection.ts";
import { DATABASE_FILE, SqliteStore } from "../store/sqlite-store.ts";

/** How long to wait while the writer empties its log. */
const BUSY_TIMEOUT_MS = 5_000;

/** `read` sees everything that was committed when it began, and nothing later. The store must not be kept. */
export function withPast<T>(folder: string, read: (store: SqliteStore) => T): T {
  return withPastFile(path.join(folder, DATABASE_FILE), read);
}

/** The same of a database file, which may be a backup. */
export function withPastFile<T>(file: string, read: (store: SqliteStore) => T): T {
  const folder = path.dirname(file);
  const database = new Database(file, { readonly: true, fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
  try {
    database.exec("BEGIN");
    const lock = { release: () => {} };
    return read(new SqliteStore({ folder, connection: new Connection(database, folder), lock, now: () => 0 }));
  } finally {
    database.close();
  }
}
