import { expect, test } from "vitest";
import * as Y from "yjs";
import { fromHex, toHex } from "@yarrow/protocol";
import { absorb, type Absorbed } from "../../src/document/absorb.ts";
import { createFingerprintKey, equalFingerprints } from "../../src/document/fingerprint.ts";
import { clusterIdOf } from "../../src/document/keys.ts";
import { Lattice } from "../../src/document/lattice.ts";
import { scanUpdate } from "../../src/document/scan-update.ts";
import { createRandom, randomSession, visibleContent, type Random } from "./random-edits.ts";

const KEY = createFingerprintKey(clusterIdOf("test"));

/** Absorbs one update and checks what must hold of every answer. */
function take(lattice: Lattice, update: Uint8Array): Absorbed {
  const before = lattice.encode();
  const result = absorb(lattice, scanUpdate(update));
  expect(equalFingerprints(lattice.fingerprint, lattice.recomputeFingerprint())).toBe(true);
  expect(result.advanced).toBe(toHex(before) !== toHex(lattice.encode()));
  expect(result.accepted === undefined).toBe(!result.advanced);
  expect(lattice.covers(result.contribution)).toBe(true);
  if (result.accepted !== undefined) {
    const accepted = scanUpdate(result.accepted);
    for (const { client, ranges } of accepted.implied) {
      const named = accepted.deletes.find((deletes) => deletes.client === client)?.ranges ?? [];
      expect(covers(named, ranges)).toBe(true);
    }
    // Alone, over what was there before, it leads to the same lattice.
    const replayed = Lattice.decode(before, KEY);
    const again = absorb(replayed, scanUpdate(result.accepted));
    expect(toHex(replayed.encode())).toBe(toHex(lattice.encode()));
    expect(again.remainder).toBeUndefined();
  }
  if (result.remainder !== undefined) {
    // Nothing of what waits is ready.
    const again = absorb(lattice, scanUpdate(result.remainder));
    expect(again.advanced).toBe(false);
    expect(toHex(again.remainder!)).toBe(toHex(result.remainder));
  }
  return result;
}

function covers(outer: readonly number[], inner: readonly number[]): boolean {
  const clocks = new Set<number>();
  for (let index = 0; index < outer.length; index += 2) {
    for (let clock = outer[index]!; clock < outer[index + 1]!; clock++) clocks.add(clock);
  }
  for (let index = 0; index < inner.length; index += 2) {
    for (let clock = inner[index]!; clock < inner[index + 1]!; clock++) if (!clocks.has(clock)) return false;
  }
  return true;
}

function takeAll(updates: readonly Uint8Array[]): Lattice {
  const lattice = new Lattice(KEY);
  for (const update of updates) take(lattice, update);
  return lattice;
}

/** Absorbs updates and keeps remainders until they are ready, as a replica does. */
class Store {
  readonly lattice = new Lattice(KEY);
  readonly log: Uint8Array[] = [];
  pending: Uint8Array[] = [];

  receive(update: Uint8Array): void {
    const { accepted, remainder } = take(this.lattice, update);
    if (accepted !== undefined) this.log.push(accepted);
    if (remainder !== undefined) this.pending.push(remainder);
    if (accepted === undefined || this.pending.length === 0) return;
    const waiting = this.pending;
    this.pending = [];
    for (const one of waiting) this.receive(one);
  }

  doc(): Y.Doc {
    const doc = new Y.Doc();
    for (const update of this.log) Y.applyUpdate(doc, update);
    expect(doc.store.pendingStructs).toBeNull();
    expect(doc.store.pendingDs).toBeNull();
    return doc;
  }
}

function typed(client: number, ...words: readonly string[]): { readonly doc: Y.Doc; readonly updates: Uint8Array[] } {
  const doc = new Y.Doc();
  doc.clientID = client;
  const updates: Uint8Array[] = [];
  doc.on("update", (update: Uint8Array) => updates.push(update));
  for (const word of words) doc.getText("t").insert(doc.getText("t").length, word);
  return { doc, updates };
}

