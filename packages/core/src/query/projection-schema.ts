/**
 * The tables of `query.db`. `documents` and `documents_fts` are what queries are written for, and documented in docs/QUERY.md;
 * `projection` is how far it has come.
 *
 * Another version is never migrated: the file is made anew from the documents' bytes.
 */

export const PROJECTION_FILE = "query.db";

/** Moves with the tables, and with whatever changes what `ReadableDocument` says of the same bytes. */
export const PROJECTION_VERSION = 1;

/**
 * The large columns come last, so that whoever reads only the others need not pass over them. A body that SQLite cannot take
 * for JSON would fail every query that looks into bodies, so the table refuses it.
 */
export const PROJECTION_SCHEMA = `
CREATE TABLE documents (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  incarnation INTEGER NOT NULL,
  fingerprint TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  changed_at INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  error TEXT,
  kinds TEXT,
  body TEXT CHECK (body IS NULL OR json_valid(body)),
  text TEXT NOT NULL
) STRICT;

CREATE VIRTUAL TABLE documents_fts USING fts5 (
  name UNINDEXED, text, content = 'documents', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
);

CREATE TABLE projection (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  cursor TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  swept_through INTEGER
) STRICT;
`;
