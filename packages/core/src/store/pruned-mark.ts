/**
 * How far the log was cut for good: the last row that was removed, so that a feed can tell that it has missed something, and the
 * instant from which the past can still be told. Two values in `meta`, written in the transaction that removes rows, and taken back
 * with it.
 */
import type { ArrivalSequence } from "@yarrow/replica";
import type { Command, Connection } from "./connection.ts";

const SEQUENCE_KEY = "pruned_through";
const ARRIVED_KEY = "pruned_through_ms";

export class PrunedMark {
  readonly #connection: Connection;
  readonly #write: Command;
  #sequence: ArrivalSequence;
  #arrivedMs: number;
  /** As they were when the transaction began. */
  #before: { readonly sequence: ArrivalSequence; readonly arrivedMs: number };

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#write = connection.command(
      "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
    );
    // A value that cannot be read may have been any: then whatever came before now may be gone.
    this.#sequence = this.#read(SEQUENCE_KEY, "0") ?? connection.totals.sequence;
    this.#arrivedMs = this.#read(ARRIVED_KEY, this.#sequence === 0 ? "0" : "") ?? this.#guessArrival();
    this.#before = { sequence: this.#sequence, arrivedMs: this.#arrivedMs };
    connection.join({
      begun: () => (this.#before = { sequence: this.#sequence, arrivedMs: this.#arrivedMs }),
      beforeCommit: () => {
        if (this.#sequence !== this.#before.sequence) this.#write.run(SEQUENCE_KEY, String(this.#sequence));
        if (this.#arrivedMs !== this.#before.arrivedMs) this.#write.run(ARRIVED_KEY, String(this.#arrivedMs));
      },
      rolledBack: () => {
        this.#sequence = this.#before.sequence;
        this.#arrivedMs = this.#before.arrivedMs;
      },
    });
  }

  get sequence(): ArrivalSequence {
    return this.#sequence;
  }

  get arrivedMs(): number {
    return this.#arrivedMs;
  }

  /** Rows up to this one, and up to this time, have been removed in the transaction that is open. */
  moveTo(sequence: ArrivalSequence, arrivedMs: number): void {
    if (sequence > this.#sequence) this.#sequence = sequence;
    if (arrivedMs > this.#arrivedMs) this.#arrivedMs = arrivedMs;
  }

  #read(key: string, absent: string): number | undefined {
    const stored = this.#connection.query<[value: string]>("SELECT value FROM meta WHERE key = ?").get(key)?.[0];
    return /^[0-9]{1,15}$/.test(stored ?? absent) ? Number(stored ?? absent) : undefined;
  }

  /** Rows were removed and nobody wrote down of what time: not later than the first that came after them. */
  #guessArrival(): number {
    const [after, last] = this.#connection
      .query<[number | null, number | null]>(
        `SELECT (SELECT arrived_ms FROM update_log WHERE sequence > ? ORDER BY sequence LIMIT 1),
           (SELECT max(last_arrival_ms) FROM document)`,
      )
      .get(this.#sequence) ?? [null, null];
    return after ?? last ?? 0;
  }
}
