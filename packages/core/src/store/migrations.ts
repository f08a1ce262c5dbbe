/**
 * Brings a database from the schema it has to the one this release knows. Migrations are local: they change how things are
 * kept, never what is replicated.
 *
 * 1. They run in order, each exactly once, also across crashes: a step and the record that it was done commit together.
 * 2. A long migration does its work in portions, each in a transaction of its own, and finds from the tables alone where to go on.
 * 3. A schema newer than the last migration is refused, untouched: this release cannot know what it means.
 */
import type Database from "better-sqlite3";
import { YarrowError } from "@yarrow/protocol";
import { SCHEMA_1 } from "./schema.ts";

export interface Migration {
  /** The schema version it leads to; versions count up from 1 without gaps. */
  readonly version: number;
  /** Does a portion of the work inside a transaction. `more`: call again. */
  readonly run: (database: Database.Database) => "done" | "more";
}

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    run: (database) => {
      database.exec(SCHEMA_1);
      return "done";
    },
  },
];

/** The schema that this release writes. */
export const SCHEMA_NEWEST = MIGRATIONS.at(-1)?.version ?? 0;

/** Runs what is missing and returns the version reached. Errors: YARROW_STORE_NEWER. */
export function migrate(
  database: Database.Database,
  folder: string,
  migrations: readonly Migration[] = MIGRATIONS,
): number {
  const newest = migrations.at(-1)?.version ?? 0;
  let version = readVersion(database);
  if (version > newest) {
    throw new YarrowError(
      "YARROW_STORE_NEWER",
      `${folder} has schema ${version}; this release knows schemas up to ${newest}`,
      {
        hint: "Start it with the release that wrote it, or a later one; to go back, restore a copy made before the upgrade.",
      },
    );
  }
  for (const migration of migrations) {
    while (version < migration.version) version = runPortion(database, migration, version);
  }
  return version;
}

function runPortion(database: Database.Database, migration: Migration, version: number): number {
  return database
    .transaction(() => {
      if (migration.run(database) === "more") return version;
      database
        .prepare(
          "INSERT INTO meta (key, value) VALUES ('schema_version', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        )
        .run(String(migration.version));
      return migration.version;
    })
    .immediate();
}

/** 0 for a new file. */
function readVersion(database: Database.Database): number {
  const hasMeta = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'meta'").get() !== undefined;
  if (!hasMeta) {
    database.exec("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID");
    return 0;
  }
  const value = database.prepare("SELECT value FROM meta WHERE key = 'schema_version'").pluck().get();
  return value === undefined ? 0 : Number(value);
}
