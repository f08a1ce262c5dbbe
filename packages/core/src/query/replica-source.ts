/**
 * Reads a replica's database beside the peer that writes it: over a connection of its own, which only reads, on a thread of its own.
 *
 * 1. Everything inside one `read` is of one moment: a document's record fits its rows.
 * 2. A `read` is short. While it lasts the write-ahead log cannot be emptied.
 */
import path from "node:path";
import Database from "better-sqlite3";
import type { ArrivalSequence, BootRow, DocumentId } from "@yarrow/replica";
import { checked } from "../store/checksum.ts";
import { logPlace } from "../store/log-table.ts";
import { decodeSegments } from "../store/segment-codec.ts";
import { snapshotPlace } from "../store/snapshot-table.ts";
import { DATABASE_FILE } from "../store/sqlite-store.ts";
import { LAST_SEQUENCE } from "../store/totals.ts";

export interface SourceDocument {
  readonly id: DocumentId;
  readonly name: string;
  readonly incarnation: number;
  /** 32 hex digits. */
  readonly fingerprint: string;
  readonly lastSequence: ArrivalSequence;
  readonly lastArrivalMs: number;
  /** Stored bytes of the current incarnation. */
  readonly bytes: number;
}

type StoredRow = [
  sequence: number,
  document: number,
  incarnation: number,
  arrivedMs: number,
  checksum: number,
  segments: Buffer,
];

const DOCUMENT = `SELECT id, name, incarnation, lower(hex(fingerprint)) AS fingerprint, last_sequence AS lastSequence,
  last_arrival_ms AS lastArrivalMs, head_bytes + tail_bytes AS bytes FROM document`;
const ROW = "l.sequence, l.document, l.incarnation, l.arrived_ms, l.checksum, l.segments";

export class ReplicaSource {
  readonly #database: Database.Database;
  readonly #changes: Database.Statement<[number, number], { readonly sequence: number; readonly document: number }>;
  readonly #document: Database.Statement<[number], SourceDocument>;
  readonly #documentByName: Database.Statement<[string], SourceDocument>;
  readonly #documentsAfter: Database.Statement<[number, number], SourceDocument>;
  readonly #head: Database.Statement<[number, number], [sequence: number, checksum: number, content: Buffer]>;
  readonly #places: Database.Statement<[number, number, number], StoredRow>;
  readonly #row: Database.Statement<[number], StoredRow>;
  /** Rows whose places are not in the table of places yet (see `store/log-places.ts`), by document. Of the current `read`. */
  #fresh: Map<DocumentId, ArrivalSequence[]> | undefined;

  constructor(folder: string) {
    const database = new Database(path.join(folder, DATABASE_FILE), { readonly: true, fileMustExist: true });
    database.pragma("query_only = ON");
    this.#database = database;
    this.#changes = database.prepare(
      "SELECT sequence, document FROM update_log WHERE sequence > ? ORDER BY sequence LIMIT ?",
    );
    this.#document = database.prepare(`${DOCUMENT} WHERE id = ?`);
    this.#documentByName = database.prepare(`${DOCUMENT} WHERE name = ?`);
    this.#documentsAfter = database.prepare(`${DOCUMENT} WHERE id > ? ORDER BY id LIMIT ?`);
    this.#head = database
      .prepare<[number, number], [sequence: number, checksum: number, content: Buffer]>(
        "SELECT sequence, content_checksum, content FROM snapshot WHERE document = ? AND incarnation = ? AND kind = 'head'",
      )
      .raw(true);
    this.#places = database
      .prepare<[number, number, number], StoredRow>(
        `SELECT ${ROW} FROM log_place p CROSS JOIN update_log l ON l.sequence = p.sequence
         WHERE p.document = ? AND p.incarnation = ? AND p.sequence > ? ORDER BY p.sequence`,
      )
      .raw(true);
    this.#row = database.prepare<[number], StoredRow>(`SELECT ${ROW} FROM update_log l WHERE l.sequence = ?`).raw(true);
  }

  read<T>(body: () => T): T {
    this.#database.exec("BEGIN");
    try {
      return body();
    } finally {
      this.#fresh = undefined;
      this.#database.exec("COMMIT");
    }
  }

  /** The last sequence that was committed. */
  lastSequence(): ArrivalSequence {
    return this.#number(`SELECT ${LAST_SEQUENCE} FROM totals`);
  }

  prunedThrough(): ArrivalSequence {
    return this.#number("SELECT value FROM meta WHERE key = 'pruned_through'");
  }

  listBoots(): BootRow[] {
    return this.#database
      .prepare<[], BootRow>(
        "SELECT epoch, first_sequence AS firstSequence, started_ms AS startedMs FROM boot ORDER BY number",
      )
      .all();
  }

  /** Which documents changed after a sequence, a row of the log each, oldest first. */
  changes(
    after: ArrivalSequence,
    limit: number,
  ): { readonly sequence: ArrivalSequence; readonly document: DocumentId }[] {
    return this.#changes.all(after, limit);
  }

  document(id: DocumentId): SourceDocument | undefined {
    return this.#document.get(id);
  }

  documentByName(name: string): SourceDocument | undefined {
    return this.#documentByName.get(name);
  }

  documentsAfter(id: DocumentId, limit: number): SourceDocument[] {
    return this.#documentsAfter.all(id, limit);
  }

  lastDocumentId(): DocumentId {
    return this.#number("SELECT max(id) FROM document");
  }

  /** Updates of the current incarnation, oldest first: all of them, or those after a sequence. Undefined where a row is damaged. */
  parts(document: SourceDocument, after?: ArrivalSequence): Uint8Array[] | undefined {
    const { id, incarnation } = document;
    const parts: Uint8Array[] = [];
    let from = after;
    if (from === undefined) {
      const head = this.#head.get(id, incarnation);
      if (head !== undefined) {
        const [sequence, checksum, content] = head;
        const update = checked(content, checksum, snapshotPlace(id, incarnation, sequence));
        if (update === undefined) return undefined;
        parts.push(update);
      }
      from = head?.[0] ?? 0;
    }
    const rows = this.#places.all(id, incarnation, from);
    for (const sequence of this.#freshOf(id)) {
      if (sequence <= from) continue;
      const row = this.#row.get(sequence);
      if (row !== undefined && row[2] === incarnation) rows.push(row);
    }
    for (const row of rows) {
      const updates = updatesOf(row);
      if (updates === undefined) return undefined;
      parts.push(...updates);
    }
    return parts;
  }

  close(): void {
    this.#database.close();
  }

  #freshOf(document: DocumentId): readonly ArrivalSequence[] {
    if (this.#fresh === undefined) {
      this.#fresh = new Map();
      const indexed = this.#number("SELECT indexed FROM totals");
      for (const { sequence, document: id } of this.#changes.all(indexed, Number.MAX_SAFE_INTEGER)) {
        const sequences = this.#fresh.get(id);
        if (sequences === undefined) this.#fresh.set(id, [sequence]);
        else sequences.push(sequence);
      }
    }
    return this.#fresh.get(document) ?? [];
  }

  /** The only value of the only row; 0 where there is none. */
  #number(sql: string): number {
    return Number(this.#database.prepare(sql).pluck().get() ?? 0);
  }
}

function updatesOf(row: StoredRow): Uint8Array[] | undefined {
  const [sequence, document, incarnation, arrivedMs, checksum, bytes] = row;
  const sound = checked(bytes, checksum, logPlace(sequence, document, incarnation, arrivedMs));
  return (sound && decodeSegments(sound))?.map(({ update }) => update);
}
