/** The part of the store contract that tells what each table gives back. */
import { expect, test } from "vitest";
import type { ClusterId, Incarnation, PeerId } from "@yarrow/protocol";
import { compareNames } from "../src/name-order.ts";
import { BOOTS_MAX, STANDINGS_MAX } from "../src/store.ts";
import type { DocumentId, Store } from "../src/store.ts";
import type { Current } from "./store-fixture.ts";
import { append, bytes, keyOf, plain, putDocument, segment } from "./store-samples.ts";

/** In the order of their UTF-8. A comparison of UTF-16 code units would put the astral ones before "\uffff". */
const NAMES = [
  " ",
  "a",
  "a/",
  "a/1",
  "a/\u{10ffff}",
  "a0",
  "ab",
  "b",
  "z\ud7ff",
  "z\ue000",
  "é",
  "\uffff",
  "\u{10000}",
  "\u{10ffff}",
];

export function listings(current: Current): void {
  function fill(store: Store): void {
    store.transaction(() => {
      for (const name of NAMES.toReversed()) putDocument(store, name, name.length % 2 === 1 ? 1 : 2);
    });
  }

  test("[STO5] documents are listed in the order of their names' UTF-8 bytes, page by page", () => {
    const { store } = current();
    fill(store);
    for (const limit of [1, 2, 100]) {
      const listed: string[] = [];
      for (let after: string | undefined; ;) {
        const page = store.listDocuments({ limit, include: "all", ...(after === undefined ? {} : { after }) });
        listed.push(...page.map((row) => row.name));
        if (page.length < limit) break;
        after = listed.at(-1);
      }
      expect(listed).toEqual(NAMES);
    }
    expect(NAMES.toSorted(compareNames)).toEqual(NAMES);
  });

  test("[INC25] documents marked as quarantined are listed by name, up to a limit", () => {
    const { store } = current();
    fill(store);
    const mark = (name: string, quarantined: boolean): void => {
      const row = store.readDocument(name)!;
      store.transaction(() => store.writeDocument({ ...row, fence: bytes(), quarantined }));
    };
    expect(store.listQuarantined(10)).toEqual([]);
    for (const name of ["b", "a", "\uffff", "\u{10000}"]) mark(name, true);
    expect(store.listQuarantined(10)).toEqual(["a", "b", "\uffff", "\u{10000}"]);
    expect(store.listQuarantined(2)).toEqual(["a", "b"]);
    mark("a", false);
    expect(store.listQuarantined(10)).toEqual(["b", "\uffff", "\u{10000}"]);
  });

  test("[STO5] a prefix, a start and a state narrow the listing", () => {
    const { store } = current();
    fill(store);
    const names = (query: object): string[] =>
      store.listDocuments({ limit: 100, include: "all", ...query }).map((row) => row.name);
    for (const prefix of ["", "a", "a/", "z", "z\ud7ff", "\u{10ffff}", "\uffff", "nothing", "a%", "_"]) {
      const within = NAMES.filter((name) => name.startsWith(prefix));
      expect(names({ prefix })).toEqual(within);
      for (const after of NAMES) {
        const rest = within.filter((name) => compareNames(name, after) > 0);
        expect(names({ prefix, after })).toEqual(rest);
        expect(names({ prefix, after, limit: 1 })).toEqual(rest.slice(0, 1));
      }
    }
    expect(names({ include: "alive" })).toEqual(NAMES.filter((name) => name.length % 2 === 1));
    expect(names({ include: "deleted", prefix: "a" })).toEqual(["a/", "a/\u{10ffff}", "a0", "ab"]);
    store.transaction(() => putDocument(store, "a-never", 0));
    expect(names({ include: "deleted", prefix: "a-" })).toEqual([]);
    expect(names({ include: "alive", prefix: "a-" })).toEqual([]);
    expect(names({ prefix: "a-" })).toEqual(["a-never"]);
  });

  test("[STO5] documents are listed by key, tombstones included", () => {
    const { store } = current();
    fill(store);
    const keys = NAMES.map(keyOf).toSorted();
    const all = store.listDocumentsByKey("", 100);
    expect(all.map((row) => row.key)).toEqual(keys);
    expect(plain(all[3])).toEqual(plain(store.readDocument(all[3]?.name ?? "")));
    expect(store.listDocumentsByKey(keys[4] ?? "", 3).map((row) => row.key)).toEqual(keys.slice(5, 8));
    expect(store.listDocumentsByKey(keys.at(-1) ?? "", 3)).toEqual([]);
  });
}

