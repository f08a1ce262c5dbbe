/** Checks one document against its own rows: what memory and the set tree say of it must follow from what the disk holds. */
import type { DocumentKey } from "@yarrow/protocol";
import { toHex } from "@yarrow/protocol";
import type { Catalog } from "../catalog/catalog.ts";
import { absorb } from "../document/absorb.ts";
import { decodeFence, fenceDigest } from "../document/fence.ts";
import { digestDocument, equalFingerprints, fromBytes, toBytes } from "../document/fingerprint.ts";
import type { FingerprintKey } from "../document/fingerprint.ts";
import { Lattice } from "../document/lattice.ts";
import { scanUpdate } from "../document/scan-update.ts";
import { MERGED_LIMITS } from "../document/update-limits.ts";
import { readRows } from "../catalog/entry-loader.ts";
import type { SetTree } from "../set-tree/set-tree.ts";
import type { DocumentRow, Store } from "../store.ts";

export interface Problem {
  readonly what: string;
  /** A row could not be read: the document is to be rebuilt from the others. */
  readonly damaged: boolean;
}

/** Returns what is wrong, or undefined. Reads every row of the living incarnation; call when nothing is staged. */
export function checkDocument(store: Store, tree: SetTree, key: FingerprintKey, row: DocumentRow): Problem | undefined {
  if (row.fence === undefined) return { what: "the set of dead client ids", damaged: true };
  const checkpoint = store.readCheckpoint(row.id);
  if (checkpoint !== undefined && checkpoint.lattice === undefined) {
    return { what: "the lattice checkpoint", damaged: true };
  }
  const lattice = new Lattice(key);
  const head = row.headBytes === 0 ? undefined : store.readSnapshot(row.id, row.incarnation, "head");
  if (head !== undefined) {
    if (head.update === undefined || head.stateVector === undefined)
      return { what: "the head snapshot", damaged: true };
    absorb(lattice, scanUpdate(head.update, MERGED_LIMITS));
  }
  for (const logRow of readRows(store, row, row.incarnation, head?.sequence ?? 0)) {
    if (logRow.segments === undefined) return { what: `log row ${logRow.sequence}`, damaged: true };
    for (const segment of logRow.segments) absorb(lattice, scanUpdate(segment.update, MERGED_LIMITS));
  }
  if (!equalFingerprints(lattice.fingerprint, lattice.recomputeFingerprint()))
    return problem("a fingerprint does not add up");
  if (toHex(toBytes(lattice.fingerprint)) !== toHex(row.fingerprint)) {
    const rows = toHex(toBytes(lattice.fingerprint));
    // A record that the store had to make up has no fingerprint.
    if (row.quarantined) return { what: "the document's record", damaged: true };
    return problem(`its rows give fingerprint ${rows}, its record says ${toHex(row.fingerprint)}`);
  }
  if (row.quarantined) return problem("a damaged row was set aside and is not yet repaired");
  const fence = fenceDigest(key, decodeFence(row.fence));
  const digest = digestDocument(key, row.incarnation, fence, fromBytes(row.fingerprint));
  const item = tree.itemOf(row.key);
  if (row.incarnation > 0 && (item === undefined || toHex(item) !== toHex(digest))) {
    return problem("the set tree does not agree with its record");
  }
  return undefined;
}

function problem(what: string): Problem {
  return { what, damaged: false };
}

/**
 * Checks the documents after a key, a page of them, and sets aside what is damaged so that other peers can bring it back. In one
 * transaction, which spares SQLite taking its locks for every row. Call when nothing is staged.
 */
export function checkPage(
  { store, tree, catalog }: { readonly store: Store; readonly tree: SetTree; readonly catalog: Catalog },
  after: DocumentKey | "",
  limit: number,
  now: number,
): { readonly checked: number; readonly bad: readonly string[]; readonly next: DocumentKey | "" } {
  const rows = store.listDocumentsByKey(after, limit);
  const problems = store.transaction(() => rows.map((row) => checkDocument(store, tree, catalog.key, row)));
  const bad: string[] = [];
  for (const [i, { name, quarantined }] of rows.entries()) {
    const found = problems[i];
    if (found === undefined) continue;
    // After a restart nobody may have read it, and only what was read is known to be waited for.
    if (quarantined) catalog.entry(name, now);
    if (found.damaged) catalog.rebuild(catalog.entry(name, now), found.what);
    bad.push(`${name}: ${found.what}`);
  }
  return { checked: rows.length, bad, next: rows.length < limit ? "" : (rows.at(-1)?.key ?? "") };
}
