/** What a store tells of the past is what its replica served then. */
import { describe, expect, it } from "vitest";
import { canonicalText } from "../../src/document/canonical-value.ts";
import { contentDigest } from "../../src/document/content-digest.ts";
import { readRoots } from "../../src/document/read-roots.ts";
import { readHistory } from "../../src/history/changes.ts";
import { listPast, readPast } from "../../src/history/past.ts";
import { pastRecord } from "../../src/history/past-record.ts";
import { createRandom, editRandomly } from "../document/random-edits.ts";
import type { Peer } from "../engine/cluster.ts";
import { Cluster, Editor } from "../engine/cluster.ts";

const NAMES = ["a", "b", "c"];
const NO_DELETES = Uint8Array.of(0);

function served(peer: Peer, name: string, now: number): string {
  const read = peer.replica.read(name, now);
  if (read === undefined) return "absent";
  const { parts, deleteSet, row } = read;
  if (row.incarnation % 2 === 0) return `deleted ${row.incarnation}`;
  return describeContent(row.incarnation, row.fingerprint, parts, deleteSet);
}

function told(peer: Peer, cluster: Cluster, name: string, timeMs: number): string {
  const past = readPast(peer.store, name, timeMs);
  if (past.state === "deleted") return `deleted ${past.incarnation}`;
  if (past.state !== "alive") return past.state;
  expect(past.damaged).toBe(false);
  const { fingerprint } = pastRecord(past, peer.replica.status(cluster.now).clusterId!);
  return describeContent(past.incarnation, fingerprint, past.parts, NO_DELETES);
}

function describeContent(
  incarnation: number,
  fingerprint: Uint8Array,
  parts: readonly Uint8Array[],
  deleteSet: Uint8Array,
): string {
  const roots = canonicalText(readRoots(parts, deleteSet));
  return `${incarnation} ${Buffer.from(fingerprint).toString("hex")} ${contentDigest(parts, deleteSet)} ${roots}`;
}

