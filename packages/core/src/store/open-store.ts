/** Opens the store of a data folder: checks, lock, pragmas, migrations, identity. */
import { randomBytes } from "node:crypto";
import path from "node:path";
import Database from "better-sqlite3";
import { YarrowError } from "@yarrow/protocol";
import type { BootRow, Store } from "@yarrow/replica";
import { StoreFailedError } from "@yarrow/replica";
import { checkFreeSpace, checkSqliteVersion } from "./boot-check.ts";
import { Connection } from "./connection.ts";
import { lockFolder } from "./lock.ts";
import { migrate } from "./migrations.ts";
import { createPrivateFile, createPrivateFolder } from "./private-file.ts";
import { translateError } from "./sqlite-error.ts";
import { DATABASE_FILE, SqliteStore } from "./sqlite-store.ts";

/** The write-ahead log is cut back to this after a checkpoint. */
const JOURNAL_BYTES_MAX = 64 * 1024 * 1024;

/** How long to wait for another program that holds the database for a moment. */
const BUSY_TIMEOUT_MS = 5_000;

const EPOCH_BYTES = 8;

export interface SqliteStoreOptions {
  /** Created when missing, readable by this user only. */
  readonly folder: string;
  readonly durability: "full" | "normal";
  /** Local clock, whole ms since 1970. */
  readonly now: () => number;
  /** Test hook, see `SqliteStore.limitPages`. */
  readonly maxPages?: number;
}

/**
 * Errors: YARROW_STORE_LOCKED, YARROW_STORE_NEWER, YARROW_STORE_CORRUPT, YARROW_STORE_FAILED, YARROW_STORE_FULL,
 * YARROW_SQLITE_UNSUPPORTED, YARROW_DISK_SPACE_LOW. None of them leaves the folder locked.
 */
export function openSqliteStore(options: SqliteStoreOptions): SqliteStore {
  const folder = path.resolve(options.folder);
  createPrivateFolder(folder);
  checkFreeSpace(folder);
  const lock = lockFolder(folder);
  let database: Database.Database | undefined;
  let connection: Connection | undefined;
  try {
    createPrivateFile(path.join(folder, DATABASE_FILE));
    database = new Database(path.join(folder, DATABASE_FILE), { timeout: BUSY_TIMEOUT_MS });
    prepareDatabase(database, folder);
    connection = new Connection(database, folder, options.durability);
    if (options.maxPages !== undefined) connection.limitPages(options.maxPages);
    return new SqliteStore({ folder, connection, lock, now: options.now });
  } catch (error) {
    (connection ?? database)?.close();
    lock.release();
    throw explain(translateError(error, folder), folder);
  }
}

/** Records that the peer starts now, and returns the record: a feed cursor is its epoch and a sequence. */
export function recordBoot(store: Store, startedMs: number): BootRow {
  const row = { epoch: randomBytes(EPOCH_BYTES).toString("hex"), firstSequence: store.lastSequence() + 1, startedMs };
  store.transaction(() => store.writeBoot(row));
  return row;
}

function prepareDatabase(database: Database.Database, folder: string): void {
  checkSqliteVersion(String(database.prepare("SELECT sqlite_version()").pluck().get()));
  database.pragma("journal_mode = WAL");
  // Syncs what a checkpoint relies on. Commits are synced by `Connection`.
  database.pragma("synchronous = NORMAL");
  database.pragma(`journal_size_limit = ${JOURNAL_BYTES_MAX}`);
  // Costs little, and finds some of the damage that would otherwise be read as something else.
  database.pragma("cell_size_check = ON");
  database.pragma("trusted_schema = OFF");
  migrate(database, folder);
}

/** While opening, a file that SQLite cannot make sense of is told apart from a disk that fails. */
function explain(error: unknown, folder: string): unknown {
  const code = error instanceof StoreFailedError && error.cause instanceof Database.SqliteError ? error.cause.code : "";
  if (!code.startsWith("SQLITE_CORRUPT") && code !== "SQLITE_NOTADB") return error;
  return new YarrowError(
    "YARROW_STORE_CORRUPT",
    `${path.join(folder, DATABASE_FILE)} is not a sound database: ${code}`,
    {
      cause: error,
      hint: "Move the folder away and start with an empty one; the peer fetches the documents from the others.",
    },
  );
}
