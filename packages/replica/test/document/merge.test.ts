import { expect, test } from "vitest";
import * as Y from "yjs";
import { toHex } from "@yarrow/protocol";
import { absorb } from "../../src/document/absorb.ts";
import { contentDigest } from "../../src/document/content-digest.ts";
import { doWork } from "../../src/document/do-work.ts";
import { createFingerprintKey } from "../../src/document/fingerprint.ts";
import { clusterIdOf } from "../../src/document/keys.ts";
import { Lattice } from "../../src/document/lattice.ts";
import { encodeStateVector } from "../../src/document/state-vector.ts";
import { EMPTY_UPDATE, encodeDifference, mergeUpdates } from "../../src/document/merge.ts";
import { scanUpdate } from "../../src/document/scan-update.ts";
import { createRandom, randomSession, visibleContent } from "./random-edits.ts";

const KEY = createFingerprintKey(clusterIdOf("test"));
const NO_DELETES = Uint8Array.of(0);

function latticeOf(parts: readonly Uint8Array[]): Lattice {
  const lattice = new Lattice(KEY);
  for (const part of parts) expect(absorb(lattice, scanUpdate(part)).remainder).toBeUndefined();
  return lattice;
}

/** A session's updates in the order made, which is an order in which all are ready. */
function logOf(seed: number): { readonly parts: readonly Uint8Array[]; readonly lattice: Lattice } {
  const { updates } = randomSession(createRandom(seed), 3, 25);
  return { parts: updates, lattice: latticeOf(updates) };
}

test("[DOC18] no parts make an empty update, and one part is returned as it is", () => {
  expect(mergeUpdates([])).toBe(EMPTY_UPDATE);
  const part = Uint8Array.of(0, 1, 1, 1, 0, 1);
  expect(mergeUpdates([part])).toBe(part);
});

test("[DOC18] thousands of parts merge into one that says the same, in time that grows with their number", () => {
  const doc = new Y.Doc();
  const parts: Uint8Array[] = [];
  doc.on("update", (update: Uint8Array) => parts.push(update));
  for (let index = 0; index < 5000; index++) doc.getText("t").insert(index % 7, "x");
  const startedMs = performance.now();
  const merged = mergeUpdates(parts);
  expect(performance.now() - startedMs).toBeLessThan(2000);
  expect(latticeOf([merged]).encode()).toEqual(latticeOf(parts).encode());
});

test("[DOC19] the difference between equals is two zero bytes", () => {
  const { parts, lattice } = logOf(1);
  expect(encodeDifference(parts, lattice.encodeStateVector(), NO_DELETES)).toEqual(EMPTY_UPDATE);
});

test("[DOC19] a difference carries the delete set it is given, not that of its parts", () => {
  const { parts, lattice } = logOf(2);
  const deleteSet = Uint8Array.of(1, 9, 1, 3, 4);
  for (const clocks of [new Map<number, number>(), new Map(lattice.stateVector)]) {
    const update = encodeDifference(parts, encodeStateVector(clocks), deleteSet);
    expect(scanUpdate(update).deletes).toEqual([{ client: 9, ranges: [3, 7] }]);
  }
});

test("[DOC19] a document at any state vector and the difference make the whole document", () => {
  let cutStructs = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const random = createRandom(seed * 7);
    const { parts } = logOf(seed * 7);
    // What somebody holds who took part of the log, some clients' structs in large pieces.
    const held = parts.slice(0, random.below(parts.length));
    const other = new Lattice(KEY);
    for (const part of held) absorb(other, scanUpdate(part));
    for (const stored of [parts, [mergeUpdates(parts)], [Y.encodeStateAsUpdate(docOf(parts))]]) {
      // Integrating deletes more than the log says; a store of integrated state has it in its lattice.
      const lattice = latticeOf([...parts, ...stored]);
      const whole = contentDigest([...parts, ...stored], lattice.encodeDeleteSet());
      const update = encodeDifference(stored, other.encodeStateVector(), lattice.encodeDeleteSet());
      for (const { client, start } of scanUpdate(update).sections) {
        expect(start, `seed ${seed}`).toBe(other.stateVector.get(client) ?? 0);
        if (start > 0) cutStructs++;
      }
      const joined = latticeOf([...held, update]);
      expect(joined.encode(), `seed ${seed}`).toEqual(lattice.encode());
      expect(contentDigest([...held, update], joined.encodeDeleteSet()), `seed ${seed}`).toBe(whole);
      expect(visibleContent(docOf([...held, update])), `seed ${seed}`).toEqual(visibleContent(docOf(parts)));
    }
  }
  expect(cutStructs).toBeGreaterThan(50);
});

