/**
 * The last log row that was removed for good, kept so that a feed can tell that it has missed something. One value in `meta`,
 * written in the transaction that removes rows, and taken back with it.
 */
import type { ArrivalSequence } from "@yarrow/replica";
import type { Command, Connection } from "./connection.ts";

const KEY = "pruned_through";

export class PrunedMark {
  readonly #write: Command;
  #sequence: ArrivalSequence;
  /** As it was when the transaction began. */
  #before: ArrivalSequence;

  constructor(connection: Connection) {
    this.#write = connection.command(
      `INSERT INTO meta (key, value) VALUES ('${KEY}', ?) ON CONFLICT DO UPDATE SET value = excluded.value`,
    );
    const stored = connection.query<[value: string]>(`SELECT value FROM meta WHERE key = '${KEY}'`).get()?.[0] ?? "0";
    // A value that cannot be read may have been any: then whatever came before now may be gone.
    this.#sequence = /^[0-9]{1,15}$/.test(stored) ? Number(stored) : connection.totals.sequence;
    this.#before = this.#sequence;
    connection.join({
      begun: () => (this.#before = this.#sequence),
      beforeCommit: () => {
        if (this.#sequence !== this.#before) this.#write.run(String(this.#sequence));
      },
      rolledBack: () => (this.#sequence = this.#before),
    });
  }

  get sequence(): ArrivalSequence {
    return this.#sequence;
  }

  /** Rows up to this one have been removed in the transaction that is open. */
  moveTo(sequence: ArrivalSequence): void {
    if (sequence > this.#sequence) this.#sequence = sequence;
  }
}
