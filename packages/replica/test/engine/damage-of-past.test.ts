/** Damage to what only history reads: found by the daily check and by verification, told, and of no consequence to today. */
import { describe, expect, it } from "vitest";
import { readHistory } from "../../src/history/changes.ts";
import { readPast } from "../../src/history/past.ts";
import type { MemoryStore } from "../../src/memory-store.ts";
import type { Peer } from "./cluster.ts";
import { Cluster, Editor, textOf } from "./cluster.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const CONFIG = { historyMs: 10 * DAY_MS, scrubIntervalMs: 120_000 };

/** Three lines below the head and one after it, in a document; and another that was deleted. Times are of the three. */
function written() {
  const cluster = new Cluster();
  const a = cluster.add({ config: CONFIG });
  const b = cluster.add({ config: CONFIG, peers: [a.url] });
  cluster.run(2_000);
  const gone = new Editor(cluster, a, "gone").type("dead words");
  cluster.run(1_000);
  cluster.step(a, { type: "compact", request: 1 });
  cluster.run(100);
  cluster.step(a, { type: "delete", request: 2, name: gone.name });
  const editor = new Editor(cluster, a, "n");
  const times: number[] = [];
  for (const text of ["one", " two", " three"]) {
    editor.type(text);
    cluster.run(1_000);
    times.push(a.store.readDocument("n")!.lastArrivalMs);
  }
  cluster.step(a, { type: "compact", request: 3 });
  editor.type(" four");
  cluster.run(10_000);
  a.mark();
  return { cluster, a, b, times: times as [number, number, number], id: a.store.readDocument("n")!.id };
}

function rows(store: MemoryStore): number[] {
  return store.readLog(store.readDocument("n")!.id, 1, 0, 100).map(({ sequence }) => sequence);
}

function verify(cluster: Cluster, peer: Peer) {
  cluster.step(peer, { type: "verify", request: 9, deep: true, timeoutMs: 5_000 });
  cluster.run(6_000);
  return peer.of("verified").at(-1)!.report;
}

describe("damage to the past", () => {
  it("[INC22] a log row below the head: told once, the past is marked from there on, and today is whole", () => {
    const { cluster, a, b, times } = written();
    const damaged = rows(a.store)[1]!;
    a.store.damage.log(damaged);
    const what = `n: log row ${damaged}`;
    const report = verify(cluster, a);
    expect(report).toMatchObject({ equal: true, local: { bad: [], past: { damaged: [what], complete: true } } });
    verify(cluster, a);
    expect(a.facts("past-damaged")).toEqual([{ kind: "past-damaged", name: "n", detail: `log row ${damaged}` }]);
    expect(a.facts("quarantined")).toEqual([]);
    expect(a.store.counts().quarantined).toBe(0);
    expect(cluster.equal).toBe(true);
    expect(textOf(a, "n", cluster.now)).toBe(textOf(b, "n", cluster.now));
    const marks = times.map((time) => readPast(a.store, "n", time)).map((past) => "damaged" in past && past.damaged);
    expect(marks).toEqual([false, true, false]);
    expect(readPast(a.store, "n", cluster.now)).toMatchObject({ state: "alive", damaged: false });
    const history = readHistory(a.store, "n", { limit: 9, togetherMs: 0 })!;
    expect(history.entries.map((entry) => entry.damaged)).toEqual([0, 0, 1, 0]);
  });

  it("[INC22] is found by the daily check, without anybody asking", () => {
    const { cluster, a } = written();
    a.store.damage.log(rows(a.store)[0]!);
    cluster.run(130_000);
    expect(a.facts("past-damaged")).toHaveLength(1);
    cluster.run(130_000);
    expect(a.facts("past-damaged")).toHaveLength(1);
    expect(a.facts("quarantined")).toEqual([]);
  });

  it("[INC22] what is kept of a deleted document: rows, and a snapshot", () => {
    const { cluster, a } = written();
    const { id } = a.store.readDocument("gone")!;
    a.store.damage.snapshot(id, 1, "head");
    a.store.damage.log(a.store.readLog(id, 1, 0, 1)[0]!.sequence);
    const { local, equal } = verify(cluster, a);
    expect(local.past.damaged).toEqual([
      expect.stringMatching(/^gone: log row/),
      expect.stringMatching(/^gone: head snapshot of incarnation 1/),
    ]);
    expect({ equal, bad: local.bad }).toEqual({ equal: true, bad: [] });
  });

  it("[INC22, HIS5] a base: the past begins with the head, and the document of today is whole", () => {
    const cluster = new Cluster();
    const peer = cluster.add({ config: { historyMs: 60_000, sweepIntervalMs: 1_000, scrubIntervalMs: DAY_MS } });
    const editor = new Editor(cluster, peer, "n").type("one");
    cluster.run(30_000);
    editor.type(" two");
    cluster.run(1_000);
    cluster.step(peer, { type: "compact", request: 1 });
    cluster.run(40_000);
    const { id, lastArrivalMs } = peer.store.readDocument("n")!;
    expect(peer.store.readSnapshot(id, 1, "base")?.update).toBeDefined();
    peer.store.damage.snapshot(id, 1, "base");
    expect(verify(cluster, peer)).toMatchObject({ equal: true, local: { bad: [] } });
    expect(peer.facts("past-damaged")).toMatchObject([{ name: "n", detail: expect.stringContaining("base snapshot") }]);
    expect(readPast(peer.store, "n", lastArrivalMs - 1)).toEqual({ state: "gone", oldestMs: lastArrivalMs });
    expect(readPast(peer.store, "n", lastArrivalMs)).toMatchObject({ state: "alive", damaged: false });
    expect(textOf(peer, "n", cluster.now)).toBe("one two");
    expect(peer.facts("quarantined")).toEqual([]);
  });

  it("[INC22] a step reads a bounded number of rows, and a check that has no time says so", () => {
    const { cluster, a } = written();
    const editor = new Editor(cluster, a, "busy");
    for (let turn = 0; turn < 1_500; turn++) {
      editor.type("x");
      cluster.step(a, ...a.inbox.splice(0));
    }
    let read = 0;
    const { readChanges } = a.store;
    a.store.readChanges = (after, limit) => {
      const page = readChanges.call(a.store, after, limit);
      read += page.length;
      return page;
    };
    cluster.step(a, { type: "verify", request: 4, deep: false, timeoutMs: 60_000 });
    let most = 0;
    for (let steps = 0; a.of("verified").length === 0 && steps < 50; steps++) {
      const before = read;
      cluster.step(a);
      most = Math.max(most, read - before);
    }
    expect(read).toBeGreaterThan(1_500);
    expect(most).toBeGreaterThan(500);
    expect(most).toBeLessThanOrEqual(1_088);
    a.mark();
    cluster.step(a, { type: "verify", request: 5, deep: false, timeoutMs: 0 });
    cluster.run(100);
    expect(a.of("verified")[0]?.report.local.past).toEqual({ damaged: [], complete: false });
  });
});
