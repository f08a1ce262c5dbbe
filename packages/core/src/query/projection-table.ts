/** Writes `query.db`: the documents as queries see them, their words, and how far the projection has come. */
import fs from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import type { ArrivalSequence, DocumentId, ReadableContent } from "@yarrow/replica";
import { createPrivateFile } from "../store/private-file.ts";
import { PROJECTION_FILE, PROJECTION_SCHEMA, PROJECTION_VERSION } from "./projection-schema.ts";
import type { SourceDocument } from "./replica-source.ts";

/** Where the projection stands. */
export interface ProjectionPlace {
  /** The feed cursor of `sequence`: says whether this file belongs to what the replica holds now. */
  readonly cursor: string;
  /** Every change through this one is in. */
  readonly sequence: ArrivalSequence;
  /** While all documents are gone through: the last id that was. Undefined: the projection is whole. */
  readonly sweptThrough: DocumentId | undefined;
}

/** Why a document has no body. */
export type ProjectionError = "too large" | "damaged" | "unreadable";

/** The write-ahead log is cut back to this after a checkpoint. */
const JOURNAL_BYTES_MAX = 64 * 1024 * 1024;
const BUSY_TIMEOUT_MS = 5_000;
/** Negative: in KiB. */
const CACHE_SIZE = -16_384;

export class ProjectionTable {
  readonly #database: Database.Database;
  readonly #find: Database.Statement<[number], { readonly text: string; readonly name: string }>;
  readonly #sequenceOf: Database.Statement<[number], number>;
  readonly #write: Database.Statement;
  readonly #remove: Database.Statement;
  readonly #index: Database.Statement;
  readonly #unindex: Database.Statement;
  readonly #moveTo: Database.Statement;
  #place: ProjectionPlace | undefined;

  /** Opens the file, or makes it anew when it is of another version. Throws what SQLite throws on a damaged one. */
  constructor(folder: string) {
    const file = path.join(folder, PROJECTION_FILE);
    let database = open(file);
    if (database.pragma("user_version", { simple: true }) !== PROJECTION_VERSION) {
      database.close();
      removeProjection(folder);
      database = open(file);
      database.exec(`BEGIN; ${PROJECTION_SCHEMA} PRAGMA user_version = ${PROJECTION_VERSION}; COMMIT;`);
    }
    this.#database = database;
    this.#find = database.prepare("SELECT text, name FROM documents WHERE id = ?");
    this.#sequenceOf = database.prepare<[number], number>("SELECT sequence FROM documents WHERE id = ?").pluck();
    this.#write = database.prepare(
      `INSERT INTO documents (id, name, incarnation, fingerprint, bytes, changed_at, sequence, error, kinds, body, text)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET incarnation = excluded.incarnation, fingerprint = excluded.fingerprint,
         bytes = excluded.bytes, changed_at = excluded.changed_at, sequence = excluded.sequence, error = excluded.error,
         kinds = excluded.kinds, body = excluded.body, text = excluded.text`,
    );
    this.#remove = database.prepare("DELETE FROM documents WHERE id = ?");
    this.#index = database.prepare(
      "INSERT INTO documents_fts (rowid, name, text) SELECT id, name, text FROM documents WHERE id = ?",
    );
    this.#unindex = database.prepare(
      "INSERT INTO documents_fts (documents_fts, rowid, name, text) VALUES ('delete', ?, ?, ?)",
    );
    this.#moveTo = database.prepare(
      "INSERT OR REPLACE INTO projection (id, cursor, sequence, swept_through) VALUES (1, ?, ?, ?)",
    );
    this.#place = this.#readPlace();
  }

  /** Undefined: nothing was ever projected. */
  get place(): ProjectionPlace | undefined {
    return this.#place;
  }

  transaction(body: () => void): void {
    try {
      this.#database.transaction(body).immediate();
    } catch (error) {
      this.#place = this.#readPlace();
      throw error;
    }
  }

  /** The arrival that a document was last projected at; undefined when it is not here. */
  sequenceOf(id: DocumentId): ArrivalSequence | undefined {
    return this.#sequenceOf.get(id);
  }

  /** Throws SQLITE_CONSTRAINT_CHECK when SQLite does not take the body for JSON; nothing is written then. */
  write(document: SourceDocument, content: ReadableContent | ProjectionError): void {
    const { id, name, incarnation, fingerprint, bytes, lastArrivalMs, lastSequence } = document;
    const readable = typeof content === "string" ? undefined : content;
    const error = typeof content === "string" ? content : null;
    const text = readable?.text ?? "";
    const before = this.#find.get(id);
    const sameWords = before?.text === text;
    const { kinds = null, body = null } = readable ?? {};
    this.#write.run(id, name, incarnation, fingerprint, bytes, lastArrivalMs, lastSequence, error, kinds, body, text);
    if (sameWords) return;
    // Taken out with the very words that were put in: the index has no others to go by.
    if (before !== undefined) this.#unindex.run(id, before.name, before.text);
    this.#index.run(id);
  }

  remove(id: DocumentId): void {
    const before = this.#find.get(id);
    if (before === undefined) return;
    this.#unindex.run(id, before.name, before.text);
    this.#remove.run(id);
  }

  moveTo(place: ProjectionPlace): void {
    this.#moveTo.run(place.cursor, place.sequence, place.sweptThrough ?? null);
    this.#place = place;
  }

  /** Forgets everything. */
  clear(): void {
    this.#database.exec(
      "INSERT INTO documents_fts (documents_fts) VALUES ('delete-all'); DELETE FROM documents; DELETE FROM projection;",
    );
    this.#place = undefined;
  }

  close(): void {
    this.#database.close();
  }

  #readPlace(): ProjectionPlace | undefined {
    const row = this.#database
      .prepare<[], [cursor: string, sequence: number, sweptThrough: number | null]>(
        "SELECT cursor, sequence, swept_through FROM projection",
      )
      .raw(true)
      .get();
    return row && { cursor: row[0], sequence: row[1], sweptThrough: row[2] ?? undefined };
  }
}

export function hasProjection(folder: string): boolean {
  return fs.existsSync(path.join(folder, PROJECTION_FILE));
}

/** Removes the file with its journals. Not while this process has it open. */
export function removeProjection(folder: string): void {
  for (const suffix of ["", "-wal", "-shm"]) fs.rmSync(path.join(folder, PROJECTION_FILE + suffix), { force: true });
}

function open(file: string): Database.Database {
  createPrivateFile(file);
  const database = new Database(file, { timeout: BUSY_TIMEOUT_MS });
  try {
    database.pragma("journal_mode = WAL");
    // What a power failure takes is projected again: the place moves in the same transactions.
    database.pragma("synchronous = NORMAL");
    database.pragma(`journal_size_limit = ${JOURNAL_BYTES_MAX}`);
    database.pragma("trusted_schema = OFF");
    database.pragma("cell_size_check = ON");
    database.pragma(`cache_size = ${CACHE_SIZE}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
