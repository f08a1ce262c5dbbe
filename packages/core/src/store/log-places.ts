/**
 * Where the log rows of a document are: an index from document, incarnation and sequence to the row, kept by hand because SQLite's own
 * would be brought up to date with every commit. The rows of a commit lie side by side at the end of the log, but their places
 * in an index by document lie each on another page, and a commit of 100 documents would write 100 pages more (measured: 0.8 ms of 1.9).
 *
 * So the places of the latest rows are kept in memory, and go to the table together, in its order, once there are enough.
 *
 * 1. Every row with a sequence up to `indexed` has its place in the table `log_place`; every later row is *fresh*, and has it here.
 * 2. `indexed` moves in the transaction that writes the places. After a crash the fresh rows are found at the end of the log.
 * 3. After a rollback the fresh rows are read again from the log: it is rare, and there are few.
 */
import type { Incarnation } from "@yarrow/protocol";
import type { ArrivalSequence, DocumentId } from "@yarrow/replica";
import type { Command, Connection, Query } from "./connection.ts";

/**
 * Fresh rows that are kept at most, save those of one large transaction until its end. More of them make commits cheaper, and
 * each of the rare moments in which they are written longer: about 2 ms for these.
 */
const FRESH_ROWS_MAX = 2_048;

interface FreshRow {
  readonly sequence: ArrivalSequence;
  readonly incarnation: Incarnation;
  readonly arrivedMs: number;
}

