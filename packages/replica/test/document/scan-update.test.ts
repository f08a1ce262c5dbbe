import * as encoding from "lib0/encoding";
import { expect, test } from "vitest";
import * as Y from "yjs";
import { YarrowError, fromHex, toHex } from "@yarrow/protocol";
import { scanUpdate } from "../../src/document/scan-update.ts";
import { createRandom, editRandomly, randomSession } from "./random-edits.ts";

/** What the scan says of an update: "accepted", or its complaint. */
function verdict(bytes: Uint8Array): string {
  try {
    scanUpdate(bytes);
    return "accepted";
  } catch (error) {
    expect(error).toBeInstanceOf(YarrowError);
    expect((error as YarrowError).code).toBe("YARROW_UPDATE_INVALID");
    return (error as YarrowError).message;
  }
}

/** One struct of client 1 under root "t", without deletes. */
function updateOf(...content: readonly (number | string | Uint8Array)[]): Uint8Array {
  const encoder = encoding.createEncoder();
  for (const part of content) {
    if (typeof part === "number") encoding.writeUint8(encoder, part);
    else if (typeof part === "string") encoding.writeVarString(encoder, part);
    else encoding.writeUint8Array(encoder, part);
  }
  return Uint8Array.of(1, 1, 1, 0, ...encoding.toUint8Array(encoder), 0);
}

function nested(depth: number, open: readonly number[], close: readonly number[] = []): Uint8Array {
  return Uint8Array.from([...Array(depth).fill(open), ...Array(depth).fill(close)].flat() as number[]);
}

test.each([
  ["a count that would allocate 256 MB", "01ffffff0f0100", "more structs announced"],
  ["a V2 bomb of 20 million structs", "0000010100000100010000000541fed9c4090180dac4090000", "left over"],
  ["a delete set that is cut short", "0101090004010174014105", "more clients announced"],
  [
    "an origin that lies ahead",
    "03011400040101740143030a00040101740178840a63015904010174017a01050004010174014c00",
    "later one",
  ],
  ["what bricked and silenced a Y.Doc", "0102b91300070101780301704000c0440001780177017900", "stray bits"],
  ["a struct without length", "01010700000000", "without length"],
  ["a clock beyond all bounds", "0101070000ffffffffffffff0f00", "too large"],
  ["a client given twice", "02010900040101740141010901840900014200", "descending"],
  ["__proto__ as a key", "0101010008010161017602095f5f70726f746f5f5f760107697341646d696e7801787d0100", "__proto__"],
])("[DOC1] refuses %s", (_, hex, reason) => {
  expect(verdict(fromHex(hex))).toContain(reason);
});

test("[DOC2] a stolen clock is well-formed; whether it is ready is for the document to say", () => {
  const scanned = scanUpdate(fromHex("0101640500e30700"));
  expect(scanned.sections).toMatchObject([{ client: 100, start: 5, end: 5 + 995 }]);
  expect(scanned.implied).toEqual([{ client: 100, ranges: [5, 1000] }]);
});

