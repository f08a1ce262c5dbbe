/** The SQL of document rows and fences. */
import type { DocumentsQuery } from "@yarrow/replica";
import type { Command, Connection, Query } from "./connection.ts";

export type StoredDocument = [
  id: number,
  name: string,
  key: Buffer,
  incarnation: number,
  fingerprint: Buffer,
  lastSequence: number,
  lastArrivalMs: number,
  tailBytes: number,
  headBytes: number,
  quarantined: number,
  fenceBytes: number,
  checksum: number,
];

export const DOCUMENT_COLUMNS = `id, name, key, incarnation, fingerprint, last_sequence, last_arrival_ms, tail_bytes, head_bytes, quarantined,
  fence_bytes, checksum`;

const MUTABLE = "fingerprint = ?, last_sequence = ?, last_arrival_ms = ?, tail_bytes = ?, head_bytes = ?, checksum = ?";

const FILTERS: Record<DocumentsQuery["include"], string> = {
  alive: "AND incarnation % 2 = 1",
  deleted: "AND incarnation > 0 AND incarnation % 2 = 0",
  all: "",
};

export class DocumentStatements {
  readonly readByName: Query<StoredDocument>;
  readonly readByKey: Query<StoredDocument>;
  readonly readById: Query<StoredDocument>;
  readonly listByKey: Query<StoredDocument>;
  readonly listQuarantined: Query<[name: string]>;
  readonly lastId: Query<[number | null]>;
  readonly insert: Command;
  /** The usual write: matches only where what it does not change is as given. */
  readonly update: Command;
  readonly updateAll: Command;
  readonly insertEnded: Command;
  readonly readFence: Query<[ids: Buffer, checksum: number]>;
  readonly writeFence: Command;
  readonly deleteFence: Command;
  /** Highest incarnation, sequence and arrival among a document's log rows and snapshots. */
  readonly recover: Query<[incarnation: number, sequence: number, arrivedMs: number]>;
  readonly recoverBytes: Query<[tailBytes: number, headBytes: number]>;
  readonly #connection: Connection;
  readonly #lists = new Map<string, Query<StoredDocument>>();

  constructor(connection: Connection) {
    this.#connection = connection;
    this.readByName = connection.query(`SELECT ${DOCUMENT_COLUMNS} FROM document WHERE name = ?`);
    this.readByKey = connection.query(`SELECT ${DOCUMENT_COLUMNS} FROM document WHERE key = ?`);
    this.readById = connection.query(`SELECT ${DOCUMENT_COLUMNS} FROM document WHERE id = ?`);
    this.listByKey = connection.query(`SELECT ${DOCUMENT_COLUMNS} FROM document WHERE key > ? ORDER BY key LIMIT ?`);
    this.listQuarantined = connection.query("SELECT name FROM document WHERE quarantined = 1 ORDER BY name LIMIT ?");
    this.lastId = connection.query("SELECT max(id) FROM document");
    this.insert = connection.command(
      `INSERT INTO document (id, name, key, incarnation, fingerprint, last_sequence, last_arrival_ms, tail_bytes, head_bytes,
         quarantined, fence_bytes, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.update = connection.command(
      `UPDATE document SET ${MUTABLE} WHERE id = ? AND incarnation = ? AND quarantined = ? AND fence_bytes = ?`,
    );
    this.updateAll = connection.command(
      `UPDATE document SET ${MUTABLE}, incarnation = ?, quarantined = ?, fence_bytes = ? WHERE id = ?`,
    );
    this.insertEnded = connection.command(
      "INSERT OR REPLACE INTO ended (document, incarnation, ended_ms) VALUES (?, ?, ?)",
    );
    this.readFence = connection.query("SELECT ids, checksum FROM fence WHERE document = ?");
    this.writeFence = connection.command("INSERT OR REPLACE INTO fence (document, ids, checksum) VALUES (?, ?, ?)");
    this.deleteFence = connection.command("DELETE FROM fence WHERE document = ?");
    // The places of the latest rows are not in the table yet (see log-places.ts): those rows are visited.
    const rows = (columns: string): string =>
      `SELECT ${columns} FROM log_place p CROSS JOIN update_log l ON l.sequence = p.sequence WHERE p.document = @document
       UNION ALL SELECT ${columns} FROM update_log l WHERE l.sequence > (SELECT indexed FROM totals) AND l.document = @document`;
    this.recover = connection.query(
      `SELECT ifnull(max(incarnation), 0), ifnull(max(sequence), 0), ifnull(max(arrived_ms), 0) FROM (
         ${rows("l.incarnation, l.sequence, l.arrived_ms")}
         UNION ALL SELECT incarnation, sequence, 0 FROM snapshot WHERE document = @document)`,
    );
    this.recoverBytes = connection.query(
      `WITH head AS (SELECT sequence, length(content) AS size FROM snapshot
         WHERE document = @document AND incarnation = @incarnation AND kind = 'head')
       SELECT ifnull((SELECT sum(size) FROM (${rows("l.incarnation, l.sequence, length(l.segments) AS size")})
           WHERE incarnation = @incarnation AND sequence > ifnull((SELECT sequence FROM head), 0)), 0),
         ifnull((SELECT size FROM head), 0)`,
    );
  }

  /** Names from or after the first value, before the second if there is an `end`, at most as many as the last. */
  list(include: DocumentsQuery["include"], start: "from" | "after", end: boolean): Query<StoredDocument> {
    const order = start === "from" ? ">=" : ">";
    const sql = `SELECT ${DOCUMENT_COLUMNS} FROM document WHERE name ${order} ? ${end ? "AND name < ?" : ""} ${FILTERS[include]}
      ORDER BY name LIMIT ?`;
    let query = this.#lists.get(sql);
    if (query === undefined) {
      query = this.#connection.query<StoredDocument>(sql);
      this.#lists.set(sql, query);
    }
    return query;
  }
}
