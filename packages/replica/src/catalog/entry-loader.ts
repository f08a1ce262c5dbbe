/**
 * Reads a document's bookkeeping from its rows: the last lattice checkpoint, and the log rows after it folded in.
 *
 * A damaged row must neither stop the peer nor spread. What is damaged is set aside, the lattice is built anew from the
 * rows that survive (what no longer has its predecessor waits as pending), and anti-entropy brings back the rest: the
 * smaller lattice gives the document another fingerprint than the other peers have.
 */
import type { Incarnation } from "@yarrow/protocol";
import { assert, YarrowError } from "@yarrow/protocol";
import { absorb } from "../document/absorb.ts";
import { decodeFence } from "../document/fence.ts";
import type { FingerprintKey } from "../document/fingerprint.ts";
import { documentKey } from "../document/keys.ts";
import { Lattice } from "../document/lattice.ts";
import { scanUpdate } from "../document/scan-update.ts";
import type { DocumentRow, LogRow, LogSegment, Store } from "../store.ts";
import { Entry } from "./entry.ts";

const ROWS_PER_READ = 512;

export interface Loaded {
  readonly entry: Entry;
  /** What was found damaged, for people; undefined when all was well. */
  readonly damage: string | undefined;
}

/**
 * Loads a document, or makes an empty entry for a name that was never written. Writes only where it finds damage: it sets
 * the damaged rows aside and calls `mend` to record what is left, in one transaction.
 */
export function loadEntry(
  store: Store,
  key: FingerprintKey,
  name: string,
  mend: (entry: Entry) => void,
): Loaded {
  const row = store.readDocument(name);
  if (row === undefined) return { entry: emptyEntry(key, name), damage: undefined };
  const fence = decodeFenceOrUndefined(row.fence);
  const entry = new Entry({
    name,
    key: row.key,
    row,
    incarnation: row.incarnation,
    fence: fence ?? new Set(),
    lattice: new Lattice(key),
  });
  loadPending(store, entry);
  const damage = fence === undefined ? "the set of dead client ids" : foldFromCheckpoint(store, key, entry, row);
  if (damage === undefined) return { entry, damage };
  const rebuilt = store.transaction(() => {
    const survivor = rebuild(store, key, entry);
    mend(survivor);
    return survivor;
  });
  return { entry: rebuilt, damage };
}

function emptyEntry(key: FingerprintKey, name: string): Entry {
  return new Entry({
    name,
    key: documentKey(name),
    row: undefined,
    incarnation: 0,
    fence: new Set(),
    lattice: new Lattice(key),
  });
}

function decodeFenceOrUndefined(bytes: Uint8Array | undefined): Set<number> | undefined {
  return bytes === undefined ? undefined : decodeFence(bytes);
}

function loadPending(store: Store, entry: Entry): void {
  for (const pending of store.readPending(entry.row!.id)) {
    if (pending.segment === undefined) continue;
    entry.pending.push({ id: pending.id, segment: pending.segment });
    entry.pendingBytes += pending.segment.update.length;
  }
}

/** Returns what is damaged, if anything. */
function foldFromCheckpoint(store: Store, key: FingerprintKey, entry: Entry, row: DocumentRow): string | undefined {
  const checkpoint = store.readCheckpoint(row.id);
  if (checkpoint !== undefined) {
    if (checkpoint.lattice === undefined) return "the lattice checkpoint";
    entry.lattice = Lattice.decode(checkpoint.lattice, key);
    entry.checkpointSequence = checkpoint.sequence;
  }
  for (const logRow of readRows(store, row, entry.incarnation, entry.checkpointSequence)) {
    if (logRow.segments === undefined) return `log row ${logRow.sequence}`;
    foldRow(entry, logRow.segments);
  }
  return undefined;
}

function foldRow(entry: Entry, segments: readonly LogSegment[]): void {
  for (const segment of segments) {
    absorb(entry.lattice, scanUpdate(segment.update));
    entry.uncheckedBytes += segment.update.length;
  }
}

/** All rows of an incarnation after a sequence, a bounded read at a time. */
export function* readRows(
  store: Store,
  row: DocumentRow,
  incarnation: Incarnation,
  after: number,
): Generator<LogRow, void, undefined> {
  let from = after;
  for (;;) {
    const rows = store.readLog(row.id, incarnation, from, ROWS_PER_READ);
    yield* rows;
    if (rows.length < ROWS_PER_READ) return;
    from = rows[rows.length - 1]!.sequence;
  }
}

/** Builds the lattice from what survives, and sets aside what does not. */
function rebuild(store: Store, key: FingerprintKey, damaged: Entry): Entry {
  const row = damaged.row;
  assert(row !== undefined, "only a stored document can be damaged");
  const { name, incarnation, fence } = damaged;
  const entry = new Entry({ name, key: row.key, row, incarnation, fence, lattice: new Lattice(key) });
  entry.pending = damaged.pending;
  entry.pendingBytes = damaged.pendingBytes;
  const head = store.readSnapshot(row.id, row.incarnation, "head");
  let after = 0;
  if (head !== undefined && head.update !== undefined && head.stateVector !== undefined) {
    salvage(store, entry, { principal: "", source: "repair", update: head.update });
    after = head.sequence;
  } else if (head !== undefined) {
    store.quarantineSnapshot(row.id, row.incarnation, "head");
    const base = store.readSnapshot(row.id, row.incarnation, "base");
    if (base?.update !== undefined) salvage(store, entry, { principal: "", source: "repair", update: base.update });
  }
  for (const logRow of readRows(store, row, entry.incarnation, after)) {
    if (logRow.segments === undefined) store.quarantineLog(logRow.sequence);
    else for (const segment of logRow.segments) salvage(store, entry, segment);
  }
  store.deleteCheckpoint(row.id);
  return entry;
}

/** Takes a surviving segment in; what has lost its predecessor waits as pending. */
function salvage(store: Store, entry: Entry, segment: LogSegment): void {
  try {
    const { remainder } = absorb(entry.lattice, scanUpdate(segment.update));
    entry.uncheckedBytes += segment.update.length;
    if (remainder === undefined) return;
    const waiting = { ...segment, update: remainder };
    store.addPending(entry.row!.id, waiting);
    entry.pendingBytes += remainder.length;
  } catch (error) {
    if (!(error instanceof YarrowError)) throw error;
  }
}