test.each([
  ["an empty string", updateOf(4, 1, "t", ""), "without length"],
  ["bytes that are not UTF-8", updateOf(4, 1, "t", 2, 0xff, 0xfe), "not UTF-8"],
  ["an overlong form", updateOf(4, 1, "t", 2, 0xc0, 0x80), "not UTF-8"],
  ["half a surrogate pair", updateOf(4, 1, "t", 3, 0xed, 0xa0, 0x80), "not UTF-8"],
  ["a number not in its shortest form", updateOf(4, 1, "t", 0x81, 0x00, 0x61), "shortest form"],
  ["deep JSON", updateOf(2, 1, "t", 1, "[".repeat(65) + "]".repeat(65)), "nested deeper than 64"],
  ["JSON that is none, within the depth", updateOf(2, 1, "t", 1, "[1,]"), "not JSON"],
  ["undefined as an embed", updateOf(5, 1, "t", "undefined"), "not JSON"],
  ["deep values", updateOf(8, 1, "t", 1, nested(64, [117, 1]), 126), "nested deeper than 64"],
  ["an unknown value", updateOf(8, 1, "t", 1, 115), "unknown value"],
  ["an unknown struct", updateOf(11, 1, "t", 1), "unknown struct"],
  ["an unknown shared type", updateOf(7, 1, "t", 7), "unknown shared type"],
  ["a root named __proto__", updateOf(4, 1, "__proto__", "x"), "__proto__"],
  ["a root name of 1025 bytes", updateOf(4, 1, "n".repeat(1025), "x"), "exceeds 1024"],
  ["a parent that is neither", updateOf(4, 2, "t", "x"), "neither"],
  ["a struct in itself", updateOf(4, 0, 1, 0, "x"), "refers to itself"],
  ["GC with stray bits", updateOf(0x80, 1), "stray bits"],
  ["Skip with stray bits", updateOf(0x8a, 1), "stray bits"],
  ["a subdocument renamed by its options", updateOf(9, 1, "t", "a", 118, 1, "guid", 119, "b"), "not its owner's"],
  ["a subdocument without options", updateOf(9, 1, "t", "a", 126), "no object"],
  ["a subdocument switch that is a number", updateOf(9, 1, "t", "a", 118, 1, "gc", 125, 1), "no boolean"],
  ["a section without structs", Uint8Array.of(1, 0, 1, 0, 0), "without structs"],
  ["bytes left over", Uint8Array.of(0, 0, 0), "left over"],
  ["no bytes", Uint8Array.of(), "ends too early"],
  ["delete ranges that overlap", Uint8Array.of(0, 1, 1, 2, 0, 5, 4, 1), "overlap"],
  ["an empty delete range", Uint8Array.of(0, 1, 1, 1, 0, 0), "without length"],
  ["a client twice in the delete set", Uint8Array.of(0, 2, 1, 1, 0, 1, 1, 1, 3, 1), "twice"],
  [
    "a client id of 2^53",
    Uint8Array.of(1, 1, ...[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10], 0, 0, 1, 0),
    "too large",
  ],
])("[DOC1] refuses %s", (_, bytes, reason) => {
  expect(verdict(bytes)).toContain(reason);
});

test.each([
  ["nothing at all", Uint8Array.of(0, 0)],
  ["JSON nested 64 deep", updateOf(2, 1, "t", 1, "[".repeat(64) + "]".repeat(64))],
  ["brackets within a JSON string", updateOf(2, 1, "t", 1, JSON.stringify(`\\"${"[".repeat(99)}`))],
  ["values nested 64 deep", updateOf(8, 1, "t", 1, nested(63, [117, 1]), 126)],
  ["undefined among JSON values", updateOf(2, 1, "t", 1, "undefined")],
  ["__proto__ as the key of a map", updateOf(0x28, 1, "t", "__proto__", 1, 126)],
  ["clients of the delete set in any order", Uint8Array.of(0, 2, 1, 1, 0, 1, 7, 1, 3, 1)],
  ["delete ranges that touch", Uint8Array.of(0, 1, 1, 2, 0, 5, 5, 1)],
  ["the largest client id", Uint8Array.of(1, 1, ...[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f], 0, 0, 1, 0)],
])("[DOC1] accepts %s", (_, bytes) => {
  expect(verdict(bytes)).toBe("accepted");
});

test("[DOC3] an update larger than a document may be is refused by its size", () => {
  expect(() => scanUpdate(new Uint8Array(11), { bytesMax: 10, clientsMax: 1 })).toThrow(
    expect.objectContaining({ code: "YARROW_UPDATE_TOO_LARGE" }),
  );
});

test("[DOC3] more clients than the limit are refused", () => {
  const update = Uint8Array.of(0, 2, 1, 1, 0, 1, 7, 1, 3, 1);
  expect(() => scanUpdate(update, { bytesMax: 100, clientsMax: 1 })).toThrow("2 clients exceed 1");
});

test("[DOC1] strings are measured in UTF-16 units, as Yjs counts them", () => {
  const doc = new Y.Doc();
  doc.clientID = 7;
  doc.getText("t").insert(0, "aé日😀");
  expect(scanUpdate(Y.encodeStateAsUpdate(doc)).sections[0]?.end).toBe(5);
});

