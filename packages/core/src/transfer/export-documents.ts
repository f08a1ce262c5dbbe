/**
 * Documents as Yjs updates, for other programs. Read beside a peer that may run on the folder, or from a backup, in short reads: each
 * document is whole and of one moment, the set as it is read. For a set of one moment, export a backup.
 */
import fs from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { YarrowError } from "@yarrow/protocol";
import type { ClusterId } from "@yarrow/protocol";
import { encodeDifference, Inspector } from "@yarrow/replica";
import { withPast, withPastFile } from "../past/open-past.ts";
import { translateError } from "../store/sqlite-error.ts";
import { DATABASE_FILE } from "../store/sqlite-store.ts";
import type { SqliteStore } from "../store/sqlite-store.ts";

export interface ExportedDocument {
  readonly name: string;
  /** Everything that is alive of it, as one Yjs update, encoding V1. Undefined when what is stored is damaged. */
  readonly update: Uint8Array | undefined;
}

/** A read ends after so many documents or bytes, whichever comes first: the memory that is needed is this and one document. */
const PAGE_DOCUMENTS = 100;
const PAGE_BYTES = 8 * 1024 * 1024;
/** The state vector of one who has nothing. */
const EMPTY_STATE_VECTOR = Uint8Array.of(0);

/** Living documents in the order of their names. `source` is a data folder or a backup. Errors: YARROW_CONFIG_INVALID, YARROW_BACKUP_DAMAGED, YARROW_STORE_FAILED. */
export function* exportDocuments(source: string, prefix = ""): Generator<ExportedDocument, void> {
  const read = readerOf(source);
  let after: string | undefined;
  for (;;) {
    const page = read((store) => readPage(store, prefix, after));
    yield* page;
    after = page.at(-1)?.name;
    if (page.length === 0) return;
  }
}

/** How many documents live in a data folder or a backup. */
export function countDocuments(source: string): number {
  return readerOf(source)((store) => store.counts().alive);
}

function readerOf(source: string): <T>(read: (store: SqliteStore) => T) => T {
  const isFile = fs.statSync(source, { throwIfNoEntry: false })?.isFile() === true;
  if (!isFile && !fs.existsSync(path.join(source, DATABASE_FILE))) {
    throw new YarrowError("YARROW_CONFIG_INVALID", `${source} is no data folder: there is no ${DATABASE_FILE} in it`);
  }
  return (read) => {
    try {
      return isFile ? withPastFile(source, read) : withPast(source, read);
    } catch (error) {
      throw explain(error, source, isFile);
    }
  };
}

/** Errors of SQLite about the file are nobody's bug: it is no database, or one of something else, or damaged. */
function explain(error: unknown, source: string, isFile: boolean): unknown {
  if (!(error instanceof Database.SqliteError)) return error;
  const { message } = error;
  if (!isFile) return translateError(error, source);
  return new YarrowError("YARROW_BACKUP_DAMAGED", `${source} is no backup, or is damaged: ${message}`, {
    cause: error,
    hint: "`yarrow backup --verify FILE` says more of a backup.",
  });
}

function readPage(store: SqliteStore, prefix: string, after: string | undefined): ExportedDocument[] {
  const clusterId = store.readClusterId();
  if (clusterId === undefined) return [];
  const from = after === undefined ? {} : { after };
  const rows = store.listDocuments({ prefix, ...from, include: "alive", limit: PAGE_DOCUMENTS });
  const page: ExportedDocument[] = [];
  let bytes = 0;
  for (const { name } of rows) {
    const update = readUpdate(store, clusterId, name);
    page.push({ name, update });
    bytes += update?.length ?? 0;
    if (bytes >= PAGE_BYTES) break;
  }
  return page;
}

function readUpdate(store: SqliteStore, clusterId: ClusterId, name: string): Uint8Array | undefined {
  const document = new Inspector(store, clusterId).document(name);
  if (document === undefined || document.damage !== undefined) return undefined;
  return encodeDifference(document.parts(), EMPTY_STATE_VECTOR, document.deleteSet());
}
