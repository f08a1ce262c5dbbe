/**
 * Reads a document's bookkeeping from its rows: the last lattice checkpoint, and the log rows after it folded in.
 *
 * A damaged row must neither stop the peer nor spread. What is damaged is set aside, the lattice is built anew from the
 * rows that survive (what no longer has its predecessor waits as pending), and anti-entropy brings back the rest: the
 * smaller lattice gives the document another fingerprint than the other peers have.
 */
import type { DocumentKey, Incarnation } from "@yarrow/protocol";
import { assert, equalBytes } from "@yarrow/protocol";
import { absorb } from "../document/absorb.ts";
import { decodeFence } from "../document/fence.ts";
import { equalFingerprints, fromBytes } from "../document/fingerprint.ts";
import type { FingerprintKey } from "../document/fingerprint.ts";
import { documentKey } from "../document/keys.ts";
import { Lattice } from "../document/lattice.ts";
import { scanUpdate } from "../document/scan-update.ts";
import { MERGED_LIMITS } from "../document/update-limits.ts";
import type { DocumentRow, LogRow, LogSegment, Store } from "../store.ts";
import { Entry } from "./entry.ts";

const ROWS_PER_READ = 512;
/** Rows that are read to find that most names are new. */
const PRESENT_MAX = 32;

export interface Loaded {
  readonly entry: Entry;
  /** What was found damaged, for people; undefined when all was well. */
  readonly damage: string | undefined;
}

/** Loads a document, or makes an empty entry for a name that was never written. A damaged one is yet to be rebuilt. */
export function loadEntry(store: Store, key: FingerprintKey, name: string): Loaded {
  // By key: names that are streamed come in the order of their keys, and are met side by side.
  const found = documentKey(name);
  const row = store.readDocumentByKey(found);
  if (row?.name !== name) return { entry: emptyEntry(key, name, found), damage: undefined };
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
  return { entry, damage };
}

/**
 * Entries of those names that were never written, where one look at the keys between them tells: names that are streamed lie side by
 * side. Nothing where too much lies between them.
 */
export function loadAbsent(store: Store, key: FingerprintKey, names: readonly string[]): Entry[] {
  const found = names.map((name) => ({ name, key: documentKey(name) })).toSorted((a, b) => (a.key < b.key ? -1 : 1));
  const [first] = found;
  if (first === undefined) return [];
  const present = new Set<DocumentKey>();
  if (store.readDocumentByKey(first.key) !== undefined) present.add(first.key);
  const rows = store.listDocumentsByKey(first.key, PRESENT_MAX);
  for (const row of rows) present.add(row.key);
  const told = rows.length < PRESENT_MAX ? undefined : rows[rows.length - 1]!.key;
  const absent = found.filter((one) => (told === undefined || one.key <= told) && !present.has(one.key));
  return absent.map((one) => emptyEntry(key, one.name, one.key));
}

