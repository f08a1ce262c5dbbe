import path from "node:path";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import type { Migration } from "../../src/store/migrations.ts";
import { MIGRATIONS, migrate } from "../../src/store/migrations.ts";
import { openSqliteStore } from "../../src/store/open-store.ts";
import { makeTemporaryFolder } from "./temporary-folder.ts";

/** Doubles a column in portions of two rows, and notes in the table itself how far it came. */
const doubling: Migration = {
  version: 2,
  run: (database) => {
    const { changes } = database
      .prepare("UPDATE old SET value = value * 2, done = 1 WHERE id IN (SELECT id FROM old WHERE done = 0 LIMIT 2)")
      .run();
    return changes === 0 ? "done" : "more";
  },
};

const first: Migration = {
  version: 1,
  run: (database) => {
    database.exec("CREATE TABLE old (id INTEGER PRIMARY KEY, value INTEGER, done INTEGER DEFAULT 0)");
    for (let value = 1; value <= 5; value++) database.prepare("INSERT INTO old (value) VALUES (?)").run(value);
    return "done";
  },
};

const renaming: Migration = {
  version: 3,
  run: (database) => {
    database.exec("ALTER TABLE old RENAME TO new");
    return "done";
  },
};

function values(database: Database.Database, table: string): unknown[] {
  return database.prepare(`SELECT value FROM ${table} ORDER BY id`).pluck().all();
}

test("[STO18] a new folder takes all migrations in order, and later starts take none", () => {
  const database = new Database(":memory:");
  expect(migrate(database, "folder", [first, doubling, renaming])).toBe(3);
  expect(values(database, "new")).toEqual([2, 4, 6, 8, 10]);
  expect(migrate(database, "folder", [first, doubling, renaming])).toBe(3);
  expect(values(database, "new")).toEqual([2, 4, 6, 8, 10]);
});

test("[STO18] an older folder takes only what it lacks", () => {
  const database = new Database(":memory:");
  expect(migrate(database, "folder", [first])).toBe(1);
  database.exec("UPDATE old SET value = 7 WHERE id = 1");
  expect(migrate(database, "folder", [first, doubling])).toBe(2);
  expect(values(database, "old")).toEqual([14, 4, 6, 8, 10]);
});

test("[STO18] a migration that was cut off goes on where it was", () => {
  const database = new Database(":memory:");
  let portions = 0;
  const cutOff: Migration = {
    version: 2,
    run: (connection) => {
      const result = doubling.run(connection);
      // The portion that is cut off is rolled back with its record; the one before it is kept.
      if (++portions === 2) throw new Error("power loss");
      return result;
    },
  };
  expect(() => migrate(database, "folder", [first, cutOff])).toThrow("power loss");
  expect(values(database, "old")).toEqual([2, 4, 3, 4, 5]);
  expect(migrate(database, "folder", [first, doubling, renaming])).toBe(3);
  expect(values(database, "new")).toEqual([2, 4, 6, 8, 10]);
});

test("[STO17] a version from the future is refused before anything is changed", () => {
  const database = new Database(":memory:");
  migrate(database, "folder", [first, doubling, renaming]);
  const newer = expect.objectContaining({ code: "YARROW_STORE_NEWER", message: expect.stringContaining("folder") });
  expect(() => migrate(database, "folder", [first, doubling])).toThrow(newer);
});

test("[STO18] the versions of this release count up from 1, and a fresh folder has the last", () => {
  expect(MIGRATIONS.map((migration) => migration.version)).toEqual(MIGRATIONS.map((_, i) => i + 1));
  const folder = makeTemporaryFolder();
  openSqliteStore({ folder, durability: "normal", now: () => 1 }).close();
  const database = new Database(path.join(folder, "yarrow.db"), { readonly: true });
  expect(database.prepare("SELECT value FROM meta WHERE key = 'schema_version'").pluck().get()).toBe(
    String(MIGRATIONS.length),
  );
  database.close();
});
