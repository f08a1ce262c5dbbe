/**
 * What a store holds, read apart from any replica that runs on it: for simulations and checks, which must not trust the
 * memory they look at, nor warm its caches.
 */
import type { ClusterId, DocumentKey } from "@yarrow/protocol";
import { toHex } from "@yarrow/protocol";
import type { Entry } from "../catalog/entry.ts";
import { loadEntry, readRows } from "../catalog/entry-loader.ts";
import { absorb } from "../document/absorb.ts";
import type { Contribution } from "../document/contribution.ts";
import { decodeFence, fenceDigest } from "../document/fence.ts";
import type { Fingerprint, FingerprintKey } from "../document/fingerprint.ts";
import { createFingerprint, createFingerprintKey, digestDocument } from "../document/fingerprint.ts";
import { fromBytes, sumContribution, toBytes } from "../document/fingerprint.ts";
import { Lattice } from "../document/lattice.ts";
import { scanUpdate } from "../document/scan-update.ts";
import { MERGED_LIMITS } from "../document/update-limits.ts";
import { SetTree } from "../set-tree/set-tree.ts";
import type { DocumentRow, Store } from "../store.ts";
import { checkDocument } from "./local-check.ts";

/** Records read at a time. */
const PAGE = 1_024;

export interface InspectedDocument {
  readonly row: DocumentRow;
  readonly fence: ReadonlySet<number>;
  /** Clocks reached and ranges deleted. */
  readonly clocks: Contribution["clocks"];
  readonly deletes: Contribution["deletes"];
  readonly pendingBytes: number;
  /** Bytes of those pending updates of which something could be taken in: 0, unless the replica has overlooked them. */
  readonly readyBytes: () => number;
  /** What could not be read, for people. */
  readonly damage: string | undefined;
  /** Yjs updates, encoding V1, oldest first: everything stored of the living incarnation. */
  readonly parts: () => Uint8Array[];
  /** As at the end of a Yjs update. */
  readonly deleteSet: () => Uint8Array;
  /** True when this document holds all of that. */
  readonly covers: (contribution: Contribution) => boolean;
}

/** Reads one store. Never writes; what it says is of the moment in which it is asked. */
export class Inspector {
  readonly #store: Store;
  readonly #key: FingerprintKey;

  constructor(store: Store, clusterId: ClusterId) {
    this.#store = store;
    this.#key = createFingerprintKey(clusterId);
  }

  /** Undefined when nothing of that name was ever written. */
  document(name: string): InspectedDocument | undefined {
    const { entry, damage } = loadEntry(this.#store, this.#key, name);
    const { row, lattice } = entry;
    if (row === undefined) return undefined;
    return {
      row,
      fence: entry.fence,
      clocks: lattice.stateVector,
      deletes: lattice.deletes,
      pendingBytes: entry.pendingBytes,
      readyBytes: () => readyBytes(entry, this.#key),
      damage,
      parts: () => storedParts(this.#store, row),
      deleteSet: () => lattice.encodeDeleteSet(),
      covers: (contribution) => lattice.covers(contribution),
    };
  }

  /** Everything in which records, checkpoints, the set tree and the rows they follow from disagree. Reads every row. */
  complaints(): string[] {
    const complaints: string[] = [];
    const tree = new SetTree(this.#store, this.#key, Number.MAX_SAFE_INTEGER);
    for (const row of this.#rows()) {
      const { lattice } = loadEntry(this.#store, this.#key, row.name).entry;
      if (toHex(toBytes(lattice.recomputeFingerprint())) !== toHex(row.fingerprint)) {
        complaints.push(`${row.name}: its checkpoint and the rows after it do not give the fingerprint of its record`);
      }
      const problem = checkDocument(this.#store, tree, this.#key, row);
      if (problem !== undefined) complaints.push(`${row.name}: ${problem.what}`);
    }
    return complaints;
  }

  /** The fingerprint of the set, 16 bytes, summed from the records of its documents and not from the tree. */
  sum(): Uint8Array {
    const sum: Fingerprint = createFingerprint();
    for (const row of this.#rows()) {
      if (row.incarnation === 0 || row.fence === undefined) continue;
      const fence = fenceDigest(this.#key, decodeFence(row.fence));
      const digest = digestDocument(this.#key, row.incarnation, fence, fromBytes(row.fingerprint));
      const contribution = sumContribution(this.#key, row.key, digest);
      for (let lane = 0; lane < sum.length; lane++) sum[lane] = (sum[lane] as number) + (contribution[lane] as number);
    }
    return toBytes(sum);
  }

  *#rows(): Iterable<DocumentRow> {
    let after: DocumentKey | "" = "";
    for (;;) {
      const page = this.#store.listDocumentsByKey(after, PAGE);
      yield* page;
      if (page.length < PAGE) return;
      after = page[page.length - 1]!.key;
    }
  }
}

function readyBytes({ lattice, pending }: Entry, key: FingerprintKey): number {
  let bytes = 0;
  for (const { segment } of pending) {
    const copy = Lattice.decode(lattice.encode(), key);
    const { accepted, remainder } = absorb(copy, scanUpdate(segment.update, MERGED_LIMITS));
    if (accepted !== undefined || remainder === undefined) bytes += segment.update.length;
  }
  return bytes;
}

function storedParts(store: Store, row: DocumentRow): Uint8Array[] {
  const head = row.headBytes === 0 ? undefined : store.readSnapshot(row.id, row.incarnation, "head");
  const parts = head?.update === undefined ? [] : [head.update];
  for (const { segments } of readRows(store, row, row.incarnation, head?.sequence ?? 0)) {
    for (const { update } of segments ?? []) parts.push(update);
  }
  return parts;
}
