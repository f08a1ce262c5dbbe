/** The log of accepted updates, in the order of their arrival, and the sweep of incarnations that ended. */
import type { Incarnation } from "@yarrow/protocol";
import type { ArrivalRow, ArrivalSequence, ChangeRow, DocumentId, LogRow, LogSegment } from "@yarrow/replica";
import { checked, checksumOf, foldPlace } from "./checksum.ts";
import type { Command, Connection, Query } from "./connection.ts";
import type { DamagedTable } from "./damaged-table.ts";
import { LogPlaces } from "./log-places.ts";
import { PrunedMark } from "./pruned-mark.ts";
import { decodeSegments, encodeSegments } from "./segment-codec.ts";

type StoredLogRow = [
  sequence: number,
  document: number,
  incarnation: number,
  arrivedMs: number,
  checksum: number,
  segments: Buffer,
];

const COLUMNS = "l.sequence, l.document, l.incarnation, l.arrived_ms, l.checksum, l.segments";

export interface NewLogRow {
  readonly document: DocumentId;
  readonly incarnation: Incarnation;
  readonly arrivedMs: number;
  readonly segments: readonly LogSegment[];
}

export class LogTable {
  readonly #connection: Connection;
  readonly #damaged: DamagedTable;
  readonly #places: LogPlaces;
  readonly #pruned: PrunedMark;
  readonly #insert: Command;
  readonly #deleteSnapshots: Command;
  readonly #deleteEnded: Command;
  readonly #readOne: Query<StoredLogRow>;
  readonly #readPlaces: Query<StoredLogRow>;
  readonly #readAll: Query<[...StoredLogRow, name: string]>;
  readonly #listArrivals: Query<[sequence: number, incarnation: number, arrivedMs: number, name: string]>;
  readonly #dueDocuments: Query<[document: number]>;
  readonly #dueIncarnations: Query<[incarnation: number, endedMs: number]>;
  readonly #lastSnapshot: Query<[incarnation: number | null]>;
  #lastArrivalMs: number;