describe("the past", () => {
  it.each([1, 2])("[HIS2, HIS3] is what was served then, whatever was compacted and retired since, run %i", (seed) => {
    const random = createRandom(seed);
    const cluster = new Cluster();
    const config = { historyMs: 20_000, sweepIntervalMs: 1_000, compactTailBytes: 2_000, inlineWorkBytes: 4_000 };
    const one = cluster.add({ config });
    const two = cluster.add({ config, peers: [one.url] });
    cluster.run(5_000);
    const editors = new Map<string, Editor>();
    const instants: { readonly timeMs: number; readonly names: string[]; readonly content: Map<string, string> }[] = [];
    const counts = { compared: 0, gone: 0, deleted: 0 };
    for (let turn = 0; turn < 220; turn++) {
      const name = random.pick(NAMES);
      const peer = random.pick([one, two]);
      const key = `${name} ${peer === one ? 1 : 2}`;
      let editor = editors.get(key);
      if (editor?.evicted !== undefined || random.chance(0.05)) editor = undefined;
      if (editor === undefined) editors.set(key, (editor = new Editor(cluster, peer, name)));
      const { doc } = editor;
      cluster.run(1 + random.below(150));
      editor.take();
      if (random.chance(0.05)) cluster.step(peer, { type: "delete", request: turn, name });
      else if (random.chance(0.03)) cluster.step(peer, { type: "compact", request: turn });
      else if (editor.evicted === undefined) doc.transact(() => editRandomly(doc, random));
      cluster.run(1 + random.below(150));
      const timeMs = cluster.now;
      const content = new Map(NAMES.map((each) => [each, served(one, each, cluster.now)]));
      const names = one.store.listDocuments({ limit: 9, include: "alive" }).map((row) => row.name);
      instants.push({ timeMs, names, content });
      cluster.run(1);
    }
    for (const { timeMs, names, content } of instants) {
      if (timeMs < one.store.prunedThroughMs()) {
        expect(readPast(one.store, "a", timeMs)).toEqual({ state: "gone", oldestMs: one.store.prunedThroughMs() });
        expect(listPast(one.store, timeMs, { limit: 9, deleted: false })).toBeUndefined();
        counts.gone++;
        continue;
      }
      for (const name of NAMES)
        expect(told(one, cluster, name, timeMs), `${name} at ${timeMs}`).toBe(content.get(name));
      const listed = listPast(one.store, timeMs, { limit: 9, deleted: false })!;
      expect(listed.map((row) => row.name)).toEqual(names);
      counts.compared++;
      if (names.length < NAMES.length) counts.deleted++;
    }
    expect(counts.compared).toBeGreaterThan(50);
    expect(counts.gone).toBeGreaterThan(20);
    expect(counts.deleted).toBeGreaterThan(0);
    expect(one.facts("compacted").length).toBeGreaterThan(0);
  });

  function written() {
    const cluster = new Cluster();
    const peer = cluster.add({ config: { historyMs: 600_000 } });
    const editor = new Editor(cluster, peer, "n");
    const times: number[] = [];
    for (const text of ["one", " two", " three"]) {
      cluster.run(1_000);
      editor.type(text);
      cluster.run(1);
      times.push(peer.store.readDocument("n")!.lastArrivalMs);
    }
    return { cluster, peer, editor, times: times as [number, number, number] };
  }

  function textAt(peer: Peer, timeMs: number): unknown {
    const past = readPast(peer.store, "n", timeMs);
    return past.state === "alive" ? readRoots(past.parts, NO_DELETES)["t"]?.value : past.state;
  }

  it("[HIS2] counts what arrived in the very millisecond, and nothing later", () => {
    const { peer, times } = written();
    expect(times.flatMap((time) => [time - 1, time].map((at) => textAt(peer, at)))).toEqual([
      "absent",
      "one",
      "one",
      "one two",
      "one two",
      "one two three",
    ]);
    expect(readPast(peer.store, "n", times[0] - 1)).toEqual({ state: "absent", firstMs: times[0] });
    expect(readPast(peer.store, "never", times[0])).toEqual({ state: "absent", firstMs: undefined });
  });

  it("[HIS4] what was deleted is deleted then, and alive before", () => {
    const { cluster, peer, times } = written();
    cluster.run(500);
    cluster.step(peer, { type: "delete", request: 1, name: "n" });
    const deletedMs = cluster.now;
    cluster.run(500);
    new Editor(cluster, peer, "n").type("again");
    cluster.run(500);
    expect([times[2], deletedMs - 1, deletedMs, cluster.now].map((at) => textAt(peer, at))).toEqual([
      "one two three",
      "one two three",
      "deleted",
      "again",
    ]);
    // What ended is forgotten with its rows: from then on only what came after its end can be told.
    cluster.run(600_000 + 60_000);
    expect(readPast(peer.store, "n", deletedMs - 1)).toEqual({ state: "gone", oldestMs: deletedMs });
    expect(textAt(peer, deletedMs)).toBe("deleted");
  });

  it("[HIS5] a base that cannot be read takes the past before the head with it, and no more", () => {
    const { cluster, peer, editor } = written();
    cluster.run(590_000);
    editor.type(" four");
    cluster.run(1_000);
    const beforeMs = cluster.now;
    cluster.run(130_000);
    const { id } = peer.store.readDocument("n")!;
    expect(peer.store.readSnapshot(id, 1, "base")).toBeDefined();
    editor.type(" five");
    cluster.run(1);
    const fiveMs = peer.store.lastArrivalMs();
    cluster.step(peer, { type: "compact", request: 1 });
    cluster.run(10);
    editor.type(" six");
    cluster.run(1);
    const sixMs = cluster.now;
    expect(textAt(peer, beforeMs)).toBe("one two three four");
    peer.store.damage.snapshot(id, 1, "base");
    expect(readPast(peer.store, "n", beforeMs)).toEqual({ state: "gone", oldestMs: fiveMs });
    expect([fiveMs, sixMs].map((at) => textAt(peer, at))).toEqual([
      "one two three four five",
      "one two three four five six",
    ]);
  });

  it("[HIS6] a window that was opened later begins with what was there, not with nothing", () => {
    const cluster = new Cluster();
    const brief = cluster.add({ config: { historyMs: 0 } });
    const editor = new Editor(cluster, brief, "n").type("old ");
    cluster.run(10);
    cluster.step(brief, { type: "compact", request: 1 });
    cluster.run(10);
    expect(brief.store.readLog(1, 1, 0, 9)).toEqual([]);
    cluster.remove(brief);
    const long = cluster.add({ store: brief.store, config: { historyMs: 600_000 } });
    const later = new Editor(cluster, long, "n", { clientId: 5 });
    cluster.run(1_000);
    later.take().type("new ", 0);
    cluster.run(1);
    const midMs = cluster.now;
    cluster.run(10);
    later.type("newest ", 0);
    cluster.run(10);
    cluster.step(long, { type: "compact", request: 2 });
    cluster.run(10);
    expect(textAt(long, midMs)).toBe("new old ");
    expect(textAt(long, midMs - 2)).toBe("old ");
    expect(editor.text).toBe("old ");
  });
});