export function log(current: Current): void {
  test("[STO7] rows come back as they were appended, oldest first, of one incarnation or of all", () => {
    const { store } = current();
    const segments = [
      segment("first", "local", "ada"),
      segment("", "broadcast", ""),
      segment("x".repeat(70_000), "repair", "\u{1f33f} grace"),
    ];
    const expected = store.transaction(() => {
      const a = putDocument(store, "a", 1).id;
      const b = putDocument(store, "b", 1).id;
      const rows = [
        { document: a, incarnation: 1, arrivedMs: 5, segments },
        { document: b, incarnation: 1, arrivedMs: 6, segments: [segment("b")] },
        { document: a, incarnation: 2, arrivedMs: 7, segments: [] },
        { document: a, incarnation: 1, arrivedMs: 2 ** 41, segments: [segment("late")] },
      ];
      return rows.map((row) => ({ ...row, sequence: store.appendLog(row) }));
    });
    const [one, two, three, four] = expected;
    expect(plain(store.readLog(one?.document ?? 0, 1, 0, 10))).toEqual(plain([one, four]));
    expect(plain(store.readLog(one?.document ?? 0, 1, 0, 1))).toEqual(plain([one]));
    expect(plain(store.readLog(one?.document ?? 0, 1, 1, 10))).toEqual(plain([four]));
    expect(plain(store.readLog(one?.document ?? 0, 2, 0, 10))).toEqual(plain([three]));
    expect(plain(store.readChanges(1, 2))).toEqual(
      plain([
        { ...two, name: "b" },
        { ...three, name: "a" },
      ]),
    );
    expect(store.readChanges(4, 10)).toEqual([]);
    for (const [after, limit] of [
      [0, 99],
      [1, 2],
      [4, 10],
    ] as const) {
      expect(store.listArrivals(after, limit)).toEqual(
        store
          .readChanges(after, limit)
          .map(({ sequence, incarnation, arrivedMs, name }) => ({ sequence, incarnation, arrivedMs, name })),
      );
    }
  });

  test("[STO7] deleting removes the rows of one incarnation through a sequence", () => {
    const { store } = current();
    store.transaction(() => {
      for (const [name, incarnation] of [
        ["a", 1],
        ["b", 1],
        ["a", 1],
        ["a", 2],
        ["a", 1],
      ] as const) {
        append(store, name, incarnation, 5, "x");
      }
    });
    const document = store.readDocument("a")?.id ?? 0;
    store.transaction(() => store.deleteLog(document, 1, 4));
    expect(store.readChanges(0, 10).map((row) => row.sequence)).toEqual([2, 4, 5]);
    expect(store.readLog(document, 1, 0, 10).map((row) => row.sequence)).toEqual([5]);
  });

  test("[STO25] the last row that was removed for good is remembered, with its transaction", () => {
    const { store } = current();
    store.transaction(() => {
      for (const name of ["a", "b", "a", "b", "a"]) append(store, name, 1, 5, "x");
    });
    const [a, b] = ["a", "b"].map((name) => store.readDocument(name)?.id ?? 0) as [number, number];
    expect(store.prunedThrough()).toBe(0);
    store.transaction(() => store.quarantineLog(5));
    expect(store.prunedThrough()).toBe(0);
    store.transaction(() => store.deleteLog(a, 1, 4));
    expect(store.prunedThrough()).toBe(3);
    expect(() =>
      store.transaction(() => {
        store.deleteLog(b, 1, 4);
        throw new Error("taken back");
      }),
    ).toThrow("taken back");
    expect(store.prunedThrough()).toBe(3);
    store.transaction(() => store.deleteLog(b, 1, 2));
    expect(store.prunedThrough()).toBe(3);
    store.transaction(() => store.deleteLog(b, 1, 9));
    expect(current().reopen().prunedThrough()).toBe(4);
  });

  test("[STO11] the last row before a time is found even where the clock stepped back", () => {
    const { store } = current();
    store.transaction(() => {
      for (const arrivedMs of [10, 20, 30, 15, 40]) append(store, "a", 1, arrivedMs, "x");
      append(store, "b", 1, 1, "x");
      append(store, "a", 2, 2);
    });
    const document = store.readDocument("a")?.id ?? 0;
    const last = [10, 11, 15, 16, 31, 99].map((time) => store.lastSequenceBefore(document, 1, time));
    expect(last).toEqual([0, 1, 1, 4, 4, 5]);
    expect(store.lastSequenceBefore(document, 3, 99)).toBe(0);
  });
}

