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
  /** The leaf written last: whoever types in a document has the same one rewritten again and again. */
  #last: BucketRow | undefined;

  constructor(connection: Connection) {
    this.#read = connection.query("SELECT path, checksum, items FROM bucket WHERE path = ?");
    this.#list = connection.query(
      "SELECT path, checksum, items FROM bucket WHERE path >= ? AND path <> ? ORDER BY path LIMIT ?",
    );
    this.#update = connection.command("UPDATE bucket SET checksum = ?, items = ? WHERE path = ?");
    this.#insert = connection.command("INSERT INTO bucket (checksum, items, path) VALUES (?, ?, ?)");
    this.#delete = connection.command("DELETE FROM bucket WHERE path = ?");
    const nothing = (): void => {};
    connection.join({ begun: nothing, beforeCommit: nothing, rolledBack: () => (this.#last = undefined) });
  }

  /** Shares the bytes with whoever wrote them: nobody changes them. */
  read(path: NodePath): BucketRow | undefined {
    if (this.#last?.path === path) return this.#last;
    const stored = this.#read.get(path);
    return stored && toRow(stored);
  }

  write(row: BucketRow & { readonly items: Uint8Array }): void {
    const { path, items } = row;
    const checksum = checksumOf(items, textPlace(path));
    if (this.#update.run(checksum, items, path) === 0) this.#insert.run(checksum, items, path);
    this.#last = row;
  }

  delete(path: NodePath): void {
    this.#delete.run(path);
    if (this.#last?.path === path) this.#last = undefined;
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