function docOf(parts: readonly Uint8Array[]): Y.Doc {
  const doc = new Y.Doc();
  for (const part of parts) Y.applyUpdate(doc, part);
  return doc;
}

test("[DOC19] every clock of a struct can be where the difference begins", () => {
  const doc = new Y.Doc();
  doc.clientID = 3;
  doc.getText("t").insert(0, "abcdef");
  doc.getArray("a").push([1, "two", { three: 3 }]);
  doc.getText("t").delete(1, 2);
  const parts = [Y.encodeStateAsUpdate(doc)];
  const lattice = latticeOf(parts);
  for (let clock = 0; clock <= lattice.stateVector.get(3)!; clock++) {
    const update = encodeDifference(parts, encodeStateVector(new Map([[3, clock]])), lattice.encodeDeleteSet());
    expect(toHex(update)).toBe(toHex(Y.diffUpdate(parts[0]!, encodeStateVector(new Map([[3, clock]])))));
  }
});

test("[DOC20] compaction keeps the state vector, the delete set and the content, and never adds a delete", () => {
  let smaller = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const { parts, lattice } = logOf(seed * 13);
    const deleteSet = lattice.encodeDeleteSet();
    const result = doWork({ kind: "compact", parts, deleteSet });
    if (result.kind !== "compact") throw new Error(`seed ${seed}: ${JSON.stringify(result)}`);
    expect(latticeOf([result.snapshot]).encode(), `seed ${seed}`).toEqual(lattice.encode());
    expect(contentDigest([result.snapshot], deleteSet), `seed ${seed}`).toBe(contentDigest(parts, deleteSet));
    if (result.snapshot.length < mergeUpdates(parts).length) smaller++;
  }
  expect(smaller).toBeGreaterThan(30);
});

test("[DOC20] compaction gives back what deleted text took, and joins what was typed", () => {
  const doc = new Y.Doc();
  const parts: Uint8Array[] = [];
  doc.on("update", (update: Uint8Array) => parts.push(update));
  for (let index = 0; index < 500; index++) doc.getText("t").insert(index, "x");
  doc.getText("t").insert(0, "y".repeat(10_000));
  doc.getText("t").delete(0, 10_000);
  const result = doWork({ kind: "compact", parts, deleteSet: latticeOf(parts).encodeDeleteSet() });
  expect(result).toMatchObject({ kind: "compact" });
  if (result.kind === "compact") expect(result.snapshot.length).toBeLessThan(600);
});

test("[DOC20] the loser of concurrent map writes is kept, because no delete set names it", () => {
  const parts = [1, 2].map((client) => {
    const doc = new Y.Doc();
    doc.clientID = client;
    doc.getMap("m").set("k", `of ${client}`);
    return Y.encodeStateAsUpdate(doc);
  });
  const result = doWork({ kind: "compact", parts, deleteSet: NO_DELETES });
  if (result.kind !== "compact") throw new Error("not compacted");
  expect(scanUpdate(result.snapshot).implied).toEqual([]);
  expect(latticeOf([result.snapshot]).encode()).toEqual(latticeOf(parts).encode());
});

test("[DOC20] work that cannot be done says so and does not throw", () => {
  const broken = Uint8Array.of(1, 2, 3);
  expect(doWork({ kind: "compact", parts: [broken], deleteSet: NO_DELETES })).toMatchObject({ kind: "failed" });
  expect(doWork({ kind: "encode", parts: [broken], stateVector: NO_DELETES, deleteSet: NO_DELETES })).toMatchObject({
    kind: "failed",
  });
  expect(doWork({ kind: "digest", documents: [{ parts: [broken], deleteSet: NO_DELETES }] })).toEqual({
    kind: "digest",
    digests: [""],
  });
});

test("[DOC19] the work `encode` is the difference", () => {
  const { parts, lattice } = logOf(3);
  const deleteSet = lattice.encodeDeleteSet();
  expect(doWork({ kind: "encode", parts, stateVector: NO_DELETES, deleteSet })).toEqual({
    kind: "encode",
    update: encodeDifference(parts, NO_DELETES, deleteSet),
  });
});