test("[DOC12] an update that is ready is accepted as it came, not copied", () => {
  const { updates } = typed(1, "a", "b");
  const lattice = new Lattice(KEY);
  expect(take(lattice, updates[0]!).accepted).toBe(updates[0]);
  expect(take(lattice, updates[1]!)).toMatchObject({ accepted: updates[1], remainder: undefined, advanced: true });
  expect(lattice.stateVector).toEqual(new Map([[1, 2]]));
});

test("[DOC13] an update that brings nothing new is not accepted again, but counts as covered", () => {
  const { updates } = typed(1, "a");
  const lattice = new Lattice(KEY);
  take(lattice, updates[0]!);
  const again = take(lattice, updates[0]!);
  expect(again).toMatchObject({ accepted: undefined, remainder: undefined, advanced: false });
  expect(again.contribution.clocks).toEqual(new Map([[1, 1]]));
});

test("[PEND1] an update whose clock lies ahead waits whole", () => {
  const { updates } = typed(1, "a", "b");
  const lattice = new Lattice(KEY);
  const { accepted, remainder } = take(lattice, updates[1]!);
  expect(accepted).toBeUndefined();
  expect(toHex(remainder!)).toBe(toHex(updates[1]!));
  expect(lattice.stateVector.size).toBe(0);
});

test("[PEND1] a stolen clock waits until its owner stands there, and is then accepted with its deletes made explicit", () => {
  const theft = fromHex("0101640500e30700");
  const lattice = new Lattice(KEY);
  expect(take(lattice, theft).remainder).toEqual(theft);
  take(lattice, typed(100, "12345").updates[0]!);
  const { accepted } = take(lattice, theft);
  expect(scanUpdate(accepted!).deletes).toEqual([{ client: 100, ranges: [5, 1000] }]);
});

test("[PEND2] of an update that is ready in part, the largest part is accepted", () => {
  const first = typed(1, "abc");
  const second = new Y.Doc();
  second.clientID = 2;
  Y.applyUpdate(second, first.updates[0]!);
  second.getText("u").insert(0, "free");
  second.getText("t").insert(1, "X"); // between characters of client 1
  const update = Y.encodeStateAsUpdate(second, Y.encodeStateVector(first.doc));
  const lattice = new Lattice(KEY);
  const { accepted, remainder } = take(lattice, update);
  expect(scanUpdate(accepted!).sections).toMatchObject([{ client: 2, start: 0, end: 4 }]);
  expect(scanUpdate(remainder!).sections).toMatchObject([{ client: 2, start: 4, end: 5 }]);
  take(lattice, first.updates[0]!);
  expect(take(lattice, remainder!).accepted).toBe(remainder);
});

test("[PEND3] clients that need each other by turns are accepted whole, in whatever order they stand", () => {
  const left = typed(1);
  const right = typed(2);
  for (let turn = 0; turn < 50; turn++) {
    const [writer, reader] = turn % 2 === 0 ? [left, right] : [right, left];
    writer.doc.getText("t").insert(Math.floor(writer.doc.getText("t").length / 2), "x");
    Y.applyUpdate(reader.doc, writer.updates.at(-1)!);
  }
  const whole = Y.encodeStateAsUpdate(left.doc);
  expect(take(new Lattice(KEY), whole)).toMatchObject({ accepted: whole, remainder: undefined });
});

test("[PEND3] two structs that each need the other wait for good, and hold up only what follows them", () => {
  // Client 2: GC of 1, then "x" behind client 1's clock 1. Client 1: GC of 1, then "y" behind client 2's clock 1.
  const update = Uint8Array.of(2, 2, 2, 0, 0, 1, 0x84, 1, 1, 1, 0x78, 2, 1, 0, 0, 1, 0x84, 2, 1, 1, 0x79, 0);
  const lattice = new Lattice(KEY);
  const { remainder } = take(lattice, update);
  expect(lattice.stateVector).toEqual(
    new Map([
      [1, 1],
      [2, 1],
    ]),
  );
  expect(scanUpdate(remainder!).sections).toMatchObject([
    { client: 2, start: 1 },
    { client: 1, start: 1 },
  ]);
});

