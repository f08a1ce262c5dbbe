/** Rows that failed their checksum, kept aside for people to look at. */
import type { ArrivalSequence, DocumentId } from "@yarrow/replica";
import type { Incarnation } from "@yarrow/protocol";
import type { Command, Connection, Query } from "./connection.ts";

/** Beyond either of these the oldest rows are forgotten; the newest always stays. */
const DAMAGED_ROWS_MAX = 1_000;
const DAMAGED_BYTES_MAX = 64 * 1024 * 1024;

export interface DamagedRow {
  readonly kind: string;
  readonly document: DocumentId;
  readonly incarnation: Incarnation;
  readonly sequence: ArrivalSequence;
  readonly content: Uint8Array;
}

export class DamagedTable {
  readonly #now: () => number;
  readonly #insert: Command;
  readonly #deleteOldest: Command;
  readonly #size: Query<[rows: number, bytes: number]>;

  constructor(connection: Connection, now: () => number) {
    this.#now = now;
    this.#insert = connection.command(
      "INSERT INTO damaged (found_ms, kind, document, incarnation, sequence, content) VALUES (?, ?, ?, ?, ?, ?)",
    );
    this.#deleteOldest = connection.command("DELETE FROM damaged WHERE id = (SELECT min(id) FROM damaged)");
    this.#size = connection.query("SELECT count(*), ifnull(sum(length(content)), 0) FROM damaged");
  }

  keep(row: DamagedRow): void {
    this.#insert.run(Math.floor(this.#now()), row.kind, row.document, row.incarnation, row.sequence, row.content);
    for (;;) {
      const [rows, bytes] = this.#size.get() ?? [0, 0];
      if (rows <= 1 || (rows <= DAMAGED_ROWS_MAX && bytes <= DAMAGED_BYTES_MAX)) return;
      this.#deleteOldest.run();
    }
  }
}
