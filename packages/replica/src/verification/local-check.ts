/** Checks one document against its own rows: what memory and the set tree say of it must follow from what the disk holds. */
import { toHex } from "@yarrow/protocol";
import { absorb } from "../document/absorb.ts";
import { equalFingerprints, toBytes } from "../document/fingerprint.ts";
import type { FingerprintKey } from "../document/fingerprint.ts";
import { Lattice } from "../document/lattice.ts";
import { scanUpdate } from "../document/scan-update.ts";
import { readRows } from "../catalog/entry-loader.ts";
import type { Entry } from "../catalog/entry.ts";
import type { SetTree } from "../set-tree/set-tree.ts";
import type { Store } from "../store.ts";

/** Returns what is wrong, or undefined. Reads every row of the living incarnation; call when nothing is staged. */
export function checkDocument(store: Store, tree: SetTree, key: FingerprintKey, entry: Entry): string | undefined {
  const { row } = entry;
  if (row === undefined) return undefined;
  if (row.quarantined) return "a damaged row was set aside and is not yet repaired";
  const lattice = new Lattice(key);
  const head = store.readSnapshot(row.id, entry.incarnation, "head");
  if (head !== undefined) {
    if (head.update === undefined || head.stateVector === undefined) return "the head snapshot is damaged";
    absorb(lattice, scanUpdate(head.update));
  }
  for (const logRow of readRows(store, row, entry.incarnation, head?.sequence ?? 0)) {
    if (logRow.segments === undefined) return `log row ${logRow.sequence} is damaged`;
    for (const segment of logRow.segments) absorb(lattice, scanUpdate(segment.update));
  }
  if (!equalFingerprints(lattice.fingerprint, lattice.recomputeFingerprint())) return "a fingerprint does not add up";
  if (toHex(toBytes(lattice.fingerprint)) !== toHex(row.fingerprint)) {
    return `its rows give fingerprint ${toHex(toBytes(lattice.fingerprint))}, its record says ${toHex(row.fingerprint)}`;
  }
  const digest = entry.digest(key);
  const item = tree.itemOf(entry.key);
  if (digest !== undefined && (item === undefined || toHex(item) !== toHex(digest))) {
    return "the set tree does not agree with its record";
  }
  return undefined;
}
