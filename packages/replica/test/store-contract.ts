/** The contract of `src/store.ts` as tests, to be run on every store. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { StoreFullError } from "../src/store.ts";
import type { Store } from "../src/store.ts";
import { past } from "./store-contract-past.ts";
import { ended, listings, log, otherTables } from "./store-contract-tables.ts";
import type { Current, StoreFixture } from "./store-fixture.ts";
import {
  append,
  bytes,
  keyOf,
  plain,
  putDocument,
  readEverything,
  removeSome,
  segment,
  writeEverything,
} from "./store-samples.ts";

export type { StoreDamage, StoreFixture } from "./store-fixture.ts";

export function storeContract(name: string, open: () => StoreFixture): void {
  describe(`the store contract of ${name}`, () => {
    let fixture: StoreFixture | undefined;
    beforeEach(() => {
      fixture = open();
    });
    afterEach(() => fixture?.close());
    const current: Current = () => {
      if (fixture === undefined) throw new Error("the fixture is open while a test runs");
      return fixture;
    };
    describe("transactions", () => {
      transactions(current);
    });
    describe("room", () => {
      room(current);
    });
    describe("documents", () => {
      documents(current);
    });
    describe("listings", () => {
      listings(current);
    });
    describe("the log", () => {
      log(current);
    });
    describe("the past", () => {
      past(current);
    });
    describe("ended incarnations", () => {
      ended(current);
    });
    describe("other tables", () => {
      otherTables(current);
    });
    describe("damage", () => {
      damage(current);
    });
  });
}

function transactions(current: Current): void {
  test("[STO1] what a transaction wrote is there afterwards, also after reopening", () => {
    const { store, reopen } = current();
    const result = store.transaction(() => {
      writeEverything(store, "x");
      return "result";
    });
    expect(result).toBe("result");
    const before = readEverything(store);
    expect(readEverything(reopen())).toEqual(before);
  });

  test("[STO2] a transaction that throws leaves no trace in any table", () => {
    const { store, reopen } = current();
    store.transaction(() => writeEverything(store, "x"));
    const before = readEverything(store);
    const problem = new Error("changed my mind");
    expect(() =>
      store.transaction(() => {
        writeEverything(store, "yy");
        removeSome(store);
        throw problem;
      }),
    ).toThrow(problem);
    expect(readEverything(store)).toEqual(before);
    expect(readEverything(reopen())).toEqual(before);
  });

  test("[STO2] a leaf that was rewritten or removed in vain is read as it was", () => {
    const { store } = current();
    const items = new Uint8Array(24).fill(1);
    store.transaction(() => store.writeBucket({ path: "a", items }));
    for (const change of [
      () => store.writeBucket({ path: "a", items: new Uint8Array(48) }),
      () => store.deleteBucket("a"),
    ]) {
      expect(() =>
        store.transaction(() => {
          change();
          throw new Error("no");
        }),
      ).toThrow("no");
      expect(plain(store.readBucket("a")?.items)).toEqual(plain(items));
    }
    store.transaction(() => store.writeBucket({ path: "a", items: items.slice().fill(2) }));
    expect(plain(store.readBucket("a")?.items)).toEqual(plain(items.slice().fill(2)));
    store.transaction(() => store.deleteBucket("a"));
    expect(store.readBucket("a")).toBeUndefined();
  });

  test("[STO2] writes outside a transaction and transactions in transactions are refused", () => {
    const { store } = current();
    expect(() => store.createDocument("a", keyOf("a"))).toThrow(/inside a transaction/);
    expect(() => store.transaction(() => store.transaction(() => 1))).toThrow(/do not nest/);
    expect(() => store.appendLog({ document: 1, incarnation: 1, arrivedMs: 1, segments: [segment("x")] })).toThrow(
      /inside a transaction/,
    );
    expect(readEverything(store)).toMatchObject({ documents: [] });
    expect(store.counts()).toMatchObject({ logRows: 0 });
  });

  test("[STO8] a sequence is never given out twice: after a rollback, a deletion, a restart", () => {
    const { store, reopen } = current();
    const first = store.transaction(() => append(store, "a", 1, 5, "one"));
    expect(first).toBe(1);
    let taken = 0;
    expect(() =>
      store.transaction(() => {
        taken = append(store, "a", 1, 5, "two");
        throw new Error("no");
      }),
    ).toThrow("no");
    expect(taken).toBe(2);
    const document = store.readDocument("a")?.id ?? 0;
    expect(store.transaction(() => append(store, "a", 1, 5, "three"))).toBe(3);
    store.transaction(() => store.deleteLog(document, 1, 3));
    expect(store.lastSequence()).toBe(3);
    expect(() =>
      store.transaction(() => {
        taken = append(store, "a", 1, 5, "four");
        throw new Error("no");
      }),
    ).toThrow("no");
    const again = reopen();
    expect(again.lastSequence()).toBe(taken);
    expect(again.transaction(() => append(again, "a", 1, 5, "five"))).toBe(5);
  });
}

function room(current: Current): void {
  const KIB_64 = 64 * 1024;

  test("[STO3] a full disk refuses the whole transaction, and takes it once there is room", () => {
    const { store, limitRoom } = current();
    store.transaction(() => writeEverything(store, "x"));
    const before = readEverything(store);
    const write = (): void =>
      store.transaction(() => {
        writeEverything(store, "yy");
        const update = new Uint8Array(KIB_64).fill(7);
        store.writeSnapshot({ document: 1, incarnation: 1, kind: "head", sequence: 2, stateVector: bytes(0), update });
      });
    limitRoom(true);
    expect(write).toThrow(StoreFullError);
    expect(readEverything(store)).toEqual(before);
    expect(write).toThrow(expect.objectContaining({ code: "YARROW_STORE_FULL" }));
    limitRoom(false);
    write();
    expect(store.readSnapshot(1, 1, "head")?.update).toHaveLength(KIB_64);
  });

  test("[STO3] a body that goes on after the disk was full is not committed", () => {
    const { store, limitRoom } = current();
    store.transaction(() => writeEverything(store, "x"));
    const before = readEverything(store);
    limitRoom(true);
    expect(() =>
      store.transaction(() => {
        const update = new Uint8Array(KIB_64);
        try {
          store.writeSnapshot({
            document: 1,
            incarnation: 1,
            kind: "head",
            sequence: 2,
            stateVector: bytes(0),
            update,
          });
        } catch {
          // Swallowed, as no caller should.
        }
      }),
    ).toThrow(StoreFullError);
    limitRoom(false);
    expect(readEverything(store)).toEqual(before);
  });
}

function documents(current: Current): void {
  test("[STO6] a document is created empty, and is found by name and by key", () => {
    const { store } = current();
    const created = store.transaction(() => store.createDocument("a", keyOf("a")));
    expect(plain(created)).toEqual({
      id: created.id,
      name: "a",
      key: keyOf("a"),
      incarnation: 0,
      fence: "bytes ",
      fingerprint: plain(new Uint8Array(16)),
      lastSequence: 0,
      lastArrivalMs: 0,
      tailBytes: 0,
      headBytes: 0,
      quarantined: false,
    });
    expect(plain(store.readDocument("a"))).toEqual(plain(created));
    expect(plain(store.readDocumentByKey(keyOf("a")))).toEqual(plain(created));
    expect(store.readDocument("b")).toBeUndefined();
    expect(store.readDocumentByKey(keyOf("b"))).toBeUndefined();
  });

  test("[STO6] what is created and written in one transaction is found in it, and taken back with it", () => {
    const { store } = current();
    const write = (name: string) => {
      const row = store.createDocument(name, keyOf(name));
      store.writeDocument({ ...row, incarnation: 1, tailBytes: 7, fence: new Uint8Array([1]) });
      return store.readDocument(name);
    };
    const error = new Error("taken back");
    const lost = (): void =>
      store.transaction(() => {
        expect(write("a")?.tailBytes).toBe(7);
        store.createDocument("b", keyOf("b"));
        expect(store.listDocuments({ limit: 9, include: "all" }).map(({ name }) => name)).toEqual(["a", "b"]);
        throw error;
      });
    expect(lost).toThrow(error);
    expect(store.readDocument("a")).toBeUndefined();
    expect(store.counts().alive).toBe(0);
    store.transaction(() => {
      write("c");
      write("d");
    });
    const rows = store.listDocuments({ limit: 9, include: "alive" });
    expect(rows.map(({ name, fence }) => [name, fence?.length])).toEqual([
      ["c", 1],
      ["d", 1],
    ]);
    expect(new Set(rows.map(({ id }) => id)).size).toBe(2);
    expect(store.counts().alive).toBe(2);
  });

  test("[STO6] neither a name nor a key is used twice", () => {
    const { store } = current();
    store.transaction(() => store.createDocument("a", keyOf("a")));
    expect(() => store.transaction(() => store.createDocument("a", keyOf("a")))).toThrow(/assertion/);
    const taken = expect.objectContaining({
      code: "YARROW_NAME_INVALID",
      message: expect.stringContaining(keyOf("a")),
    });
    expect(() => store.transaction(() => store.createDocument("b", keyOf("a")))).toThrow(taken);
    expect(store.readDocument("b")).toBeUndefined();
  });

  test("[STO6] writing replaces every field, one by one and all at once", () => {
    const { store, reopen } = current();
    let expected: unknown = store.transaction(() => putDocument(store, "a", 1));
    const changes = [
      { fingerprint: new Uint8Array(16).fill(3) },
      { lastSequence: 2 ** 40, lastArrivalMs: 1_700_000_000_000 },
      { tailBytes: 5, headBytes: 2 ** 33 },
      { fence: bytes(1, 2, 3) },
      { fence: bytes(1, 2, 4) },
      { fence: bytes(1, 2, 4, 5) },
      { quarantined: true },
      { quarantined: false, incarnation: 4, fence: bytes(), fingerprint: new Uint8Array(16).fill(9), tailBytes: 0 },
    ];
    for (const change of changes) {
      const row = store.transaction(() => putDocument(store, "a", store.readDocument("a")?.incarnation ?? 0, change));
      expect(plain(row)).not.toEqual(expected);
      expected = plain(row);
      expect(plain(store.readDocument("a"))).toEqual(expected);
    }
    expect(plain(reopen().readDocument("a"))).toEqual(expected);
  });

  test("[STO12] counts follow what is written, and start over from the disk", () => {
    const { store, reopen } = current();
    const counted = (from: Store): unknown => ({ ...from.counts(), bytes: 0 });
    store.transaction(() => {
      putDocument(store, "never", 0);
      append(store, "alive", 1, 1, "x");
      append(store, "again", 1, 1, "x");
      append(store, "again", 2, 1);
      append(store, "again", 3, 1, "x");
      append(store, "gone", 1, 1, "x");
      append(store, "gone", 2, 1);
      putDocument(store, "sick", 1, { quarantined: true });
      store.addPending(1, segment("p"));
      store.addPending(1, segment("q"));
      store.addPending(2, segment("r"));
    });
    const counts = { alive: 3, deleted: 1, quarantined: 1, pending: 3, logRows: 6, bytes: 0 };
    expect(counted(store)).toEqual(counts);
    expect(store.counts().bytes).toBeGreaterThan(0);
    store.transaction(() => {
      putDocument(store, "sick", 1, { quarantined: false });
      store.clearPending(1);
      store.sweepDead(5, 10);
    });
    const later = { ...counts, quarantined: 0, pending: 1, logRows: 4 };
    expect(counted(store)).toEqual(later);
    expect(counted(reopen())).toEqual(later);
  });
}

function damage(current: Current): void {
  test("[STO9] damaged blobs read as undefined, and all else as it was", () => {
    const fixture = current();
    const { store } = fixture;
    store.transaction(() => writeEverything(store, "x"));
    const { id } = store.readDocument("shared") ?? { id: 0 };
    fixture.damage.fence(id);
    fixture.damage.checkpoint(id);
    fixture.damage.snapshot(id, 1, "head");
    fixture.damage.pending(id);
    fixture.damage.bucket("a");
    fixture.damage.log(1);
    expect(store.readDocument("shared")).toMatchObject({ fence: undefined, quarantined: false, incarnation: 3 });
    expect(store.readCheckpoint(id)).toEqual({ sequence: 1, lattice: undefined });
    expect(store.readSnapshot(id, 1, "head")).toMatchObject({ sequence: 1, update: undefined });
    expect(store.readSnapshot(id, 1, "base")?.update).toBeDefined();
    expect(store.readPending(id)).toMatchObject([{ segment: undefined }]);
    expect(store.readBucket("a")).toEqual({ path: "a", items: undefined });
    expect(store.listBuckets(undefined, 9).map((row) => row.items?.length)).toEqual([undefined, 48]);
    expect(store.readLog(id, 3, 0, 9)).toMatchObject([{ sequence: 1, arrivedMs: 1_000, segments: undefined }]);
    expect(store.readChanges(0, 2).map((row) => row.segments?.length)).toEqual([undefined, 1]);
    expect(store.readLogRow(1)).toMatchObject({ sequence: 1, document: id, incarnation: 3, segments: undefined });
    expect(store.readLogRow(2)?.segments).toHaveLength(1);
    expect(store.readLogRow(999)).toBeUndefined();
  });

  test("[STO9] writing a damaged row anew makes it sound", () => {
    const fixture = current();
    const { store } = fixture;
    store.transaction(() => writeEverything(store, "x"));
    fixture.damage.fence(1);
    fixture.damage.checkpoint(1);
    fixture.damage.bucket("a");
    store.transaction(() => writeEverything(store, "x"));
    expect(plain(store.readDocument("shared")?.fence)).toBe("bytes 1 7 7");
    expect(store.readCheckpoint(1)?.lattice).toHaveLength(2);
    expect(store.readBucket("a")?.items).toHaveLength(24);
  });

  test("[STO14] a quarantined row is out of use", () => {
    const fixture = current();
    const { store } = fixture;
    store.transaction(() => writeEverything(store, "x"));
    fixture.damage.log(1);
    fixture.damage.snapshot(1, 1, "head");
    const { logRows } = store.counts();
    store.transaction(() => {
      store.quarantineLog(1);
      store.quarantineSnapshot(1, 1, "head");
      store.quarantineLog(999);
      store.quarantineSnapshot(1, 9, "head");
    });
    expect(store.readChanges(0, 1)).toMatchObject([{ sequence: 2 }]);
    expect(store.readSnapshot(1, 1, "head")).toBeUndefined();
    expect(store.counts().logRows).toBe(logRows - 1);
  });
}
