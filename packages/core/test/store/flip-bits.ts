/** Damage as a disk does it: bits of stored blobs, changed past the store. */
import path from "node:path";
import Database from "better-sqlite3";
import type { StoreDamage } from "../../../replica/test/store-contract.ts";

/** Flips the lowest bit of the first byte of a blob in every row that fits; returns in how many. */
export function flipBit(
  folder: string,
  table: string,
  column: string,
  where: string,
  ...values: (string | number)[]
): number {
  const database = new Database(path.join(folder, "yarrow.db"));
  try {
    const rows = database
      .prepare<unknown[], [number | string, Buffer]>(`SELECT ${keyOf(table)}, ${column} FROM ${table} WHERE ${where}`)
      .raw(true)
      .all(...values);
    for (const [key, bytes] of rows) {
      const flipped = Buffer.from(bytes);
      flipped[0] = (flipped[0] ?? 0) ^ 1;
      database.prepare(`UPDATE ${table} SET ${column} = ? WHERE ${keyOf(table)} = ?`).run(flipped, key);
    }
    return rows.length;
  } finally {
    database.close();
  }
}

export function damageIn(folder: string): StoreDamage {
  const flip = (table: string, column: string, where: string, ...values: (string | number)[]): void =>
    void flipBit(folder, table, column, where, ...values);
  return {
    fence: (document) => flip("fence", "ids", "document = ?", document),
    checkpoint: (document) => flip("checkpoint", "lattice", "document = ?", document),
    log: (sequence) => flip("update_log", "segments", "sequence = ?", sequence),
    snapshot: (document, incarnation, kind) =>
      flip("snapshot", "content", "document = ? AND incarnation = ? AND kind = ?", document, incarnation, kind),
    pending: (document) => flip("pending", "segment", "document = ?", document),
    bucket: (nodePath) => flip("bucket", "items", "path = ?", nodePath),
  };
}

function keyOf(table: string): string {
  switch (table) {
    case "fence":
    case "checkpoint":
      return "document";
    case "update_log":
      return "sequence";
    case "bucket":
      return "path";
    default:
      return "id";
  }
}
