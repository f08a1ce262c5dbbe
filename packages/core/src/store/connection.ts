/**
 * The one connection to `yarrow.db`: transactions, prepared statements, and the totals that move with them.
 *
 * 1. There is one writer, and transactions begin IMMEDIATE: a read that turns into a write could fail for good.
 * 2. A write outside a transaction is a bug. SQLite ends a transaction by itself when the disk is full, and a write that
 *    follows would then be committed alone: so after any error of SQLite nothing more is written until the transaction is over.
 * 3. After a failure that is not "full" nothing is written any more: the commit may or may not be on the disk, and it was
 *    not reported. Only opening the store anew, which replays the write-ahead log, tells.
 * 4. With full durability this connection syncs the write-ahead log itself, behind each commit that wrote: what SQLite would do
 *    with `synchronous = FULL`, but the library is built to sync the file's times as well, a second write that recovery never reads.
 * 5. No statement is left half read: results are taken whole, so that no reader holds the write-ahead log back.
 */
import fs from "node:fs";
import Database from "better-sqlite3";
import { assert } from "@yarrow/protocol";
import { StoreFailedError } from "@yarrow/replica";
import { translateError } from "./sqlite-error.ts";
import { Totals } from "./totals.ts";

/** SQLite's own limit. */
const PAGES_MAX = 0xfffffffe;

/**
 * A commit that finds about this many pages in the write-ahead log copies them into the database: SQLite's own default. Each
 * peer draws its own number near it, for a chain of peers would otherwise pause at the same change, one after the other.
 */
export const CHECKPOINT_PAGES = 1_000;
const CHECKPOINT_PAGES_SPREAD = 500;

/**
 * How often it is looked whether the files are still there. Not at every commit: two looks cost as much as all else that a small
 * commit does in this process, and whoever takes the files away takes all earlier commits with them.
 */
export const FILES_CHECK_MS = 50;

/** An object gives values to named parameters. */
export type SqlValue = string | number | Uint8Array | Readonly<Record<string, number>>;

/** What keeps something in memory that must follow the fate of the transaction. */
export interface Participant {
  begun(): void;
  /** May still write. */
  beforeCommit(): void;
  rolledBack(): void;
}

export class Connection {
  readonly folder: string;
  readonly durability: "full" | "normal";
  readonly totals: Totals;
  readonly #database: Database.Database;
  readonly #begin: Database.Statement;
  readonly #commit: Database.Statement;
  readonly #rollback: Database.Statement;
  /** What a commit goes to, by the number it had when it was opened. */
  readonly #files: readonly { readonly path: string; readonly number: number | undefined }[];
  /** The write-ahead log, where each commit is synced; undefined where the operating system may take its time. */
  readonly #log: number | undefined;
  #filesCheckedAt = -Infinity;
  /** Something was written in this transaction. */
  #wrote = false;
  readonly #participants: Participant[] = [];
  readonly #checkpointPages = Math.round(CHECKPOINT_PAGES + CHECKPOINT_PAGES_SPREAD * (Math.random() - 0.5));
  /** `spoilt`: a statement failed, so that the transaction can only be taken back. */
  #state: "idle" | "open" | "spoilt" = "idle";
  /** What spoilt it, as it is to be thrown. */
  #problem: unknown;
  /** What made the disk unfit for writing. */
  #failed: StoreFailedError | undefined;

