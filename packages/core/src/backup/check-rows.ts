/**
 * Proves every row of a database file that is at rest, table by table: each checksum is computed anew, and SQLite's own check goes
 * over the pages. Reads only, and keeps one row in memory at a time.
 */
import type Database from "better-sqlite3";
import { checksumOf, textPlace } from "../store/checksum.ts";
import { DOCUMENT_COLUMNS } from "../store/document-statements.ts";
import { isSoundDocument } from "../store/document-table.ts";
import { isSoundMeta } from "../store/identity-table.ts";
import { logPlace } from "../store/log-table.ts";
import { checkpointPlace, snapshotPlace } from "../store/snapshot-table.ts";
import { isSoundTotals } from "../store/totals.ts";
import type { TotalsRow } from "../store/totals.ts";
import type { BackupManifest } from "./manifest.ts";
import type { Report } from "./report.ts";

type Rows = BackupManifest["rows"];

/** Damaged rows that are named; all of them are counted. */
const EXAMPLES_MAX = 20;

interface Table {
  readonly name: string;
  readonly columns: string;
  /** Whether the row is sound. The first column says which one it is. */
  readonly sound: (row: never) => boolean;
}

const TABLES: readonly Table[] = [
  { name: "document", columns: DOCUMENT_COLUMNS, sound: isSoundDocument },
  {
    name: "fence",
    columns: "document, ids, checksum",
    sound: ([document, ids, checksum]: [number, Buffer, number]) => checksumOf(ids, document) === checksum,
  },
  {
    name: "checkpoint",
    columns: "document, sequence, lattice, checksum",
    sound: ([document, sequence, lattice, checksum]: [number, number, Buffer, number]) =>
      checksumOf(lattice, checkpointPlace(document, sequence)) === checksum,
  },
  {
    name: "update_log",
    columns: "sequence, document, incarnation, arrived_ms, checksum, segments",
    sound: ([sequence, document, incarnation, arrivedMs, checksum, segments]: [
      number,
      number,
      number,
      number,
      number,
      Buffer,
    ]) => checksumOf(segments, logPlace(sequence, document, incarnation, arrivedMs)) === checksum,
  },
  {
    name: "snapshot",
    columns: "id, document, incarnation, sequence, state_vector_checksum, state_vector, content_checksum, content",
    sound: ([, document, incarnation, sequence, vectorChecksum, vector, contentChecksum, content]: [
      number,
      number,
      number,
      number,
      number,
      Buffer,
      number,
      Buffer,
    ]) => {
      const place = snapshotPlace(document, incarnation, sequence);
      return checksumOf(vector, place) === vectorChecksum && checksumOf(content, place) === contentChecksum;
    },
  },
  {
    name: "pending",
    columns: "id, document, checksum, segment",
    sound: ([, document, checksum, segment]: [number, number, number, Buffer]) =>
      checksumOf(segment, document) === checksum,
  },
  {
    name: "bucket",
    columns: "path, checksum, items",
    sound: ([path, checksum, items]: [string, number, Buffer]) => checksumOf(items, textPlace(path)) === checksum,
  },
  {
    name: "peer_address",
    columns: "peer_id, checksum, urls",
    sound: ([peerId, checksum, urls]: [string, number, Buffer]) => checksumOf(urls, textPlace(peerId)) === checksum,
  },
  {
    name: "totals",
    columns: "id, sequence, indexed, alive, deleted, quarantined, pending, log_rows, checksum",
    sound: ([, ...totals]: [number, ...TotalsRow]) => isSoundTotals(totals),
  },
  {
    name: "meta",
    columns: "key, value",
    sound: ([key, value]: [string, string]) => isSoundMeta(key, value),
  },
];

export function checkRows(database: Database.Database, report: Report): Rows {
  // A backup of an earlier release may lack a table that came later.
  const tables = TABLES.filter(({ name }) => hasTable(database, name));
  const total = tables.reduce((sum, { name }) => sum + countRows(database, name), 0);
  const examples: string[] = [];
  let checked = 0;
  let damaged = 0;
  for (const { name, columns, sound } of tables) {
    const rows = database.prepare<[], never>(`SELECT ${columns} FROM ${name}`).raw(true).iterate();
    for (const row of rows) {
      checked += 1;
      if ((checked & 0xff) === 0) report.at(checked, total);
      if (sound(row)) continue;
      damaged += 1;
      if (examples.length < EXAMPLES_MAX) examples.push(`${name} ${String(row[0])}`);
    }
  }
  const problems = database.pragma(`quick_check(${EXAMPLES_MAX})`, { simple: true }) as string;
  if (problems !== "ok") {
    damaged += 1;
    examples.push(`SQLite: ${problems}`);
  }
  report.at(total, total);
  return { checked, damaged, examples };
}

function hasTable(database: Database.Database, name: string): boolean {
  return database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(name) !== undefined;
}

function countRows(database: Database.Database, name: string): number {
  return database.prepare<[], number>(`SELECT count(*) FROM ${name}`).pluck().get() ?? 0;
}