  constructor(connection: Connection, damaged: DamagedTable) {
    this.#connection = connection;
    this.#damaged = damaged;
    this.#places = new LogPlaces(connection);
    this.#pruned = new PrunedMark(connection);
    this.#insert = connection.command(
      "INSERT INTO update_log (sequence, document, incarnation, arrived_ms, checksum, segments) VALUES (?, ?, ?, ?, ?, ?)",
    );
    this.#deleteSnapshots = connection.command("DELETE FROM snapshot WHERE document = ? AND incarnation = ?");
    this.#deleteEnded = connection.command("DELETE FROM ended WHERE document = ? AND incarnation = ?");
    this.#readOne = connection.query(`SELECT ${COLUMNS} FROM update_log l WHERE sequence = ?`);
    // CROSS JOIN fixes the order of the loops.
    this.#readPlaces = connection.query(
      `SELECT ${COLUMNS} FROM log_place p CROSS JOIN update_log l ON l.sequence = p.sequence
       WHERE p.document = ? AND p.incarnation = ? AND p.sequence > ? ORDER BY p.sequence LIMIT ?`,
    );
    this.#readAll = connection.query(
      `SELECT ${COLUMNS}, d.name FROM update_log l CROSS JOIN document d ON d.id = l.document
       WHERE l.sequence > ? ORDER BY l.sequence LIMIT ?`,
    );
    // The content stands last in a row: what does not ask for it never reads its pages.
    this.#listArrivals = connection.query(
      `SELECT l.sequence, l.incarnation, l.arrived_ms, d.name FROM update_log l CROSS JOIN document d ON d.id = l.document
       WHERE l.sequence > ? ORDER BY l.sequence LIMIT ?`,
    );
    this.#dueDocuments = connection.query(
      "SELECT document FROM ended WHERE ended_ms < ? GROUP BY document ORDER BY min(ended_ms), document LIMIT ?",
    );
    this.#dueIncarnations = connection.query(
      "SELECT incarnation, ended_ms FROM ended WHERE document = ? AND ended_ms < ?",
    );
    this.#lastSnapshot = connection.query(
      "SELECT max(incarnation) FROM snapshot WHERE document = ? AND incarnation < ?",
    );
    const last = connection
      .query<[arrivedMs: number]>("SELECT arrived_ms FROM update_log ORDER BY sequence DESC LIMIT 1")
      .get();
    this.#lastArrivalMs = Math.max(last?.[0] ?? 0, this.#pruned.arrivedMs);
  }

  get prunedThrough(): ArrivalSequence {
    return this.#pruned.sequence;
  }

  get prunedThroughMs(): number {
    return this.#pruned.arrivedMs;
  }

  /** Not taken back with a transaction: what a failed one has given out may be kept to all the same. */
  get lastArrivalMs(): number {
    return this.#lastArrivalMs;
  }

  append(row: NewLogRow): ArrivalSequence {
    const { totals } = this.#connection;
    const sequence = totals.nextSequence();
    const bytes = encodeSegments(row.segments);
    const checksum = checksumOf(bytes, logPlace(sequence, row.document, row.incarnation, row.arrivedMs));
    this.#insert.run(sequence, row.document, row.incarnation, row.arrivedMs, checksum, bytes);
    totals.appended();
    this.#places.add(row.document, { sequence, incarnation: row.incarnation, arrivedMs: row.arrivedMs });
    if (row.arrivedMs > this.#lastArrivalMs) this.#lastArrivalMs = row.arrivedMs;
    return sequence;
  }

  read(document: DocumentId, incarnation: Incarnation, after: ArrivalSequence, limit: number): LogRow[] {
    const stored = this.#readPlaces.all(document, incarnation, after, limit);
    for (const sequence of this.#places.fresh(document, incarnation, after, limit - stored.length)) {
      const row = this.#readOne.get(sequence);
      if (row !== undefined) stored.push(row);
    }
    return stored.map(toRow);
  }

  readOne(sequence: ArrivalSequence): LogRow | undefined {
    const stored = this.#readOne.get(sequence);
    return stored && toRow(stored);
  }

  listArrivals(after: ArrivalSequence, limit: number): ArrivalRow[] {
    const rows = this.#listArrivals.all(after, limit);
    return rows.map(([sequence, incarnation, arrivedMs, name]) => ({ sequence, incarnation, arrivedMs, name }));
  }

  readChanges(after: ArrivalSequence, limit: number): ChangeRow[] {
    return this.#readAll.all(after, limit).map((stored) => {
      const [sequence, document, incarnation, arrivedMs, checksum, segments, name] = stored;
      return { ...toRow([sequence, document, incarnation, arrivedMs, checksum, segments]), name };
    });
  }

  delete(document: DocumentId, incarnation: Incarnation, through: ArrivalSequence): void {
    const { rows, last, lastMs } = this.#places.removeThrough(document, incarnation, through);
    this.#connection.totals.add("logRows", -rows);
    this.#pruned.moveTo(last, lastMs);
  }

  readBefore(document: DocumentId, before: ArrivalSequence, limit: number): LogRow[] {
    return this.#places.before(document, before, limit).flatMap((sequence) => {
      const stored = this.#readOne.get(sequence);
      return stored === undefined ? [] : [toRow(stored)];
    });
  }

  incarnationBefore(document: DocumentId, below: Incarnation): Incarnation {
    return Math.max(this.#places.incarnationBefore(document, below), this.#lastSnapshot.get(document, below)?.[0] ?? 0);
  }

  lastBefore(document: DocumentId, incarnation: Incarnation, arrivedMs: number): ArrivalSequence {
    return this.#places.lastBefore(document, incarnation, arrivedMs);
  }

  /** Deletions are rows of even incarnations, and only odd ones are recorded as ended: so they stay. */
  sweepDead(arrivedMs: number, limit: number): number {
    const documents = this.#dueDocuments.all(arrivedMs, limit);
    for (const [document] of documents) {
      for (const [incarnation, endedMs] of this.#dueIncarnations.all(document, arrivedMs)) {
        this.delete(document, incarnation, Number.MAX_SAFE_INTEGER);
        // It was there until it ended: only from then on can the document's past be told without it.
        this.#pruned.moveTo(0, endedMs);
        this.#deleteSnapshots.run(document, incarnation);
        this.#deleteEnded.run(document, incarnation);
      }
    }
    return documents.length;
  }

  quarantine(sequence: ArrivalSequence): void {
    const stored = this.#readOne.get(sequence);
    if (stored === undefined) return;
    const [, document, incarnation, , , content] = stored;
    this.#damaged.keep({ kind: "log", document, incarnation, sequence, content });
    this.#connection.totals.add("logRows", -this.#places.removeOne(document, incarnation, sequence));
  }
}

function toRow(stored: StoredLogRow): LogRow {
  const [sequence, document, incarnation, arrivedMs, checksum, bytes] = stored;
  const sound = checked(bytes, checksum, logPlace(sequence, document, incarnation, arrivedMs));
  return { sequence, document, incarnation, arrivedMs, segments: sound && decodeSegments(sound) };
}

/** What the checksum of a log row is seeded with. */
export function logPlace(
  sequence: ArrivalSequence,
  document: DocumentId,
  incarnation: Incarnation,
  arrivedMs: number,
): number {
  return foldPlace(foldPlace(foldPlace(sequence, document), incarnation), arrivedMs);
}
