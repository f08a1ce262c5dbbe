/** What a database file that is at rest says of itself: the facts of a manifest, read without a store that would write. */
import Database from "better-sqlite3";
import type { ClusterId, PeerId } from "@yarrow/protocol";
import { toHex } from "@yarrow/protocol";
import { Inspector } from "@yarrow/replica";
import { Connection } from "../store/connection.ts";
import { unsealId } from "../store/identity-table.ts";
import { SqliteStore } from "../store/sqlite-store.ts";
import { LAST_SEQUENCE, LOG_ROWS } from "../store/totals.ts";
import type { BackupManifest } from "./manifest.ts";

export type DatabaseFacts = Pick<
  BackupManifest,
  "schema" | "peerId" | "clusterId" | "epoch" | "lastSequence" | "documents" | "logRows" | "root"
>;

/** Opens a file that nobody writes: it leaves no journal beside it. */
export function openAtRest(file: string): Database.Database {
  return new Database(file, { readonly: true, fileMustExist: true });
}

export function readFacts(database: Database.Database): DatabaseFacts {
  const meta = new Map(database.prepare<[], [string, string]>("SELECT key, value FROM meta").raw(true).all());
  const totals = database
    .prepare<[], [number, number, number, number, number, number]>(
      `SELECT ${LAST_SEQUENCE}, alive, deleted, pending, quarantined, ${LOG_ROWS} FROM totals`,
    )
    .raw(true)
    .get();
  const [lastSequence, alive, deleted, pending, quarantined, logRows] = totals ?? [0, 0, 0, 0, 0, 0];
  const clusterId = unsealId(meta.get("cluster_id") ?? "") as ClusterId | undefined;
  return {
    schema: readSchema(database),
    peerId: (unsealId(meta.get("peer_id") ?? "") ?? "") as PeerId,
    clusterId,
    epoch: database.prepare<[], string>("SELECT epoch FROM boot ORDER BY number DESC LIMIT 1").pluck().get(),
    lastSequence,
    documents: { alive, deleted, pending, quarantined },
    logRows,
    root: clusterId === undefined ? undefined : readRoot(database, clusterId),
  };
}

/** 0 where there is no sign of a schema. */
function readSchema(database: Database.Database): number {
  const read = "SELECT value FROM meta WHERE key = 'schema_version'";
  return Number(database.prepare<[], string>(read).pluck().get() ?? 0);
}

/** Summed from the records of the documents; undefined where rows are damaged in such a way that a store would mend them first. */
function readRoot(database: Database.Database, clusterId: ClusterId): string | undefined {
  try {
    const connection = new Connection(database, database.name);
    const lock = { release: () => {} };
    const store = new SqliteStore({ folder: database.name, connection, lock, now: () => 0 });
    return toHex(new Inspector(store, clusterId).sum());
  } catch {
    return undefined;
  }
}