export function ended(current: Current): void {
  function snapshots(store: Store, document: DocumentId, incarnation: Incarnation): number {
    const kinds = ["head", "base"] as const;
    return kinds.filter((kind) => store.readSnapshot(document, incarnation, kind) !== undefined).length;
  }

  test("[STO10] the sweep forgets rows and snapshots of incarnations that ended in time, and keeps deletions", () => {
    const { store } = current();
    store.transaction(() => {
      append(store, "a", 1, 10, "x");
      for (const kind of ["head", "base"] as const) {
        store.writeSnapshot({
          document: 1,
          incarnation: 1,
          kind,
          sequence: 1,
          stateVector: bytes(),
          update: bytes(0, 0),
        });
        store.writeSnapshot({
          document: 1,
          incarnation: 3,
          kind,
          sequence: 3,
          stateVector: bytes(),
          update: bytes(0, 0),
        });
      }
      append(store, "a", 2, 20);
      append(store, "a", 3, 30, "y");
    });
    expect(store.transaction(() => store.sweepDead(20, 10))).toBe(0);
    expect(store.readLog(1, 1, 0, 10)).toHaveLength(1);
    expect(store.transaction(() => store.sweepDead(21, 10))).toBe(1);
    expect(store.readLog(1, 1, 0, 10)).toEqual([]);
    expect(store.readChanges(0, 10).map((row) => row.incarnation)).toEqual([2, 3]);
    expect([snapshots(store, 1, 1), snapshots(store, 1, 3)]).toEqual([0, 2]);
    expect(store.transaction(() => store.sweepDead(10_000, 10))).toBe(0);
  });

  test("[STO10] an incarnation that was overtaken without a deletion ended as well", () => {
    const { store } = current();
    store.transaction(() => append(store, "a", 1, 10, "x"));
    store.transaction(() => append(store, "a", 3, 20, "y"));
    store.transaction(() => append(store, "a", 3, 90, "z"));
    expect(store.transaction(() => store.sweepDead(21, 10))).toBe(1);
    expect(store.readChanges(0, 10).map((row) => row.incarnation)).toEqual([3, 3]);
  });

  test("[STO10] a sweep touches no more documents than told, the longest dead first", () => {
    const { store } = current();
    store.transaction(() => {
      for (const [name, at] of [
        ["a", 30],
        ["b", 10],
        ["c", 20],
      ] as const) {
        append(store, name, 1, 1, "x");
        append(store, name, 2, at);
        append(store, name, 3, at + 1, "x");
        append(store, name, 4, at + 2);
      }
    });
    expect(store.transaction(() => store.sweepDead(99, 2))).toBe(2);
    expect(store.readChanges(0, 99).map((row) => row.name + row.incarnation)).toEqual([
      "a1",
      "a2",
      "a3",
      "a4",
      "b2",
      "b4",
      "c2",
      "c4",
    ]);
    expect(store.transaction(() => store.sweepDead(99, 2))).toBe(1);
    expect(store.transaction(() => store.sweepDead(99, 2))).toBe(0);
  });
}