describe("the history of a document", () => {
  const each = { limit: 100, togetherMs: 0 };

  it("[HIS7] is told newest first, row by row or a minute together, page by page", () => {
    const cluster = new Cluster();
    const peer = cluster.add();
    const editor = new Editor(cluster, peer, "n");
    for (const [waitMs, text] of [
      [0, "a"],
      [20_000, "bb"],
      [30_000, "ccc"],
      [90_000, "d"],
    ] as const) {
      cluster.run(waitMs);
      editor.type(text);
      cluster.run(1);
    }
    const all = readHistory(peer.store, "n", each)!;
    expect(all.entries.map(({ rows, updates, kind }) => [rows, updates, kind])).toEqual([
      [1, 1, "changed"],
      [1, 1, "changed"],
      [1, 1, "changed"],
      [1, 1, "created"],
    ]);
    expect(all.next).toBeUndefined();
    const minutes = readHistory(peer.store, "n", { ...each, togetherMs: 60_000 })!;
    expect(minutes.entries.map(({ rows, kind }) => [rows, kind])).toEqual([
      [1, "changed"],
      [3, "created"],
    ]);
    const total = all.entries.slice(1).reduce((sum, { bytes }) => sum + bytes, 0);
    expect(minutes.entries[1]).toMatchObject({
      bytes: total,
      firstMs: all.entries[3]!.atMs,
      atMs: all.entries[1]!.atMs,
      writers: [{ principal: "", source: "local", updates: 3, bytes: total }],
    });
    const first = readHistory(peer.store, "n", { limit: 3, togetherMs: 0 })!;
    const rest = readHistory(peer.store, "n", { ...each, before: first.next })!;
    expect([...first.entries, ...rest.entries]).toEqual(all.entries);
    expect(readHistory(peer.store, "never", each)).toBeUndefined();
  });

  it("[HIS7] holds a few rows at a time, however many are one entry", () => {
    const cluster = new Cluster();
    const peer = cluster.add();
    const editor = new Editor(cluster, peer, "n");
    for (let row = 0; row < 50; row++) {
      editor.type("x");
      cluster.run(1);
    }
    const { store } = peer;
    const held: number[] = [];
    const readLogBefore: typeof store.readLogBefore = (...place) => {
      const rows = store.readLogBefore(...place);
      held.push(rows.length);
      return rows;
    };
    const watched = new Proxy(store, {
      get: (target, key) => {
        if (key === "readLogBefore") return readLogBefore;
        const value: unknown = Reflect.get(target, key);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const { entries } = readHistory(watched, "n", { ...each, togetherMs: 60_000 })!;
    expect(entries.map(({ rows, updates }) => [rows, updates])).toEqual([[50, 50]]);
    expect(Math.max(...held)).toBeLessThanOrEqual(16);
  });

  it("[HIS7] tells deletions, returns, and from whom changes came", () => {
    const cluster = new Cluster();
    const one = cluster.add();
    const two = cluster.add({ peers: [one.url] });
    cluster.run(5_000);
    new Editor(cluster, one, "n").type("x");
    cluster.run(100);
    cluster.step(two, { type: "delete", request: 1, name: "n" });
    cluster.run(100);
    new Editor(cluster, two, "n").type("y");
    cluster.run(100);
    const { entries } = readHistory(one.store, "n", { ...each, togetherMs: 60_000 })!;
    expect(entries.map(({ kind, incarnation, writers }) => [kind, incarnation, writers[0]?.source])).toEqual([
      ["recreated", 3, "broadcast"],
      ["deleted", 2, undefined],
      ["created", 1, "local"],
    ]);
  });
});
