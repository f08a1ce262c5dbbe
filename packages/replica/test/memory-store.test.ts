import { expect, test } from "vitest";
import type { DocumentKey, PeerId } from "@yarrow/protocol";
import { storeContract } from "./store-contract.ts";
import { MemoryStore } from "../src/memory-store.ts";
import { StoreFailedError, StoreFullError } from "../src/store.ts";

const PEER = "00112233445566778899aabbccddeeff" as PeerId;
const KEY = "0123456789abcdef" as DocumentKey;

function appendOne(store: MemoryStore, text: string): number {
  return store.transaction(() => {
    const document = store.readDocument("a") ?? store.createDocument("a", KEY);
    const segment = { source: "local", principal: "", update: new TextEncoder().encode(text) } as const;
    return store.appendLog({ document: document.id, incarnation: 1, arrivedMs: 5, segments: [segment] });
  });
}

test("[STO20] a power loss takes back the last transactions, and the sequence goes on", () => {
  const store = new MemoryStore({ peerId: PEER, keepTransactions: 2 });
  for (const text of ["one", "two", "three"]) appendOne(store, text);
  expect(store.loseTail(9)).toBe(2);
  expect(store.readChanges(0, 9).map((row) => row.sequence)).toEqual([1]);
  expect(appendOne(store, "four")).toBe(4);
});

test("[STO20] a power loss may take the sequence back too", () => {
  const store = new MemoryStore({ peerId: PEER, keepTransactions: 8 });
  for (const text of ["one", "two", "three"]) appendOne(store, text);
  expect(store.loseTail(2, { forgetSequence: true })).toBe(2);
  expect(appendOne(store, "other")).toBe(2);
});

test("[STO20] losing everything leaves an empty store", () => {
  const store = new MemoryStore({ peerId: PEER, keepTransactions: 8 });
  appendOne(store, "one");
  appendOne(store, "two");
  store.loseTail(2);
  expect(store.counts()).toEqual({ alive: 0, deleted: 0, quarantined: 0, pending: 0, logRows: 0, bytes: 0 });
  expect(store.readDocument("a")).toBeUndefined();
});

test("a copy goes its own way", () => {
  const store = new MemoryStore({ peerId: PEER, keepTransactions: 8 });
  appendOne(store, "one");
  const copy = store.clone();
  expect(copy.readPeerId()).toBe(PEER);
  expect(copy.counts()).toEqual(store.counts());
  expect(copy.loseTail(1)).toBe(0);
  appendOne(copy, "copy only");
  expect(store.readChanges(0, 9)).toHaveLength(1);
  expect(copy.readLog(1, 1, 0, 9)).toHaveLength(2);
  expect(store.clone("ff".repeat(16) as PeerId).readPeerId()).toBe("ff".repeat(16));
});

test("a store told to fail does so as often as told, after the body ran, and leaves no trace", () => {
  const store = new MemoryStore({ peerId: PEER });
  store.failNext("full", 2);
  expect(() => appendOne(store, "one")).toThrow(StoreFullError);
  expect(() => appendOne(store, "one")).toThrow(StoreFullError);
  expect(store.counts().bytes).toBe(0);
  store.failNext("failed", 1);
  expect(() => appendOne(store, "one")).toThrow(StoreFailedError);
  expect(appendOne(store, "one")).toBe(4);
});

storeContract("MemoryStore", () => {
  let store = new MemoryStore({ peerId: PEER });
  return {
    get store() {
      return store;
    },
    get damage() {
      return store.damage;
    },
    reopen: () => (store = store.clone()),
    limitRoom: (limited) => store.setCapacityBytes(limited ? store.counts().bytes + 1_024 : Number.POSITIVE_INFINITY),
    close: () => undefined,
  };
});
