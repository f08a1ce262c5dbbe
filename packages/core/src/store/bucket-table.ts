/** Leaves of the set tree. A commit rewrites the leaf of every document it touches. */
import type { NodePath } from "@yarrow/protocol";
import type { BucketRow } from "@yarrow/replica";
import { checked, checksumOf, textPlace } from "./checksum.ts";
import type { Command, Connection, Query } from "./connection.ts";

type StoredBucket = [path: string, checksum: number, items: Buffer];

export class BucketTable {
  readonly #read: Query<StoredBucket>;
  readonly #list: Query<StoredBucket>;
  readonly #update: Command;
  readonly #insert: Command;
  readonly #delete: Command;

  constructor(connection: Connection) {
    this.#read = connection.query("SELECT path, checksum, items FROM bucket WHERE path = ?");
    this.#list = connection.query(
      "SELECT path, checksum, items FROM bucket WHERE path >= ? AND path <> ? ORDER BY path LIMIT ?",
    );
    this.#update = connection.command("UPDATE bucket SET checksum = ?, items = ? WHERE path = ?");
    this.#insert = connection.command("INSERT INTO bucket (checksum, items, path) VALUES (?, ?, ?)");
    this.#delete = connection.command("DELETE FROM bucket WHERE path = ?");
  }

  read(path: NodePath): BucketRow | undefined {
    const stored = this.#read.get(path);
    return stored && toRow(stored);
  }

  write(row: BucketRow & { readonly items: Uint8Array }): void {
    const { path, items } = row;
    const checksum = checksumOf(items, textPlace(path));
    if (this.#update.run(checksum, items, path) === 0) this.#insert.run(checksum, items, path);
  }

  delete(path: NodePath): void {
    this.#delete.run(path);
  }

  list(after: NodePath | undefined, limit: number): BucketRow[] {
    // The root's path is empty, so "after nothing" is told apart by a text that is no path.
    return this.#list.all(after ?? "", after ?? "none", limit).map(toRow);
  }
}

function toRow(stored: StoredBucket): BucketRow {
  const [path, checksum, items] = stored;
  return { path, items: checked(items, checksum, textPlace(path)) };
}