export class LogPlaces {
  readonly #connection: Connection;
  readonly #readFresh: Query<[sequence: number, document: number, incarnation: number, arrivedMs: number]>;
  readonly #lastBefore: Query<[sequence: number]>;
  readonly #lastThrough: Query<[sequence: number, arrivedMs: number]>;
  readonly #readBefore: Query<[sequence: number]>;
  readonly #incarnationBefore: Query<[incarnation: number | null]>;
  readonly #insertFresh: Command;
  readonly #clear: Command;
  readonly #deletePlaces: Command;
  readonly #deleteIndexedRows: Command;
  readonly #deleteRow: Command;
  readonly #deletePlace: Command;
  readonly #freshByDocument = new Map<DocumentId, FreshRow[]>();
  #freshRows = 0;
  /** The transaction that is open changed what is fresh. */
  #changed = false;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#readFresh = connection.query(
      "SELECT sequence, document, incarnation, arrived_ms FROM update_log WHERE sequence > ? ORDER BY sequence",
    );
    this.#lastBefore = connection.query(
      `SELECT sequence FROM log_place WHERE document = ? AND incarnation = ? AND arrived_ms < ? ORDER BY sequence DESC LIMIT 1`,
    );
    this.#insertFresh = connection.command(
      `INSERT INTO log_place (document, incarnation, sequence, arrived_ms)
       SELECT document, incarnation, sequence, arrived_ms FROM update_log WHERE sequence > ?
       ORDER BY document, incarnation, sequence`,
    );
    const through = "WHERE document = ? AND incarnation = ? AND sequence <= ?";
    this.#lastThrough = connection.query(
      `SELECT sequence, arrived_ms FROM log_place ${through} ORDER BY sequence DESC LIMIT 1`,
    );
    // Later incarnations have later rows, so this is also the order of the sequences, and that of the index.
    this.#readBefore = connection.query(
      "SELECT sequence FROM log_place WHERE document = ? AND sequence < ? ORDER BY incarnation DESC, sequence DESC LIMIT ?",
    );
    this.#incarnationBefore = connection.query(
      "SELECT max(incarnation) FROM log_place WHERE document = ? AND incarnation < ?",
    );
    this.#clear = connection.command("DELETE FROM log_place");
    this.#deletePlaces = connection.command(`DELETE FROM log_place ${through}`);
    this.#deleteIndexedRows = connection.command(
      `DELETE FROM update_log WHERE sequence IN (SELECT sequence FROM log_place ${through})`,
    );
    this.#deleteRow = connection.command("DELETE FROM update_log WHERE sequence = ?");
    this.#deletePlace = connection.command(
      "DELETE FROM log_place WHERE document = ? AND incarnation = ? AND sequence = ?",
    );
    connection.join({
      begun: () => (this.#changed = false),
      beforeCommit: () => this.#beforeCommit(),
      rolledBack: () => this.#rolledBack(),
    });
    if (connection.totals.recovered) connection.transaction(() => this.#rebuild());
    else this.#load();
  }

  add(document: DocumentId, row: FreshRow): void {
    this.#changed = true;
    this.#freshRows++;
    const rows = this.#freshByDocument.get(document);
    if (rows === undefined) this.#freshByDocument.set(document, [row]);
    else rows.push(row);
  }

  /** Sequences of fresh rows, oldest first. All of them are later than the places in the table. */
  fresh(document: DocumentId, incarnation: Incarnation, after: ArrivalSequence, limit: number): ArrivalSequence[] {
    const found: ArrivalSequence[] = [];
    for (const row of this.#freshByDocument.get(document) ?? []) {
      if (found.length >= limit) break;
      if (row.incarnation === incarnation && row.sequence > after) found.push(row.sequence);
    }
    return found;
  }

  /** Sequences of a document's rows before one, newest first. */
  before(document: DocumentId, sequence: ArrivalSequence, limit: number): ArrivalSequence[] {
    const found: ArrivalSequence[] = [];
    for (const row of (this.#freshByDocument.get(document) ?? []).toReversed()) {
      if (found.length >= limit) break;
      if (row.sequence < sequence) found.push(row.sequence);
    }
    if (found.length >= limit) return found;
    for (const [place] of this.#readBefore.all(document, sequence, limit - found.length)) found.push(place);
    return found;
  }

  /** The greatest incarnation below one that has rows; 0 = none. */
  incarnationBefore(document: DocumentId, below: Incarnation): Incarnation {
    const fresh = (this.#freshByDocument.get(document) ?? []).findLast((row) => row.incarnation < below);
    return fresh?.incarnation ?? this.#incarnationBefore.get(document, below)?.[0] ?? 0;
  }

  lastBefore(document: DocumentId, incarnation: Incarnation, arrivedMs: number): ArrivalSequence {
    const fresh = this.#freshByDocument.get(document) ?? [];
    const last = fresh.findLast((row) => row.incarnation === incarnation && row.arrivedMs < arrivedMs);
    return last?.sequence ?? this.#lastBefore.get(document, incarnation, arrivedMs)?.[0] ?? 0;
  }

  /** Removes rows with their places; returns how many, and which was the last of them (0 = none). */
  removeThrough(
    document: DocumentId,
    incarnation: Incarnation,
    through: ArrivalSequence,
  ): { readonly rows: number; readonly last: ArrivalSequence; readonly lastMs: number } {
    const [lastPlace, lastPlaceMs] = this.#lastThrough.get(document, incarnation, through) ?? [0, 0];
    const removed = this.#deleteIndexedRows.run(document, incarnation, through);
    this.#deletePlaces.run(document, incarnation, through);
    const fresh = (this.#freshByDocument.get(document) ?? []).filter(
      (row) => row.incarnation === incarnation && row.sequence <= through,
    );
    for (const { sequence } of fresh) this.#deleteRow.run(sequence);
    this.#forget(document, new Set(fresh.map(({ sequence }) => sequence)));
    const last = fresh.at(-1);
    return {
      rows: removed + fresh.length,
      last: last?.sequence ?? lastPlace,
      lastMs: last?.arrivedMs ?? lastPlaceMs,
    };
  }

  removeOne(document: DocumentId, incarnation: Incarnation, sequence: ArrivalSequence): number {
    this.#deletePlace.run(document, incarnation, sequence);
    this.#forget(document, new Set([sequence]));
    return this.#deleteRow.run(sequence);
  }

  #forget(document: DocumentId, sequences: ReadonlySet<ArrivalSequence>): void {
    const rows = this.#freshByDocument.get(document);
    if (rows === undefined || sequences.size === 0) return;
    const kept = rows.filter((row) => !sequences.has(row.sequence));
    this.#changed = true;
    this.#freshRows -= rows.length - kept.length;
    if (kept.length === 0) this.#freshByDocument.delete(document);
    else this.#freshByDocument.set(document, kept);
  }

  #beforeCommit(): void {
    if (this.#freshRows > FRESH_ROWS_MAX) {
      const { totals } = this.#connection;
      this.#insertFresh.run(totals.indexed);
      totals.setIndexed(totals.sequence);
      this.#freshByDocument.clear();
      this.#freshRows = 0;
    }
  }

  /** Also after a commit that failed once the places had been written. */
  #rolledBack(): void {
    // A failed disk may not even be readable; rows that are not there are passed over when they are looked up.
    if (this.#changed && !this.#connection.failed) this.#load();
  }

  #load(): void {
    this.#freshByDocument.clear();
    this.#freshRows = 0;
    for (const [sequence, document, incarnation, arrivedMs] of this.#readFresh.all(this.#connection.totals.indexed)) {
      this.add(document, { sequence, incarnation, arrivedMs });
    }
  }

  /** Which rows have their places in the table is not known any more. */
  #rebuild(): void {
    this.#clear.run();
    this.#insertFresh.run(0);
    this.#connection.totals.setIndexed(this.#connection.totals.sequence);
  }
}