test("[DOC4] an update's parts are found where they are", () => {
  const doc = new Y.Doc();
  doc.clientID = 2 ** 45;
  doc.getText("t").insert(0, "hello");
  doc.getText("t").delete(1, 2);
  const bytes = Y.encodeStateAsUpdate(doc);
  const scanned = scanUpdate(bytes);
  expect(scanned.sections).toMatchObject([{ client: 2 ** 45, start: 0, end: 5, structs: 3 }]);
  expect(scanned.deletes).toEqual([{ client: 2 ** 45, ranges: [1, 3] }]);
  expect(scanned.implied).toEqual([{ client: 2 ** 45, ranges: [1, 3] }]);
  const deleteSet = bytes.subarray(scanned.deleteSetOffset);
  expect(scanUpdate(Uint8Array.of(0, ...deleteSet)).deletes).toEqual(scanned.deletes);
});

test("[DOC5] genuine updates of every kind are accepted, by one client or many, whole, in part, merged or with gaps", () => {
  let checked = 0;
  const accept = (bytes: Uint8Array, seed: number) => {
    expect(`${seed} ${verdict(bytes)}`).toBe(`${seed} accepted`);
    checked++;
  };
  for (let seed = 1; seed <= 40; seed++) {
    const random = createRandom(seed);
    const { docs, updates } = randomSession(random, 3, 40);
    for (const update of updates) accept(update, seed);
    for (const doc of docs) accept(Y.encodeStateAsUpdate(doc), seed);
    accept(Y.encodeStateAsUpdate(docs[0]!, Y.encodeStateVector(docs[1]!)), seed);
    // Some updates lost: merging leaves Skips, and a document that waits writes them too.
    const some = updates.filter(() => random.chance(0.5));
    if (some.length > 1) accept(Y.mergeUpdates(some), seed);
    const waiting = new Y.Doc();
    for (const update of some) Y.applyUpdate(waiting, update);
    accept(Y.encodeStateAsUpdate(waiting), seed);
  }
  expect(checked).toBeGreaterThan(1500);
});

test("[DOC6] what the scan accepts of damaged updates, Yjs applies, merges and encodes without a throw", () => {
  const random = createRandom(77);
  const corpus: Uint8Array[] = [];
  for (let index = 0; index < 12; index++) corpus.push(...randomSession(random, 2, 20).updates);
  let accepted = 0;
  for (let round = 0; round < 40_000; round++) {
    const base = random.pick(corpus);
    const mutant = mutate(base, corpus, random);
    if (verdict(mutant) !== "accepted") continue;
    accepted++;
    const name = toHex(mutant);
    try {
      const doc = new Y.Doc();
      let events = 0;
      doc.on("update", () => events++);
      if (random.chance(0.5)) Y.applyUpdate(doc, base);
      Y.applyUpdate(doc, mutant);
      Y.encodeStateAsUpdate(doc);
      Y.mergeUpdates([mutant, base]);
      events = 0;
      editRandomly(doc, random);
      doc.getMap("probe").set("a", 1);
      expect(events).toBeGreaterThan(0);
    } catch (error) {
      throw new Error(`update ${name}`, { cause: error });
    }
  }
  // The test says nothing unless mutants get through.
  expect(accepted).toBeGreaterThan(500);
});

const INTERESTING = [0, 1, 2, 3, 4, 10, 31, 63, 64, 68, 100, 117, 118, 127, 128, 132, 192, 255];

function mutate(
  update: Uint8Array,
  corpus: readonly Uint8Array[],
  random: ReturnType<typeof createRandom>,
): Uint8Array {
  const bytes = [...update];
  for (let count = 1 + random.below(3); count > 0 && bytes.length > 0; count--) {
    const at = random.below(bytes.length);
    const shape = random.below(6);
    if (shape === 0) bytes[at] = bytes[at]! ^ (1 << random.below(8));
    else if (shape === 1) bytes[at] = random.pick(INTERESTING);
    else if (shape === 2) bytes.splice(at, 1 + random.below(3));
    else if (shape === 3) bytes.splice(at, 0, random.pick(INTERESTING));
    else if (shape === 4) {
      const other = random.pick(corpus);
      const from = random.below(other.length);
      bytes.splice(at, random.below(8), ...other.subarray(from, from + random.below(12)));
    } else bytes.splice(at, 1, 255, 255, 255, 255, random.pick([15, 127]));
  }
  return Uint8Array.from(bytes);
}
