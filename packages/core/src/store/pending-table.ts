/** Updates that wait for what they refer to. */
import type { DocumentId, LogSegment, PendingRow } from "@yarrow/replica";
import { checked, checksumOf } from "./checksum.ts";
import type { Command, Connection, Query } from "./connection.ts";
import { decodeSegments, encodeSegments } from "./segment-codec.ts";

export class PendingTable {
  readonly #connection: Connection;
  readonly #read: Query<[id: number, checksum: number, segment: Buffer]>;
  readonly #insert: Command;
  readonly #delete: Command;
  readonly #clear: Command;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#read = connection.query("SELECT id, checksum, segment FROM pending WHERE document = ? ORDER BY id");
    this.#insert = connection.command("INSERT INTO pending (document, checksum, segment) VALUES (?, ?, ?)");
    this.#delete = connection.command("DELETE FROM pending WHERE document = ? AND id = ?");
    this.#clear = connection.command("DELETE FROM pending WHERE document = ?");
  }

  read(document: DocumentId): PendingRow[] {
    return this.#read.all(document).map(([id, checksum, bytes]) => {
      const sound = checked(bytes, checksum, document);
      return { id, segment: sound && decodeSegments(sound)?.[0] };
    });
  }

  add(document: DocumentId, segment: LogSegment): void {
    const bytes = encodeSegments([segment]);
    this.#insert.run(document, checksumOf(bytes, document), bytes);
    this.#connection.totals.add("pending", 1);
  }

  delete(document: DocumentId, id: number): void {
    this.#connection.totals.add("pending", -this.#delete.run(document, id));
  }

  clear(document: DocumentId): void {
    this.#connection.totals.add("pending", -this.#clear.run(document));
  }
}