test("[PEND4] deletes of what is not there yet wait", () => {
  const { doc, updates } = typed(1, "abcdef");
  doc.getText("t").delete(2, 3);
  const lattice = new Lattice(KEY);
  const ahead = take(lattice, updates[1]!);
  expect(ahead.accepted).toBeUndefined();
  take(lattice, updates[0]!);
  expect(take(lattice, ahead.remainder!).advanced).toBe(true);
  expect(lattice.deletes.get(1)?.view()).toEqual([2, 5]);
});

test("[PEND4] a delete that reaches beyond what is there is divided", () => {
  const { updates } = typed(1, "abc");
  const lattice = new Lattice(KEY);
  take(lattice, updates[0]!);
  const { accepted, remainder } = take(lattice, Uint8Array.of(0, 1, 1, 1, 1, 9));
  expect(scanUpdate(accepted!).deletes).toEqual([{ client: 1, ranges: [1, 3] }]);
  expect(scanUpdate(remainder!).deletes).toEqual([{ client: 1, ranges: [3, 10] }]);
});

test("[DOC14] GC and deleted content are written into the delete set of what is accepted", () => {
  const { doc } = typed(1, "abcdef");
  doc.getText("t").delete(2, 3);
  const whole = Y.encodeStateAsUpdate(doc);
  const bare = Uint8Array.of(...whole.subarray(0, scanUpdate(whole).deleteSetOffset), 0);
  const { accepted } = take(new Lattice(KEY), bare);
  expect(toHex(accepted!)).toBe(toHex(whole));
});

test("[DOC25] of a large delete set that is mostly known, only what is new or implied is passed on", () => {
  const { doc, updates } = typed(1, "x".repeat(1000));
  for (let index = 0; index < 400; index++) doc.getText("t").delete(index, 1);
  const lattice = new Lattice(KEY);
  for (const update of updates) take(lattice, update);
  const stateVector = lattice.encodeStateVector();
  doc.getText("t").insert(0, "new");
  doc.getText("t").insert(0, "gone");
  doc.getText("t").delete(0, 4);
  doc.getText("t").delete(500, 1);
  const update = Y.encodeStateAsUpdate(doc, stateVector);
  const { accepted } = take(lattice, update);
  expect(update.length).toBeGreaterThan(1000);
  expect(accepted!.length).toBeLessThan(60);
  expect(scanUpdate(accepted!).deletes[0]!.ranges.slice(2)).toEqual([1003, 1007]);
  expect(lattice.encode()).toEqual(takeAll([Y.encodeStateAsUpdate(doc)]).encode());
});

test("[PEND5] a Skip over what is there is harmless, and one over what is not holds up what follows", () => {
  const { updates } = typed(1, "a", "b", "c");
  const gap = Y.mergeUpdates([updates[0]!, updates[2]!]);
  const lattice = new Lattice(KEY);
  const { accepted, remainder } = take(lattice, gap);
  expect(scanUpdate(accepted!).sections).toMatchObject([{ client: 1, start: 0, end: 1, structs: 1 }]);
  expect(scanUpdate(remainder!).sections).toMatchObject([{ client: 1, start: 2, end: 3, structs: 1 }]);
  take(lattice, updates[1]!);
  const again = take(lattice, gap);
  expect(scanUpdate(again.accepted!).sections).toMatchObject([{ client: 1, start: 2, end: 3, structs: 1 }]);
  expect(again.remainder).toBeUndefined();
});

test("[PEND6] structs that are known, but refer to what is not, are left out and hold up nothing", () => {
  const lattice = new Lattice(KEY);
  take(lattice, Uint8Array.of(2, 1, 3, 0, 0, 1, 1, 2, 0, 0, 1, 0)); // one GC struct each of clients 3 and 2
  // Client 2 again: "X" behind client 1, who is not here, and then "y" behind client 3.
  const update = Uint8Array.of(1, 2, 2, 0, 0x84, 1, 0, 1, 0x58, 0x84, 3, 0, 1, 0x79, 0);
  const { accepted, remainder } = take(lattice, update);
  expect(remainder).toBeUndefined();
  expect(scanUpdate(accepted!).sections).toMatchObject([{ client: 2, start: 1, end: 2, structs: 1 }]);
  expect(take(lattice, update)).toMatchObject({ accepted: undefined, remainder: undefined });
});