function emptyEntry(key: FingerprintKey, name: string, found: DocumentKey): Entry {
  return new Entry({
    name,
    key: found,
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
  entry.pending = [];
  entry.pendingBytes = 0;
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
  // The store has found the row itself damaged, and made up what it could: the fingerprint it cannot.
  const recorded = equalFingerprints(entry.lattice.fingerprint, fromBytes(row.fingerprint));
  return row.quarantined && !recorded ? "the document's record" : undefined;
}

function foldRow(entry: Entry, segments: readonly LogSegment[]): void {
  for (const segment of segments) {
    absorb(entry.lattice, scanUpdate(segment.update, MERGED_LIMITS));
    entry.uncheckedBytes += segment.update.length;
  }
}

/** All rows of an incarnation after a sequence, a bounded read at a time. */
export function* readRows(
  store: Pick<Store, "readLog">,
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

/**
 * Builds an entry anew, in place, from the rows that survive. `record` must call the given function and write the entry's
 * record in one transaction; it returns false when there is no room, and then only memory is rebuilt.
 */
export function rebuildEntry(
  store: Store,
  key: FingerprintKey,
  entry: Entry,
  record: (entry: Entry, setAside: () => void) => boolean,
): boolean {
  const { row } = entry;
  assert(row !== undefined, "only a stored document can be damaged");
  const writes: (() => void)[] = [];
  entry.lattice = new Lattice(key);
  entry.checkpointSequence = 0;
  entry.uncheckedBytes = 0;
  const salvaged: LogSegment[] = [];
  const head = salvageSnapshot(store, entry, row, writes, salvaged);
  let tailBytes = 0;
  for (const logRow of readRows(store, row, entry.incarnation, head.sequence)) {
    if (logRow.segments === undefined) writes.push(() => store.quarantineLog(logRow.sequence));
    for (const segment of logRow.segments ?? []) {
      salvage(entry, segment, salvaged);
      tailBytes += segment.update.length;
    }
  }
  const waiting = stillWaiting(entry, salvaged);
  entry.row = { ...row, headBytes: head.bytes, tailBytes };
  const recorded = record(entry, () => {
    for (const write of writes) write();
    for (const segment of waiting) store.addPending(row.id, segment);
    // Loading folds rows into a checkpoint; what a snapshot holds, and no row any more, is found there only.
    store.writeCheckpoint(row.id, { sequence: row.lastSequence, lattice: entry.lattice.encode() });
  });
  if (!recorded) return false;
  entry.checkpointSequence = row.lastSequence;
  entry.uncheckedBytes = 0;
  loadPending(store, entry);
  return true;
}

/** Takes in the head snapshot; where it is damaged, the base takes its place, for all rows after the base are kept. */
function salvageSnapshot(
  store: Store,
  entry: Entry,
  row: DocumentRow,
  writes: (() => void)[],
  waiting: LogSegment[],
): { readonly sequence: number; readonly bytes: number } {
  const { incarnation } = entry;
  const head = store.readSnapshot(row.id, incarnation, "head");
  if (head === undefined) return { sequence: 0, bytes: 0 };
  if (head.update !== undefined && head.stateVector !== undefined) {
    salvage(entry, { principal: "", source: "repair", update: head.update }, waiting);
    return { sequence: head.sequence, bytes: head.update.length };
  }
  writes.push(() => store.quarantineSnapshot(row.id, incarnation, "head"));
  const base = store.readSnapshot(row.id, incarnation, "base");
  if (base?.update === undefined) return { sequence: 0, bytes: 0 };
  const { update, sequence } = base;
  salvage(entry, { principal: "", source: "repair", update }, waiting);
  const stateVector = entry.lattice.encodeStateVector();
  writes.push(() =>
    store.writeSnapshot({ document: row.id, incarnation, kind: "head", sequence, stateVector, update }),
  );
  return { sequence, bytes: update.length };
}

/** Takes a surviving segment in; what has lost its predecessor waits. */
function salvage(entry: Entry, segment: LogSegment, waiting: LogSegment[]): void {
  const { remainder } = absorb(entry.lattice, scanUpdate(segment.update, MERGED_LIMITS));
  entry.uncheckedBytes += segment.update.length;
  if (remainder !== undefined) waiting.push({ ...segment, update: remainder });
}

/**
 * What of it no later row has brought either: a row may come after what an earlier repair gave back for its predecessor. What is
 * taken in here is in the rows already.
 */
function stillWaiting(entry: Entry, segments: readonly LogSegment[]): LogSegment[] {
  let waiting = segments;
  for (let moved = true; moved;) {
    moved = false;
    waiting = waiting.flatMap((segment) => {
      const { accepted, remainder } = absorb(entry.lattice, scanUpdate(segment.update, MERGED_LIMITS));
      moved ||= accepted !== undefined;
      return remainder === undefined ? [] : [{ ...segment, update: remainder }];
    });
  }
  return waiting.filter(({ update }) => !entry.pending.some(({ segment }) => equalBytes(segment.update, update)));
}
