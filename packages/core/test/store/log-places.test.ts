import fs from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import type { Store } from "@yarrow/replica";
import { MemoryStore } from "@yarrow/replica";
import { append, plain, putDocument, readEverything, segment } from "../../../replica/test/store-samples.ts";
import { readFacts } from "../../src/backup/read-database.ts";
import { ReplicaSource } from "../../src/query/replica-source.ts";
import { openSqliteStore } from "../../src/store/open-store.ts";
import { makeTemporaryFolder } from "./temporary-folder.ts";

const open = (folder: string) => openSqliteStore({ folder, durability: "normal", now: () => 1 });

/** As a crash leaves it: what was committed, and nothing that closing would write. */
function copyWhileOpen(folder: string): string {
  const copy = makeTemporaryFolder();
  for (const file of ["yarrow.db", "yarrow.db-wal"]) fs.copyFileSync(path.join(folder, file), path.join(copy, file));
  return copy;
}

const DOCUMENTS = 20;

/** Numbers from 0 up to, not including, `below`; the same for the same seed. */
function makeRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** One transaction of many rows, some deletions, and now and then a change of mind. */
function play(store: Store, random: (below: number) => number): void {
  const rows = random(600);
  const undo = random(5) === 0;
  const problem = new Error("changed my mind");
  try {
    store.transaction(() => {
      for (let i = 0; i < rows; i++) {
        const document = 1 + random(DOCUMENTS);
        store.appendLog({
          document,
          incarnation: 1 + 2 * random(2),
          arrivedMs: random(1_000),
          segments: [segment(`row ${i}`)],
        });
      }
      for (let i = random(4); i > 0; i--) {
        store.deleteLog(1 + random(DOCUMENTS), 1 + 2 * random(2), random(store.lastSequence() + 1));
        store.quarantineLog(random(store.lastSequence() + 1));
      }
      if (undo) throw problem;
    });
  } catch (error) {
    if (error !== problem) throw error;
  }
}

function readLogs(store: Store): unknown {
  const last = store.lastSequence();
  return Array.from({ length: DOCUMENTS * 2 }, (_, i) => {
    const [document, incarnation] = [1 + (i >> 1), 1 + 2 * (i & 1)];
    const page = (after: number, limit: number) =>
      store.readLog(document, incarnation, after, limit).map((row) => row.sequence);
    return [
      page(0, 1_000_000),
      page(Math.floor(last / 2), 7),
      page(last - 300, 7),
      [100, 500, 900].map((time) => store.lastSequenceBefore(document, incarnation, time)),
    ];
  });
}

test("[STO7] the log is read the same whether its places are in the table or still in memory", () => {
  const folder = makeTemporaryFolder();
  let store = open(folder);
  const model = new MemoryStore({ peerId: store.readPeerId() });
  for (const each of [store, model]) {
    each.transaction(() => {
      for (let i = 0; i < DOCUMENTS; i++) putDocument(each, `document ${i}`, 3);
    });
  }
  for (let turn = 0; turn < 40; turn++) {
    play(store, makeRandom(turn));
    play(model, makeRandom(turn));
    expect(readLogs(store)).toEqual(readLogs(model));
    expect({ ...store.counts(), bytes: 0 }).toEqual({ ...model.counts(), bytes: 0 });
    if (turn % 7 === 6) {
      store.close();
      store = open(folder);
    }
  }
  store.close();
  const database = new Database(path.join(folder, "yarrow.db"), { readonly: true });
  const places = database.prepare("SELECT count(*) FROM log_place").pluck().get();
  const orphans = database.prepare(
    "SELECT count(*) FROM log_place WHERE sequence NOT IN (SELECT sequence FROM update_log)",
  );
  // Both kinds of rows were there to be read.
  expect(places).toBeGreaterThan(500);
  expect(places).toBeLessThan(model.counts().logRows);
  expect(orphans.pluck().get()).toBe(0);
  database.close();
});

test("[STO2] a transaction that would have written the places leaves them as they were when it fails", () => {
  const store = open(makeTemporaryFolder());
  const fill = (rows: number): void => {
    for (let i = 0; i < rows; i++) append(store, `document ${i % 3}`, 1, i, "x");
  };
  store.transaction(() => fill(2_000));
  const before = readEverything(store);
  store.limitPages(1);
  expect(() => store.transaction(() => fill(2_000))).toThrow(expect.objectContaining({ code: "YARROW_STORE_FULL" }));
  expect(readEverything(store)).toEqual(before);
  store.limitPages(0);
  store.transaction(() => fill(2_000));
  expect(store.readLog(1, 1, 0, 9_999)).toHaveLength(2 * 667);
  store.close();
});

test("[STO12] damaged totals are counted anew, and the sequence goes on", () => {
  const folder = makeTemporaryFolder();
  const store = open(folder);
  store.transaction(() => {
    for (let i = 0; i < 3_000; i++) append(store, `document ${i % 7}`, i % 7 === 0 ? 2 : 1, i, "x");
    store.addPending(1, segment("waits"));
  });
  store.transaction(() => append(store, "document 1", 1, 1, "fresh"));
  const before = readEverything(store);
  store.close();
  for (const column of ["sequence", "indexed", "alive", "log_rows", "checksum"]) {
    const database = new Database(path.join(folder, "yarrow.db"));
    database.exec(`UPDATE totals SET ${column} = ${column} + 4`);
    database.close();
    const again = open(folder);
    expect(readEverything(again)).toEqual(before);
    expect(again.readLog(2, 1, 0, 9_999)).toHaveLength(429 + 1);
    expect(again.lastSequence()).toBe(3_001);
    again.close();
  }
});

test("[STO8] [STO12] rows that were appended since the totals were written count all the same, for every reader", () => {
  const folder = makeTemporaryFolder();
  const store = open(folder);
  store.transaction(() => append(store, "a", 1, 1, "its first row moves the totals"));
  for (let i = 0; i < 10; i++) store.transaction(() => append(store, "a", 1, 1, `row ${i}`));
  const copy = copyWhileOpen(folder);
  const database = new Database(path.join(copy, "yarrow.db"));
  expect(database.prepare("SELECT sequence, log_rows FROM totals").raw().get()).toEqual([1, 1]);
  expect(readFacts(database)).toMatchObject({ lastSequence: 11, logRows: 11 });
  database.close();
  const source = new ReplicaSource(copy);
  expect(source.lastSequence()).toBe(11);
  source.close();
  const again = open(copy);
  expect(again.counts().logRows).toBe(11);
  again.transaction(() => again.deleteLog(1, 1, 4));
  again.transaction(() => append(again, "a", 1, 1, "after the crash"));
  expect([again.counts().logRows, again.lastSequence()]).toEqual([8, 12]);
  const third = open(copyWhileOpen(copy));
  expect([third.counts().logRows, third.lastSequence()]).toEqual([8, 12]);
  for (const each of [store, again, third]) each.close();
});

test("[STO9] a row that stands in another row's place is damage", () => {
  const folder = makeTemporaryFolder();
  const store = open(folder);
  store.transaction(() => {
    append(store, "a", 1, 1, "one");
    append(store, "a", 1, 1, "two");
  });
  store.close();
  const database = new Database(path.join(folder, "yarrow.db"));
  database.exec(
    `UPDATE update_log SET (segments, checksum) = (SELECT segments, checksum FROM update_log WHERE sequence = 2) WHERE sequence = 1`,
  );
  database.close();
  const again = open(folder);
  expect(plain(again.readLog(1, 1, 0, 9).map((row) => row.segments))).toEqual([undefined, plain([segment("two")])]);
  again.close();
});
