/**
 * Counts of rows, and the last arrival sequence: kept in memory, written by a transaction that moved them, taken back with
 * it. Counting rows in SQLite visits every one of them, which a scrape of the metrics must not do.
 *
 * 1. An appended row moves nothing that is written: rows behind the stored sequence are counted when they are read. Writing the
 *    totals with every keystroke would be a quarter of what its commit writes. The places of rows are written now and then (see
 *    `log-places.ts`), and the totals with them, so that there are few to count.
 * 2. What a transaction that failed has given out as a sequence is not given out again (contract 4 of the port), so the
 *    sequence is never taken back, and is written once more on close.
 */
import { assert } from "@yarrow/protocol";
import type { ArrivalSequence } from "@yarrow/replica";
import { foldPlace } from "./checksum.ts";
import type { Command, Connection } from "./connection.ts";

export interface Counts {
  alive: number;
  deleted: number;
  quarantined: number;
  pending: number;
  logRows: number;
}

export type TotalsRow = [
  sequence: number,
  indexed: number,
  alive: number,
  deleted: number,
  quarantined: number,
  pending: number,
  logRows: number,
  checksum: number,
];

/** Selected from the table `totals`: what it says, and the rows that were appended since. */
export const LAST_SEQUENCE = "max(totals.sequence, ifnull((SELECT max(l.sequence) FROM update_log l), 0))";
export const LOG_ROWS = "totals.log_rows + (SELECT count(*) FROM update_log l WHERE l.sequence > totals.sequence)";

export class Totals {
  readonly #connection: Connection;
  readonly #write: Command;
  /** The stored totals were damaged and have been counted anew. */
  readonly recovered: boolean;
  #sequence: ArrivalSequence;
  #indexed: ArrivalSequence;
  #counts: Counts;
  /** As they were when the transaction began. */
  #before: { readonly indexed: ArrivalSequence; readonly counts: Counts };
  /** They moved in this transaction, by more than appended rows. */
  #moved = false;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#write = connection.command(
      `UPDATE totals SET sequence = ?, indexed = ?, alive = ?, deleted = ?, quarantined = ?, pending = ?, log_rows = ?,
         checksum = ? WHERE id = 1`,
    );
    const row = connection
      .query<[...TotalsRow, lastSequence: number, allRows: number]>(
        `SELECT sequence, indexed, alive, deleted, quarantined, pending, log_rows, checksum, ${LAST_SEQUENCE}, ${LOG_ROWS} FROM totals`,
      )
      .get();
    assert(row !== undefined, "the schema put the row of totals in place");
    const [sequence, indexed, alive, deleted, quarantined, pending, logRows, checksum, lastSequence, allRows] = row;
    this.#counts = { alive, deleted, quarantined, pending, logRows };
    this.#indexed = indexed;
    this.recovered = checksumOfTotals(sequence, indexed, this.#counts) !== checksum;
    this.#counts.logRows = allRows;
    this.#sequence = this.recovered ? this.#recover() : lastSequence;
    this.#before = { indexed: this.#indexed, counts: { ...this.#counts } };
    connection.join({
      begun: () => this.#begun(),
      beforeCommit: () => this.#beforeCommit(),
      rolledBack: () => this.#rolledBack(),
    });
  }

  get sequence(): ArrivalSequence {
    return this.#sequence;
  }

  /** Log rows up to this one have their places in the table of places; see `log-places.ts`. */
  get indexed(): ArrivalSequence {
    return this.#indexed;
  }

  get counts(): Readonly<Counts> {
    return this.#counts;
  }

  /** For a row that is about to be appended to the log. */
  nextSequence(): ArrivalSequence {
    return ++this.#sequence;
  }

  /** The row is there. */
  appended(): void {
    this.#counts.logRows++;
  }

  setIndexed(sequence: ArrivalSequence): void {
    this.#moved = true;
    this.#indexed = sequence;
  }

  add(total: keyof Counts, change: number): void {
    if (change === 0) return;
    this.#moved = true;
    this.#counts[total] += change;
  }

  /** Counts documents by visiting them all: for the rare case that a damaged row was mended. */
  recountDocuments(): void {
    this.#moved = true;
    this.#counts = { ...this.#counts, ...this.#countDocuments() };
  }

  /** Writes the totals even if they did not move, for what a failed transaction has given out. */
  write(): void {
    const { alive, deleted, quarantined, pending, logRows } = this.#counts;
    const checksum = checksumOfTotals(this.#sequence, this.#indexed, this.#counts);
    this.#write.run(this.#sequence, this.#indexed, alive, deleted, quarantined, pending, logRows, checksum);
  }

  #begun(): void {
    this.#moved = false;
    this.#before = { indexed: this.#indexed, counts: { ...this.#counts } };
  }

  #beforeCommit(): void {
    if (this.#moved) this.write();
  }

  #rolledBack(): void {
    this.#indexed = this.#before.indexed;
    this.#counts = { ...this.#before.counts };
  }

  /** Returns a sequence that no row, no document and no boot has seen yet. */
  #recover(): ArrivalSequence {
    const [pending, logRows, sequence] = this.#connection
      .query<[number, number, number]>(
        `SELECT (SELECT count(*) FROM pending), (SELECT count(*) FROM update_log),
           max(ifnull((SELECT max(sequence) FROM update_log), 0), ifnull((SELECT max(last_sequence) FROM document), 0),
             ifnull((SELECT max(first_sequence) FROM boot), 0))`,
      )
      .get() ?? [0, 0, 0];
    this.#counts = { ...this.#countDocuments(), pending, logRows };
    return sequence;
  }

  #countDocuments(): Pick<Counts, "alive" | "deleted" | "quarantined"> {
    const [alive, deleted, quarantined] = this.#connection
      .query<[number, number, number]>(
        `SELECT ifnull(sum(incarnation % 2 = 1), 0), ifnull(sum(incarnation > 0 AND incarnation % 2 = 0), 0),
           ifnull(sum(quarantined), 0) FROM document`,
      )
      .get() ?? [0, 0, 0];
    return { alive, deleted, quarantined };
  }
}

/** Whether the row of totals is the one that was written. */
export function isSoundTotals(row: TotalsRow): boolean {
  const [sequence, indexed, alive, deleted, quarantined, pending, logRows, checksum] = row;
  return checksumOfTotals(sequence, indexed, { alive, deleted, quarantined, pending, logRows }) === checksum;
}

function checksumOfTotals(sequence: ArrivalSequence, indexed: ArrivalSequence, counts: Counts): number {
  const { alive, deleted, quarantined, pending, logRows } = counts;
  let place = foldPlace(sequence, indexed);
  for (const count of [alive, deleted, quarantined, pending, logRows]) place = foldPlace(place, count);
  return place;
}