export function otherTables(current: Current): void {
  test("[STO13] a snapshot of each kind and a checkpoint are kept per document, the newest in place of the older", () => {
    const { store } = current();
    const row = { document: 1, incarnation: 1, sequence: 4, stateVector: bytes(0), update: bytes(1, 2) } as const;
    store.transaction(() => {
      putDocument(store, "a", 1);
      store.writeSnapshot({ ...row, kind: "head" });
      store.writeSnapshot({ ...row, kind: "base", update: bytes(3) });
      store.writeSnapshot({ ...row, kind: "head", sequence: 5, update: bytes(4), stateVector: bytes() });
      store.writeCheckpoint(1, { sequence: 1, lattice: bytes(1) });
      store.writeCheckpoint(1, { sequence: 2, lattice: bytes(2) });
    });
    const head = { ...row, kind: "head", sequence: 5, update: bytes(4), stateVector: bytes() };
    expect(plain(store.readSnapshot(1, 1, "head"))).toEqual(plain(head));
    expect(plain(store.readSnapshot(1, 1, "base"))).toEqual(plain({ ...row, kind: "base", update: bytes(3) }));
    expect(store.readSnapshot(1, 3, "head")).toBeUndefined();
    expect(plain(store.readCheckpoint(1))).toEqual({ sequence: 2, lattice: "bytes 2" });
    store.transaction(() => {
      store.deleteSnapshot(1, 1, "head");
      store.deleteCheckpoint(1);
    });
    expect(store.readSnapshot(1, 1, "head")).toBeUndefined();
    expect(store.readSnapshot(1, 1, "base")).toBeDefined();
    expect(store.readCheckpoint(1)).toBeUndefined();
  });

  test("[STO13] pending updates wait per document, in order", () => {
    const { store } = current();
    store.transaction(() => {
      for (const text of ["one", "two", "three"]) store.addPending(1, segment(text, "repair", "ada"));
      store.addPending(2, segment("other"));
    });
    const [, second] = store.readPending(1);
    expect(plain(store.readPending(1).map((row) => row.segment))).toEqual(
      plain(["one", "two", "three"].map((text) => segment(text, "repair", "ada"))),
    );
    store.transaction(() => {
      store.deletePending(1, second?.id ?? 0);
      store.deletePending(2, second?.id ?? 0);
    });
    expect(plain(store.readPending(1).map((row) => row.segment?.update))).toEqual(
      plain([segment("one").update, segment("three").update]),
    );
    expect(store.readPending(2)).toHaveLength(1);
  });

  test("[STO13] leaves of the set tree are listed in path order, page by page", () => {
    const { store } = current();
    const paths = ["", "0", "0a", "1", "a0", "ab", "f"];
    store.transaction(() => {
      for (const path of paths.toReversed()) store.writeBucket({ path, items: new Uint8Array(24) });
      store.writeBucket({ path: "a0", items: new Uint8Array(48).fill(1) });
    });
    expect(store.listBuckets(undefined, 100).map((row) => row.path)).toEqual(paths);
    expect(store.listBuckets("", 2).map((row) => row.path)).toEqual(["0", "0a"]);
    expect(store.listBuckets("0b", 2).map((row) => row.path)).toEqual(["1", "a0"]);
    expect(plain(store.readBucket("a0"))).toEqual(plain({ path: "a0", items: new Uint8Array(48).fill(1) }));
    store.transaction(() => store.deleteBucket("a0"));
    expect(store.readBucket("a0")).toBeUndefined();
  });

  test("[STO13] addresses are kept per peer, and boots in order up to their limit", () => {
    const { store } = current();
    const [a, b] = ["0a".repeat(16) as PeerId, "0b".repeat(16) as PeerId];
    const boots = Array.from({ length: BOOTS_MAX + 2 }, (_, i) => ({
      epoch: keyOf(String(i)),
      firstSequence: i,
      startedMs: i,
    }));
    store.transaction(() => {
      store.writeAddress({ peerId: b, urls: ["ws://b"], seenMs: 1 });
      store.writeAddress({ peerId: a, urls: [], seenMs: 2 });
      store.writeAddress({ peerId: b, urls: ["ws://b", "wss://\u{1f33f}"], seenMs: 3 });
      for (const boot of boots) store.writeBoot(boot);
    });
    expect(store.listAddresses()).toEqual([
      { peerId: a, urls: [], seenMs: 2 },
      { peerId: b, urls: ["ws://b", "wss://\u{1f33f}"], seenMs: 3 },
    ]);
    expect(store.listBoots()).toEqual(boots.slice(2));
    store.transaction(() => store.deleteAddress(b));
    expect(store.listAddresses()).toHaveLength(1);
  });

  test("[STO15] the peer id never changes; the cluster id is what was written last", () => {
    const { store, reopen } = current();
    expect(store.readPeerId()).toMatch(/^[0-9a-f]{32}$/);
    expect(store.readClusterId()).toBeUndefined();
    const clusterId = "c1".repeat(16) as ClusterId;
    store.transaction(() => store.writeClusterId("00".repeat(16) as ClusterId));
    store.transaction(() => store.writeClusterId(clusterId));
    const peerId = store.readPeerId();
    const again = reopen();
    expect([again.readPeerId(), again.readClusterId()]).toEqual([peerId, clusterId]);
  });

  test("[ROL6] no role is remembered until one is set; then the last one is", () => {
    const { store, reopen } = current();
    expect(store.readRole()).toBeUndefined();
    store.transaction(() => store.writeRole("writer"));
    store.transaction(() => store.writeRole("follower"));
    expect(reopen().readRole()).toBe("follower");
  });

  test("[STO31] what is remembered of the standing of others is replaced as a whole and survives", () => {
    const { store, reopen } = current();
    expect(store.readStandings()).toEqual([]);
    const rows = Array.from({ length: STANDINGS_MAX }, (_, i) => ({
      peerId: i.toString(16).padStart(32, "0") as PeerId,
      sequence: 2 ** 40 + i,
      seenMs: i,
    }));
    store.transaction(() => store.writeStandings(rows));
    expect(store.readStandings()).toEqual(rows);
    store.transaction(() => store.writeStandings(rows.slice(3, 5)));
    expect(reopen().readStandings()).toEqual(rows.slice(3, 5));
  });
}
