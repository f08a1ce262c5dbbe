/**
 * Counts of rows, and the last arrival sequence: kept in memory, written once per transaction that moved them, taken back with
 * it. Counting rows in SQLite visits every one of them, which a scrape of the metrics must not do.
 *
 * The sequence is the exception: what a transaction that failed has given out is not given out again (contract 4 of the
 * port), so it is never taken back, and is written once more on close.
 */
import { assert } from "@yarrow/protocol";
import type { ArrivalSequence } from "@yarrow/replica";
import type { Command, Connection } from "./connection.ts";

export interface Counts {
  alive: number;
  deleted: number;
  quarantined: number;
  pending: number;
  logRows: number;
}

type TotalsRow = [sequence: number, alive: number, deleted: number, quarantined: number, pending: number, logRows: number];

export class Totals {
  readonly #write: Command;
  readonly #connection: Connection;
  #sequence: ArrivalSequence = 0;
  #counts: Counts = { alive: 0, deleted: 0, quarantined: 0, pending: 0, logRows: 0 };
  /** They moved in this transaction. */
  #moved = false;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#write = connection.command(
      "UPDATE totals SET sequence = ?, alive = ?, deleted = ?, quarantined = ?, pending = ?, log_rows = ? WHERE id = 1",
    );
    const row = connection
      .query<TotalsRow>("SELECT sequence, alive, deleted, quarantined, pending, log_rows FROM totals WHERE id = 1")
      .get();
    assert(row !== undefined, "the schema put the row of totals in place");
    const [sequence, alive, deleted, quarantined, pending, logRows] = row;
    this.#counts = { alive, deleted, quarantined, pending, logRows };
    // A damaged total must not give a sequence out again that a row still bears.
    const [last] = connection.query<[number | null]>("SELECT max(sequence) FROM update_log").get() ?? [null];
    this.#sequence = Math.max(sequence, last ?? 0);
  }

  get sequence(): ArrivalSequence {
    return this.#sequence;
  }

  get counts(): Readonly<Counts> {
    return this.#counts;
  }

  nextSequence(): ArrivalSequence {
    this.#moved = true;
    return ++this.#sequence;
  }

  add(total: keyof Counts, change: number): void {
    if (change === 0) return;
    this.#moved = true;
    this.#counts[total] += change;
  }

  /** Counts documents by visiting them all: for the rare case that a damaged row was mended. */
  recountDocuments(): void {
    const [alive, deleted, quarantined] = this.#connection
      .query<[number, number, number]>(
        `SELECT ifnull(sum(incarnation % 2 = 1), 0), ifnull(sum(incarnation > 0 AND incarnation % 2 = 0), 0),
           ifnull(sum(quarantined), 0) FROM document`,
      )
      .get() ?? [0, 0, 0];
    this.#moved = true;
    this.#counts = { ...this.#counts, alive, deleted, quarantined };
  }

  /** What `restore` needs if the transaction that begins now comes to nothing. */
  mark(): Readonly<Counts> {
    this.#moved = false;
    return { ...this.#counts };
  }

  restore(before: Readonly<Counts>): void {
    this.#counts = { ...before };
  }

  /** Writes the totals if they moved; to be called at the end of the transaction. */
  write(): void {
    if (this.#moved) this.writeAnyway();
  }

  /** Writes the totals even so, for what a failed transaction has given out. */
  writeAnyway(): void {
    const { alive, deleted, quarantined, pending, logRows } = this.#counts;
    this.#write.run(this.#sequence, alive, deleted, quarantined, pending, logRows);
  }
}
