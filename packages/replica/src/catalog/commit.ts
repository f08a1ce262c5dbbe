/**
 * Writes staged changes. All of a batch go in one transaction; when that fails, each document goes in one of its own, so
 * that only those that fail alone are refused. (Why documents and not events: docs/decisions/0003-failure-unit.md.)
 */
import type { TreeItem } from "@yarrow/protocol";
import { assert, YarrowError } from "@yarrow/protocol";
import type { ReplicaConfig } from "../config.ts";
import { encodeFence } from "../document/fence.ts";
import type { FingerprintKey } from "../document/fingerprint.ts";
import { toBytes } from "../document/fingerprint.ts";
import { asRefusal } from "../isolation.ts";
import type { SetTree } from "../set-tree/set-tree.ts";
import type { DocumentRow, Store } from "../store.ts";
import { StoreFailedError, StoreFullError } from "../store.ts";
import type { Catalog } from "./catalog.ts";
import type { Entry } from "./entry.ts";
import type { StagedChange } from "./staged-change.ts";

export type CommitOutcome =
  | { readonly change: StagedChange; readonly committed: true }
  | { readonly change: StagedChange; readonly committed: false; readonly error: YarrowError };

export interface CommitParts {
  readonly store: Store;
  readonly tree: SetTree;
  readonly catalog: Catalog;
  readonly config: ReplicaConfig;
  /** Local clock in ms since 1970. */
  readonly now: number;
}

/** Throws StoreFailedError; refusals, and what throws over one document alone, come back as outcomes. */
export function commitChanges(parts: CommitParts, changes: readonly StagedChange[]): CommitOutcome[] {
  const dirty = changes.filter((change) => change.dirty && change.failure === undefined);
  const failure = dirty.length === 0 ? undefined : attempt(parts, dirty);
  return changes.map((change) => {
    if (change.failure !== undefined) return { change, committed: false, error: change.failure };
    if (failure === undefined || !change.dirty) return { change, committed: true };
    const error = dirty.length === 1 ? failure : attempt(parts, [change]);
    return error === undefined ? { change, committed: true } : { change, committed: false, error };
  });
}

function attempt(parts: CommitParts, changes: readonly StagedChange[]): YarrowError | undefined {
  const { store, tree, catalog, now } = parts;
  tree.begin();
  try {
    const rows = store.transaction(() => {
      const written = changes.map((change) => writeChange(parts, change));
      tree.replaceAll(changes.flatMap(({ entry }) => treeItem(entry, catalog.key)));
      return written;
    });
    changes.forEach((change, i) => catalog.published(change.entry, rows[i]!, now));
    return undefined;
  } catch (error) {
    tree.rollback();
    if (error instanceof StoreFailedError) throw error;
    return error instanceof YarrowError ? error : asRefusal(changes[0]!.entry.name, error);
  }
}

function writeChange(parts: CommitParts, change: StagedChange): DocumentRow {
  const { store } = parts;
  // Times of arrival order the past: they never run backwards, whatever happened to the clock before this start.
  const arrivedMs = Math.max(Math.floor(parts.now), store.lastArrivalMs());
  const { entry } = change;
  const row = entry.row ?? store.createDocument(entry.name, entry.key);
  // A document that is created now has nothing that could end.
  if (change.moved && entry.row !== undefined) endIncarnation(store, row);
  let { lastSequence } = row;
  let rowBytes = 0;
  if (change.segments.length > 0 || change.moved) {
    const segments = entry.alive ? change.segments : [];
    for (const segment of segments) rowBytes += segment.update.length;
    lastSequence = store.appendLog({ document: row.id, incarnation: entry.incarnation, arrivedMs, segments });
  }
  writePending(store, change, row);
  checkpointIfDue(parts, entry, row, lastSequence, rowBytes, change.moved);
  const written: DocumentRow & { readonly fence: Uint8Array } = {
    ...row,
    incarnation: entry.incarnation,
    fence: encodeFence(entry.fence),
    fingerprint: toBytes(entry.lattice.fingerprint),
    lastSequence,
    lastArrivalMs: arrivedMs,
    tailBytes: (change.moved ? 0 : row.tailBytes) + rowBytes,
    headBytes: change.moved ? 0 : row.headBytes,
    quarantined: change.moved ? false : row.quarantined,
  };
  store.writeDocument(written);
  return written;
}

function treeItem(entry: Entry, key: FingerprintKey): TreeItem[] {
  const digest = entry.digest(key);
  return digest === undefined ? [] : [{ key: entry.key, digest }];
}

/** Records what is left of a document after damage, and sets the rest aside. Returns false when there is no room for it. */
export function mendDocument(
  store: Store,
  tree: SetTree,
  key: FingerprintKey,
  entry: Entry,
  setAside: () => void,
): boolean {
  assert(entry.row !== undefined, "only a stored document can be damaged");
  const row = {
    ...entry.row,
    fence: encodeFence(entry.fence),
    fingerprint: toBytes(entry.lattice.fingerprint),
    quarantined: true,
  };
  const digest = entry.digest(key);
  tree.begin();
  try {
    store.transaction(() => {
      setAside();
      if (digest !== undefined) tree.replace(entry.key, digest);
      store.writeDocument(row);
    });
  } catch (error) {
    tree.rollback();
    if (error instanceof StoreFullError) return false;
    throw error;
  }
  entry.row = row;
  return true;
}

/** The rows of what died stay for the history window; only what serves the living goes. */
function endIncarnation(store: Store, row: DocumentRow): void {
  store.clearPending(row.id);
  store.deleteCheckpoint(row.id);
}

function writePending(store: Store, change: StagedChange, row: DocumentRow): void {
  if (change.removedPending.length === 0 && change.addedPending.length === 0) return;
  for (const id of change.removedPending) store.deletePending(row.id, id);
  for (const segment of change.addedPending) store.addPending(row.id, segment);
  // Row ids are known to the store alone: read them back, for this rare path only.
  change.entry.pending = store
    .readPending(row.id)
    .flatMap((pending) => (pending.segment === undefined ? [] : [{ id: pending.id, segment: pending.segment }]));
}

/** The lattice is written when the rows since the last time outweigh it, so that a keystroke does not rewrite a large one. */
function checkpointIfDue(
  { store, config }: CommitParts,
  entry: Entry,
  row: DocumentRow,
  sequence: number,
  rowBytes: number,
  moved: boolean,
): void {
  if (moved) {
    entry.checkpointSequence = 0;
    entry.uncheckedBytes = 0;
  }
  entry.uncheckedBytes += rowBytes;
  if (entry.uncheckedBytes <= Math.max(config.checkpointBytes, entry.lattice.byteSize)) return;
  store.writeCheckpoint(row.id, { sequence, lattice: entry.lattice.encode() });
  entry.checkpointSequence = sequence;
  entry.uncheckedBytes = 0;
}
