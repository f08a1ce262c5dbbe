/** The log of accepted updates, in the order of their arrival, and the sweep of incarnations that ended. */
import type { Incarnation } from "@yarrow/protocol";
import type { ArrivalSequence, ChangeRow, DocumentId, LogRow, LogSegment } from "@yarrow/replica";
import { checked, checksumOf, foldPlace } from "./checksum.ts";
import type { Command, Connection, Query } from "./connection.ts";
import type { DamagedTable } from "./damaged-table.ts";
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
  readonly #insert: Command;
  readonly #deleteThrough: Command;
  readonly #deleteOne: Command;
  readonly #deleteSnapshots: Command;
  readonly #deleteEnded: Command;
  readonly #readOne: Query<StoredLogRow>;
  readonly #readDocument: Query<StoredLogRow>;
  readonly #readAll: Query<[...StoredLogRow, name: string]>;
  readonly #lastBefore: Query<[number]>;
  readonly #dueDocuments: Query<[document: number]>;
  readonly #dueIncarnations: Query<[incarnation: number]>;

  constructor(connection: Connection, damaged: DamagedTable) {
    this.#connection = connection;
    this.#damaged = damaged;
    this.#insert = connection.command(
      "INSERT INTO update_log (sequence, document, incarnation, arrived_ms, checksum, segments) VALUES (?, ?, ?, ?, ?, ?)",
    );
    this.#deleteThrough = connection.command("DELETE FROM update_log WHERE document = ? AND incarnation = ? AND sequence <= ?");
    this.#deleteOne = connection.command("DELETE FROM update_log WHERE sequence = ?");
    this.#deleteSnapshots = connection.command("DELETE FROM snapshot WHERE document = ? AND incarnation = ?");
    this.#deleteEnded = connection.command("DELETE FROM ended WHERE document = ? AND incarnation = ?");
    this.#readOne = connection.query(`SELECT ${COLUMNS} FROM update_log l WHERE sequence = ?`);
    this.#readDocument = connection.query(
      `SELECT ${COLUMNS} FROM update_log l WHERE document = ? AND incarnation = ? AND sequence > ? ORDER BY sequence LIMIT ?`,
    );
    // CROSS JOIN fixes the order of the loops: the log leads.
    this.#readAll = connection.query(
      `SELECT ${COLUMNS}, d.name FROM update_log l CROSS JOIN document d ON d.id = l.document
       WHERE l.sequence > ? ORDER BY l.sequence LIMIT ?`,
    );
    this.#lastBefore = connection.query(
      `SELECT sequence FROM update_log INDEXED BY log_place WHERE document = ? AND incarnation = ? AND arrived_ms < ?
       ORDER BY sequence DESC LIMIT 1`,
    );
    this.#dueDocuments = connection.query(
      "SELECT document FROM ended WHERE ended_ms < ? GROUP BY document ORDER BY min(ended_ms), document LIMIT ?",
    );
    this.#dueIncarnations = connection.query("SELECT incarnation FROM ended WHERE document = ? AND ended_ms < ?");
  }

  append(row: NewLogRow): ArrivalSequence {
    const { totals } = this.#connection;
    const sequence = totals.nextSequence();
    const bytes = encodeSegments(row.segments);
    const checksum = checksumOf(bytes, placeOf(sequence, row.document, row.incarnation, row.arrivedMs));
    this.#insert.run(sequence, row.document, row.incarnation, row.arrivedMs, checksum, bytes);
    totals.add("logRows", 1);
    return sequence;
  }

  read(document: DocumentId, incarnation: Incarnation, after: ArrivalSequence, limit: number): LogRow[] {
    return this.#readDocument.all(document, incarnation, after, limit).map(toRow);
  }

  readChanges(after: ArrivalSequence, limit: number): ChangeRow[] {
    return this.#readAll.all(after, limit).map((stored) => {
      const [sequence, document, incarnation, arrivedMs, checksum, segments, name] = stored;
      return { ...toRow([sequence, document, incarnation, arrivedMs, checksum, segments]), name };
    });
  }

  delete(document: DocumentId, incarnation: Incarnation, through: ArrivalSequence): void {
    this.#connection.totals.add("logRows", -this.#deleteThrough.run(document, incarnation, through));
  }

  lastBefore(document: DocumentId, incarnation: Incarnation, arrivedMs: number): ArrivalSequence {
    return this.#lastBefore.get(document, incarnation, arrivedMs)?.[0] ?? 0;
  }

  /** Deletions are rows of even incarnations, and only odd ones are recorded as ended: so they stay. */
  sweepDead(arrivedMs: number, limit: number): number {
    const documents = this.#dueDocuments.all(arrivedMs, limit);
    for (const [document] of documents) {
      for (const [incarnation] of this.#dueIncarnations.all(document, arrivedMs)) {
        this.delete(document, incarnation, Number.MAX_SAFE_INTEGER);
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
    this.#connection.totals.add("logRows", -this.#deleteOne.run(sequence));
  }
}

function toRow(stored: StoredLogRow): LogRow {
  const [sequence, document, incarnation, arrivedMs, checksum, bytes] = stored;
  const sound = checked(bytes, checksum, placeOf(sequence, document, incarnation, arrivedMs));
  return { sequence, document, incarnation, arrivedMs, segments: sound && decodeSegments(sound) };
}

function placeOf(sequence: ArrivalSequence, document: DocumentId, incarnation: Incarnation, arrivedMs: number): number {
  return foldPlace(foldPlace(foldPlace(sequence, document), incarnation), arrivedMs);
}
