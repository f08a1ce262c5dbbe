/** Rows to fill a store with, and a reading of everything a store holds. */
import type { ClusterId, DocumentKey, Incarnation, PeerId } from "@yarrow/protocol";
import type { DocumentRow, LogSegment, Store } from "../src/store.ts";

export function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

export function segment(text: string, source: LogSegment["source"] = "local", principal = ""): LogSegment {
  return { source, principal, update: new TextEncoder().encode(text) };
}

/** A key that depends on the name alone. */
export function keyOf(name: string): DocumentKey {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(name)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash.toString(16).padStart(16, "0") as DocumentKey;
}

export type WritableRow = DocumentRow & { readonly fence: Uint8Array };

/** Writes a document whole; to be called inside a transaction. */
export function putDocument(
  store: Store,
  name: string,
  incarnation: Incarnation,
  changes: Partial<WritableRow> = {},
): WritableRow {
  const before = store.readDocument(name) ?? store.createDocument(name, keyOf(name));
  const row = { ...before, fence: before.fence ?? bytes(), incarnation, ...changes };
  store.writeDocument(row);
  return row;
}

/** Appends a row and moves the document's marks with it, as the replica does; to be called inside a transaction. */
export function append(store: Store, name: string, incarnation: Incarnation, arrivedMs: number, text?: string): number {
  const document = (store.readDocument(name) ?? store.createDocument(name, keyOf(name))).id;
  const segments = text === undefined ? [] : [segment(text)];
  const sequence = store.appendLog({ document, incarnation, arrivedMs, segments });
  putDocument(store, name, incarnation, { lastSequence: sequence, lastArrivalMs: arrivedMs });
  return sequence;
}

/** Uses every write of the port at least once; to be called inside a transaction. `salt` tells two runs apart. */
export function writeEverything(store: Store, salt: string): void {
  const number = salt.length;
  const fence = bytes(number, 7, 7);
  const { id } = putDocument(store, "shared", 2 * number + 1, {
    fence,
    quarantined: number % 2 === 0,
    tailBytes: number,
  });
  putDocument(store, `own ${salt}`, 1, { fingerprint: new Uint8Array(16).fill(number) });
  append(store, "shared", 2 * number + 1, 1_000 * number, salt);
  append(store, `own ${salt}`, 1, 1_000 * number, salt);
  append(store, `own ${salt}`, 2, 1_000 * number + 1);
  for (const kind of ["head", "base"] as const) {
    const update = bytes(1, 2, number);
    store.writeSnapshot({ document: id, incarnation: 1, kind, sequence: number, stateVector: bytes(number), update });
  }
  store.writeCheckpoint(id, { sequence: number, lattice: bytes(9, number) });
  store.addPending(id, segment(`waits ${salt}`, "broadcast", "somebody"));
  store.writeBucket({ path: "a", items: new Uint8Array(24).fill(number) });
  store.writeBucket({ path: `b${number}`, items: new Uint8Array(48).fill(number) });
  store.writeAddress({ peerId: "ab".repeat(16) as PeerId, urls: [`ws://${salt}`], seenMs: number });
  store.writeBoot({ epoch: String(number).padStart(16, "0"), firstSequence: number, startedMs: number });
  store.writeClusterId(String(number).padStart(32, "0") as ClusterId);
  store.writeRole(number % 2 === 0 ? "writer" : "follower");
}

/** Undoes some of what `writeEverything` wrote, with every deleting call of the port; to be called inside a transaction. */
export function removeSome(store: Store): void {
  const document = store.readDocument("shared")?.id ?? 0;
  for (const row of store.readPending(document)) store.deletePending(document, row.id);
  store.clearPending(document);
  store.deleteBucket("a");
  store.deleteAddress("ab".repeat(16) as PeerId);
  store.deleteCheckpoint(document);
  store.deleteSnapshot(document, 1, "head");
  store.quarantineSnapshot(document, 1, "base");
  const [first, second] = store.readChanges(0, 2);
  if (first !== undefined) store.quarantineLog(first.sequence);
  if (second !== undefined) store.deleteLog(second.document, second.incarnation, second.sequence);
  store.sweepDead(Number.MAX_SAFE_INTEGER, 100);
}

/** Everything that can be read, but for the number of bytes, as plain values. */
export function readEverything(store: Store): unknown {
  const documents = store.listDocuments({ limit: 1_000, include: "all" });
  const { bytes: _bytes, ...counts } = store.counts();
  return plain({
    documents,
    byKey: store.listDocumentsByKey("", 1_000),
    changes: store.readChanges(0, 1_000),
    contents: documents.map(({ id, incarnation }) => ({
      checkpoint: store.readCheckpoint(id),
      log: store.readLog(id, incarnation, 0, 1_000),
      snapshots: [store.readSnapshot(id, 1, "head"), store.readSnapshot(id, 1, "base")],
      pending: store.readPending(id),
    })),
    buckets: store.listBuckets(undefined, 1_000),
    addresses: store.listAddresses(),
    boots: store.listBoots(),
    prunedThrough: store.prunedThrough(),
    ids: [store.readPeerId(), store.readClusterId()],
    counts,
  });
}

/** Bytes as text, so that a failed comparison can be read, and a Buffer is no different from a Uint8Array. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return `bytes ${[...value].join(" ")}`;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]));
}