  /** Takes over a database whose schema is up to date. Without `durability`: one that is only read, or synced by whoever writes it. */
  constructor(database: Database.Database, folder: string, durability: "full" | "normal" = "normal") {
    this.folder = folder;
    this.durability = durability;
    this.#database = database;
    this.#begin = database.prepare("BEGIN IMMEDIATE");
    this.#commit = database.prepare("COMMIT");
    this.#rollback = database.prepare("ROLLBACK");
    this.holdCheckpoints(false);
    this.totals = new Totals(this);
    this.#files = ["", "-wal"].map((suffix) => ({
      path: `${database.name}${suffix}`,
      number: fileNumber(`${database.name}${suffix}`),
    }));
    // SQLite never locks this file, so that a descriptor of our own takes no lock of its with it when it is closed.
    if (durability === "full") this.#log = fs.openSync(`${database.name}-wal`, "r+");
  }

  get failed(): boolean {
    return this.#failed !== undefined;
  }

  /** A write is allowed now. */
  get open(): boolean {
    return this.#state === "open";
  }

  /** The body of the transaction may have swallowed what a statement threw; the commit must not. */
  get spoilt(): boolean {
    return this.#state === "spoilt";
  }

  /** Milliseconds that commits have taken. */
  commitMs = 0;

  transaction<T>(body: () => T): T {
    if (this.#failed !== undefined) {
      throw new StoreFailedError(`the disk under ${this.folder} failed before: ${this.#failed.message}`, this.#failed);
    }
    assert(this.#state === "idle", "transactions of a store do not nest");
    for (const participant of this.#participants) participant.begun();
    this.#wrote = false;
    try {
      this.#begin.run();
      this.#state = "open";
      const result = body();
      if (this.spoilt) throw this.#problem;
      for (const participant of this.#participants) participant.beforeCommit();
      const committing = performance.now();
      this.#commit.run();
      if (this.#wrote) this.#sync();
      const committed = performance.now();
      this.commitMs += committed - committing;
      this.#state = "idle";
      if (committed - this.#filesCheckedAt > FILES_CHECK_MS) {
        this.#assertInPlace();
        this.#filesCheckedAt = committed;
      }
      return result;
    } catch (error) {
      const translated = this.translate(error);
      this.#takeBack();
      this.#state = "idle";
      for (const participant of this.#participants) participant.rolledBack();
      throw translated;
    }
  }

  /** Those who joined later are asked first, and the totals last: the others move them. */
  join(participant: Participant): void {
    this.#participants.unshift(participant);
  }

  query<Row extends readonly unknown[]>(sql: string): Query<Row> {
    return new Query<Row>(this, this.#database, sql);
  }

  /** Prepares a statement that returns nothing. */
  command(sql: string): Command {
    return new Command(this, this.#database, sql);
  }

  pragma(source: string): unknown {
    try {
      return this.#database.pragma(source, { simple: true });
    } catch (error) {
      throw this.translate(error);
    }
  }

  /** Turns what SQLite throws into what the store throws, and remembers that it happened. */
  translate(error: unknown): unknown {
    const translated = translateError(error, this.folder);
    if (translated instanceof StoreFailedError) this.#failed ??= translated;
    if (this.#state === "open" && error instanceof Database.SqliteError) {
      this.#state = "spoilt";
      this.#problem = translated;
    }
    return translated;
  }

  /** Without patience: SQLite would wait for readers as long as for a lock, and the whole peer with it. */
  checkpoint(mode: "passive" | "truncate"): boolean {
    try {
      const [{ timeout } = { timeout: 0 }] = this.#database.pragma("busy_timeout") as { readonly timeout: number }[];
      this.#database.pragma("busy_timeout = 0");
      try {
        const [row] = this.#database.pragma(`wal_checkpoint(${mode})`) as { readonly busy: number }[];
        return row?.busy === 0;
      } finally {
        this.#database.pragma(`busy_timeout = ${timeout}`);
      }
    } catch (error) {
      throw this.translate(error);
    }
  }

  /**
   * While held, no commit copies the write-ahead log into the database, however large it grows: for somebody who reads from one
   * snapshot for long, and copies it himself when done.
   */
  holdCheckpoints(held: boolean): void {
    this.pragma(`wal_autocheckpoint = ${held ? 0 : this.#checkpointPages}`);
  }

  limitPages(pages: number): void {
    this.pragma(`max_page_count = ${pages === 0 ? PAGES_MAX : pages}`);
  }

  close(): void {
    if (this.#log !== undefined) fs.closeSync(this.#log);
    this.#database.close();
  }

  /** Called by every statement that may write. */
  wrote(): void {
    this.#wrote = true;
  }

  /** Errors: StoreFailedError. What a failed sync has lost counts as written from then on, so that trying again proves nothing. */
  #sync(): void {
    if (this.#log === undefined) return;
    try {
      fs.fdatasyncSync(this.#log);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      this.#failed ??= new StoreFailedError(`the disk under ${this.folder} failed: ${code}, ${message}`, error);
      throw this.#failed;
    }
  }

  /** A file that was removed or replaced takes commits without complaint, and is gone with the process. */
  #assertInPlace(): void {
    for (const file of this.#files) {
      if (file.number === fileNumber(file.path)) continue;
      throw new StoreFailedError(`${file.path} was removed or replaced while the peer ran`);
    }
  }

  #takeBack(): void {
    if (!this.#database.inTransaction) return;
    try {
      this.#rollback.run();
    } catch (error) {
      this.translate(error);
    }
  }
}

/** A statement that changes rows. */
export class Command {
  readonly #connection: Connection;
  readonly #statement: Database.Statement;

  constructor(connection: Connection, database: Database.Database, sql: string) {
    this.#connection = connection;
    this.#statement = database.prepare(sql);
  }

  /** How many rows it changed. */
  run(...values: SqlValue[]): number {
    assert(this.#connection.open, "a store is written inside a transaction only");
    this.#connection.wrote();
    try {
      return this.#statement.run(...values).changes;
    } catch (error) {
      throw this.#connection.translate(error);
    }
  }

  /** False where a row with the same unique column is there already; the transaction can only be taken back then. */
  runUnlessTaken(...values: SqlValue[]): boolean {
    try {
      return this.run(...values) > 0;
    } catch (error) {
      if (error instanceof Database.SqliteError && error.code === "SQLITE_CONSTRAINT_UNIQUE") return false;
      throw error;
    }
  }

  /** The id of the row that it inserted. */
  insert(...values: SqlValue[]): number {
    assert(this.#connection.open, "a store is written inside a transaction only");
    this.#connection.wrote();
    try {
      return Number(this.#statement.run(...values).lastInsertRowid);
    } catch (error) {
      throw this.#connection.translate(error);
    }
  }
}

/** A statement that reads rows, each as an array of its columns (a third cheaper than objects). */
export class Query<Row extends readonly unknown[]> {
  readonly #connection: Connection;
  readonly #statement: Database.Statement<unknown[], Row>;

  constructor(connection: Connection, database: Database.Database, sql: string) {
    this.#connection = connection;
    this.#statement = database.prepare<unknown[], Row>(sql).raw(true);
  }

  get(...values: SqlValue[]): Row | undefined {
    try {
      return this.#statement.get(...values);
    } catch (error) {
      throw this.#connection.translate(error);
    }
  }

  all(...values: SqlValue[]): Row[] {
    try {
      return this.#statement.all(...values);
    } catch (error) {
      throw this.#connection.translate(error);
    }
  }
}

function fileNumber(path: string): number | undefined {
  return fs.statSync(path, { throwIfNoEntry: false })?.ino;
}
