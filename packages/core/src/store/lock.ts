/**
 * One process per data folder. The lock is a second SQLite file held with BEGIN EXCLUSIVE: the operating system releases it
 * with the process, however that ends, which a file with a process id in it cannot promise. It is not `yarrow.db` itself,
 * so that other programs may still read that one.
 */
import path from "node:path";
import Database from "better-sqlite3";
import { YarrowError } from "@yarrow/protocol";
import { createPrivateFile } from "./private-file.ts";

export interface FolderLock {
  release(): void;
}

/** Errors: YARROW_STORE_LOCKED. */
export function lockFolder(folder: string): FolderLock {
  const file = path.join(folder, "lock.db");
  createPrivateFile(file);
  const database = new Database(file, { timeout: 0 });
  try {
    // A journal file would stay behind after a crash, and nothing is ever written here.
    database.pragma("journal_mode = MEMORY");
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (!(error instanceof Database.SqliteError) || !error.code.startsWith("SQLITE_BUSY")) throw error;
    throw new YarrowError("YARROW_STORE_LOCKED", `another process uses the data folder ${folder}`, {
      cause: error,
      hint: "Stop the peer that runs on this folder, or give this one a folder of its own.",
    });
  }
  return { release: () => database.close() };
}