/** Some updates merged, so that they hold Skips; some sent twice; all in random order. */
function scramble(updates: readonly Uint8Array[], random: Random): Uint8Array[] {
  const sent = [...updates];
  for (let merges = 0; merges < updates.length / 4; merges++) {
    sent.push(Y.mergeUpdates([random.pick(updates), random.pick(updates), random.pick(updates)]));
  }
  return random.shuffle(sent);
}

test("[PEND7] whatever the order, grouping and repetition, the same updates lead to the same lattice and content", () => {
  let waited = 0;
  for (let seed = 100; seed < 130; seed++) {
    const random = createRandom(seed);
    const { updates } = randomSession(random, 3, 25);
    const straight = new Store();
    for (const update of updates) straight.receive(update);
    const content = visibleContent(straight.doc());
    expect(straight.pending, `seed ${seed}`).toEqual([]);
    for (let order = 0; order < 2; order++) {
      const store = new Store();
      for (const update of scramble(updates, random)) {
        store.receive(update);
        if (store.pending.length > 0) waited++;
      }
      expect(store.pending, `seed ${seed}`).toEqual([]);
      expect(toHex(store.lattice.encode()), `seed ${seed}`).toBe(toHex(straight.lattice.encode()));
      expect(toHex(Y.encodeStateVector(store.doc()))).toBe(toHex(Y.encodeStateVector(straight.doc())));
      expect(visibleContent(store.doc()), `seed ${seed}`).toEqual(content);
    }
  }
  expect(waited).toBeGreaterThan(500);
});

test("[DOC15] 20,000 clients that wait for each other in a chain are resolved in linear time", () => {
  const clients = 20_000;
  const sections: number[][] = [];
  // Client c's struct follows client c − 1's, and sections come by descending client: each waits for the next.
  const varUint = (value: number): number[] =>
    value < 128 ? [value] : [(value % 128) | 128, ...varUint(Math.floor(value / 128))];
  for (let client = clients; client > 1; client--) {
    sections.push([1, ...varUint(client), 0, 0x84, ...varUint(client - 1), 0, 1, 0x61]);
  }
  sections.push([1, 1, 0, 4, 1, 1, 0x74, 1, 0x61]);
  const update = Uint8Array.from([...varUint(clients), ...sections.flat(), 0]);
  const startedMs = performance.now();
  const { accepted } = absorb(new Lattice(KEY), scanUpdate(update));
  expect(accepted).toBe(update);
  expect(performance.now() - startedMs).toBeLessThan(2000);
});

test("[DOC28] what is there already is not accepted again, however much of it an update repeats", () => {
  const { doc, updates } = typed(1, "a", "b", "c");
  const other = new Y.Doc();
  other.clientID = 2;
  Y.applyUpdate(other, Y.encodeStateAsUpdate(doc));
  other.getText("t").insert(3, "d");
  const lattice = takeAll(updates);
  const { accepted } = take(lattice, Y.encodeStateAsUpdate(other));
  expect(scanUpdate(accepted!).sections).toMatchObject([{ client: 2, start: 0, end: 1, structs: 1 }]);
  const copy = new Y.Doc();
  for (const update of [...updates, accepted!]) Y.applyUpdate(copy, update);
  expect(copy.getText("t").toString()).toBe("abcd");
  // In the middle of one struct, too.
  const long = typed(3, "together").updates[0]!;
  const short = new Lattice(KEY);
  take(short, Y.encodeStateAsUpdate(typed(3, "to").doc));
  expect(scanUpdate(take(short, long).accepted!).sections).toMatchObject([{ client: 3, start: 2, end: 8, structs: 1 }]);
});
