/**
 * What a store holds, read apart from any replica that runs on it: for simulations and checks, which must not trust the
 * memory they look at, nor warm its caches.
 */
import type { ClusterId } from "@yarrow/protocol";
import { toHex } from "@yarrow/protocol";
import type { Entry } from "../catalog/entry.ts";
import { loadEntry, readRows } from "../catalog/entry-loader.ts";
import type { Contribution } from "../document/contribution.ts";
import type { Fingerprint, FingerprintKey } from "../document/fingerprint.ts";
import { createFingerprint, createFingerprintKey, sumContribution, toBytes } from "../document/fingerprint.ts";
import { SetTree } from "../set-tree/set-tree.ts";
import type { DocumentRow, Store } from "../store.ts";
import { checkDocument } from "./local-check.ts";

export interface InspectedDocument {
  readonly row: DocumentRow;
  readonly fence: ReadonlySet<number>;
  /** Clocks reached and ranges deleted. */
  readonly clocks: Contribution["clocks"];
  readonly deletes: Contribution["deletes"];
  readonly pendingBytes: number;
  /** Undefined when what the rows say and what their record and the set tree say agree. */
  readonly complaint: string | undefined;
  /** Yjs updates, encoding V1, oldest first: everything stored of the living incarnation. */
  readonly parts: () => Uint8Array[];
  /** As at the end of a Yjs update. */
  readonly deleteSet: () => Uint8Array;
  /** True when this document holds all of that. */
  readonly covers: (contribution: Contribution) => boolean;
}

/** Undefined when nothing of that name was ever written. Reads every row of the document where `thorough`. Never writes. */
export function inspectDocument(
  store: Store,
  clusterId: ClusterId,
  name: string,
  thorough = false,
): InspectedDocument | undefined {
  const key = createFingerprintKey(clusterId);
  const { entry, damage } = loadEntry(store, key, name);
  const { row, lattice } = entry;
  if (row === undefined) return undefined;
  return {
    row,
    fence: entry.fence,
    clocks: lattice.stateVector,
    deletes: lattice.deletes,
    pendingBytes: entry.pendingBytes,
    complaint: damage ?? (thorough ? complain(store, key, entry, row) : undefined),
    parts: () => storedParts(store, entry, row),
    deleteSet: () => lattice.encodeDeleteSet(),
    covers: (contribution) => lattice.covers(contribution),
  };
}

/** The fingerprint of the set, 16 bytes, summed from the records of its documents and not from the tree. */
export function sumDocuments(store: Store, clusterId: ClusterId): Uint8Array {
  const key = createFingerprintKey(clusterId);
  const sum: Fingerprint = createFingerprint();
  for (const { name } of store.listDocuments({ limit: Number.MAX_SAFE_INTEGER, include: "all" })) {
    const { entry } = loadEntry(store, key, name);
    const digest = entry.digest(key);
    if (digest === undefined) continue;
    const contribution = sumContribution(key, entry.key, digest);
    for (const [lane, value] of contribution.entries()) sum[lane] = (sum[lane] as number) + value;
  }
  return toBytes(sum);
}

function complain(store: Store, key: FingerprintKey, { lattice }: Entry, row: DocumentRow): string | undefined {
  if (toHex(toBytes(lattice.recomputeFingerprint())) !== toHex(row.fingerprint)) {
    return "its checkpoint and the rows after it do not give the fingerprint of its record";
  }
  return checkDocument(store, new SetTree(store, key, Number.MAX_SAFE_INTEGER), key, row)?.what;
}

function storedParts(store: Store, { incarnation }: Entry, row: DocumentRow): Uint8Array[] {
  const head = row.headBytes === 0 ? undefined : store.readSnapshot(row.id, incarnation, "head");
  const parts = head?.update === undefined ? [] : [head.update];
  for (const { segments } of readRows(store, row, incarnation, head?.sequence ?? 0)) {
    for (const { update } of segments ?? []) parts.push(update);
  }
  return parts;
}
