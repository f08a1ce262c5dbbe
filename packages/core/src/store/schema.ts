/**
 * The tables of `yarrow.db`. Times are the local clock in ms since 1970; a `checksum` is over the blob before it and the row's
 * place (see `checksum.ts`). No foreign keys: every row is reached through its document, and documents are never removed.
 */

/**
 * `document_name` carries the incarnation so that a listing of living (or dead) names never has to visit the rows it leaves out.
 * Names are TEXT in UTF-8 with the BINARY collation, which compares their bytes.
 *
 * `log_place` carries the arrival time so that finding the end of the history window needs no look at the rows.
 */
export const SCHEMA_1 = `
CREATE TABLE document (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  key BLOB NOT NULL,
  incarnation INTEGER NOT NULL,
  fingerprint BLOB NOT NULL,
  last_sequence INTEGER NOT NULL,
  last_arrival_ms INTEGER NOT NULL,
  tail_bytes INTEGER NOT NULL,
  head_bytes INTEGER NOT NULL,
  quarantined INTEGER NOT NULL,
  fence_bytes INTEGER NOT NULL,
  checksum INTEGER NOT NULL
) STRICT;
CREATE INDEX document_name ON document (name, incarnation);
CREATE UNIQUE INDEX document_key ON document (key);
CREATE INDEX document_quarantined ON document (name) WHERE quarantined = 1;

-- Apart from the document row, which every commit rewrites. Only documents with dead client ids have one.
CREATE TABLE fence (
  document INTEGER PRIMARY KEY,
  ids BLOB NOT NULL,
  checksum INTEGER NOT NULL
) STRICT;

CREATE TABLE checkpoint (
  document INTEGER PRIMARY KEY,
  sequence INTEGER NOT NULL,
  lattice BLOB NOT NULL,
  checksum INTEGER NOT NULL
) STRICT;

CREATE TABLE update_log (
  sequence INTEGER PRIMARY KEY,
  document INTEGER NOT NULL,
  incarnation INTEGER NOT NULL,
  arrived_ms INTEGER NOT NULL,
  checksum INTEGER NOT NULL,
  segments BLOB NOT NULL
) STRICT;

-- An index kept by hand, see log-places.ts.
CREATE TABLE log_place (
  document INTEGER NOT NULL,
  incarnation INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  arrived_ms INTEGER NOT NULL,
  PRIMARY KEY (document, incarnation, sequence)
) STRICT, WITHOUT ROWID;

-- Incarnations that were alive and are no more, until their rows are swept.
CREATE TABLE ended (
  document INTEGER NOT NULL,
  incarnation INTEGER NOT NULL,
  ended_ms INTEGER NOT NULL,
  PRIMARY KEY (document, incarnation)
) STRICT, WITHOUT ROWID;
CREATE INDEX ended_time ON ended (ended_ms);

CREATE TABLE snapshot (
  id INTEGER PRIMARY KEY,
  document INTEGER NOT NULL,
  incarnation INTEGER NOT NULL,
  kind TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  state_vector_checksum INTEGER NOT NULL,
  state_vector BLOB NOT NULL,
  content_checksum INTEGER NOT NULL,
  content BLOB NOT NULL,
  UNIQUE (document, incarnation, kind)
) STRICT;

CREATE TABLE pending (
  id INTEGER PRIMARY KEY,
  document INTEGER NOT NULL,
  checksum INTEGER NOT NULL,
  segment BLOB NOT NULL
) STRICT;
CREATE INDEX pending_document ON pending (document);

CREATE TABLE bucket (
  path TEXT PRIMARY KEY,
  checksum INTEGER NOT NULL,
  items BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE peer_address (
  peer_id TEXT PRIMARY KEY,
  seen_ms INTEGER NOT NULL,
  checksum INTEGER NOT NULL,
  urls BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE boot (
  number INTEGER PRIMARY KEY,
  epoch TEXT NOT NULL,
  first_sequence INTEGER NOT NULL,
  started_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE totals (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  sequence INTEGER NOT NULL,
  indexed INTEGER NOT NULL,
  alive INTEGER NOT NULL,
  deleted INTEGER NOT NULL,
  quarantined INTEGER NOT NULL,
  pending INTEGER NOT NULL,
  log_rows INTEGER NOT NULL,
  checksum INTEGER NOT NULL
) STRICT;
INSERT INTO totals VALUES (1, 0, 0, 0, 0, 0, 0, 0, 0);

-- Rows that failed their checksum, kept for people to look at. Nothing reads them.
CREATE TABLE damaged (
  id INTEGER PRIMARY KEY,
  found_ms INTEGER NOT NULL,
  kind TEXT NOT NULL,
  document INTEGER NOT NULL,
  incarnation INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  content BLOB NOT NULL
) STRICT;
`;
