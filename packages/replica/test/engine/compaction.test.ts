/** Snapshots, the history window, and joins that are encoded once. */
import { describe, expect, it, vi } from "vitest";
import { doWork } from "../../src/document/do-work.ts";
import { decodeStateVector } from "../../src/document/state-vector.ts";
import type { Peer } from "./cluster.ts";
import { Inspector } from "../../src/verification/inspect.ts";
import { CLUSTER, Cluster, Editor, textOf } from "./cluster.ts";

const HISTORY_MS = 600_000;

function written(rows: number, config = {}) {
  const cluster = new Cluster();
  const peer = cluster.add({ config: { historyMs: HISTORY_MS, ...config } });
  const writer = new Editor(cluster, peer, "n");
  for (let i = 0; i < rows; i++) {
    writer.type(`${i} `.padEnd(500, "."));
    cluster.run(1);
  }
  return { cluster, peer, writer };
}

function rowOf(peer: Peer, name = "n") {
  return peer.store.readDocument(name)!;
}

function rowsOf(peer: Peer): number {
  return peer.store.readLog(rowOf(peer).id, 1, 0, 10_000).length;
}

describe("compaction", () => {
  it("[INC18] begins by itself when the tail outweighs its bound and the head", () => {
    const { cluster, peer, writer } = written(100);
    expect(rowOf(peer)).toMatchObject({ headBytes: 0 });
    for (let i = 0; i < 100; i++) {
      writer.type("x".repeat(500));
      cluster.run(1);
    }
    expect(peer.facts("compacted").length).toBe(1);
    expect(rowOf(peer).headBytes).toBeGreaterThan(60_000);
    const tail = peer.store.readLog(
      rowOf(peer).id,
      1,
      peer.store.readSnapshot(rowOf(peer).id, 1, "head")!.sequence,
      999,
    );
    const bytes = tail.flatMap(({ segments }) => segments ?? []).reduce((sum, { update }) => sum + update.length, 0);
    expect(rowOf(peer).tailBytes).toBe(bytes);
    expect(textOf(peer, "n", cluster.now)).toBe(writer.text);
  });

  it("[INC18] changes no fingerprint, and what is loaded afterwards is the same", () => {
    const { cluster, peer, writer } = written(20);
    writer.doc.getText("t").delete(3, 700);
    cluster.run(10);
    const { root } = peer.replica.status(cluster.now);
    cluster.step(peer, { type: "compact", request: 1 });
    cluster.run(10);
    expect(peer.of("compacted")).toMatchObject([{ request: 1, documents: 1 }]);
    expect(peer.of("compacted")[0]!.bytesAfter).toBeLessThan(peer.of("compacted")[0]!.bytesBefore);
    expect(peer.replica.status(cluster.now).root).toBe(root);
    cluster.remove(peer);
    const again = cluster.add({ store: peer.store });
    expect(again.replica.status(cluster.now).root).toBe(root);
    expect(textOf(again, "n", cluster.now)).toBe(writer.text);
    cluster.step(again, { type: "verify", request: 1, deep: true, timeoutMs: 1_000 });
    cluster.run(1_100);
    expect(again.of("verified")[0]!.report.equal).toBe(true);
  });

  it("[INC18] all of many documents, a few under way at once", () => {
    const cluster = new Cluster();
    const peer = cluster.add();
    for (let i = 0; i < 100; i++) new Editor(cluster, peer, `${i}`).type("x");
    new Editor(cluster, peer, "dead").type("x");
    cluster.run(10);
    cluster.step(peer, { type: "delete", request: 1, name: "dead" });
    peer.mark();
    cluster.step(peer, { type: "compact", request: 2 });
    let most = 0;
    cluster.until(() => {
      most = Math.max(most, peer.replica.status(cluster.now).work);
      return peer.of("compacted").length > 0;
    }, 1_000);
    expect(peer.of("compacted")).toMatchObject([{ request: 2, documents: 100 }]);
    expect(most).toBeLessThanOrEqual(8);
  });

  /** Starts a compaction whose result is held back. */
  function begin(cluster: Cluster, peer: Peer) {
    const effects = peer.replica.step([{ type: "compact", request: 1 }], cluster.now);
    return effects.find((effect) => effect.type === "work")!;
  }

  it("[INC18] one that comes back after a newer one changes nothing", () => {
    const { cluster, peer, writer } = written(10, { entryIdleMs: 100, compactTailBytes: 6_000 });
    const work = begin(cluster, peer);
    cluster.run(1_000);
    writer.type("more ".repeat(1_000));
    cluster.run(10);
    const { sequence } = peer.store.readSnapshot(rowOf(peer).id, 1, "head")!;
    expect(sequence).toBe(rowOf(peer).lastSequence);
    cluster.step(peer, { type: "work-done", work: work.work, result: doWork(work.job) });
    expect(peer.store.readSnapshot(rowOf(peer).id, 1, "head")!.sequence).toBe(sequence);
    expect(textOf(peer, "n", cluster.now)).toBe(writer.text);
  });

  it("[INC18] one that comes back after a deletion changes nothing", () => {
    const { cluster, peer } = written(10);
    const work = begin(cluster, peer);
    cluster.step(peer, { type: "delete", request: 1, name: "n" });
    cluster.step(peer, {
      type: "work-done",
      work: work.work,
      result: { kind: "compact", snapshot: Uint8Array.of(0, 0) },
    });
    expect(rowOf(peer)).toMatchObject({ incarnation: 2, headBytes: 0 });
    expect(peer.store.readSnapshot(rowOf(peer).id, 1, "head")).toBeUndefined();
  });

  it("[INC18] without room nothing is lost, and it is done later", () => {
    const { cluster, peer, writer } = written(10);
    peer.store.failNext("full", 1);
    cluster.step(peer, { type: "compact", request: 1 });
    cluster.run(10);
    expect(peer.of("compacted").length).toBe(1);
    expect(rowOf(peer).headBytes).toBe(0);
    cluster.step(peer, { type: "compact", request: 2 });
    cluster.run(10);
    expect(rowOf(peer).headBytes).toBeGreaterThan(0);
    expect(textOf(peer, "n", cluster.now)).toBe(writer.text);
  });
});

describe("the compaction of a long tail", () => {
  const ROWS = 700;

  function longTail() {
    const cluster = new Cluster();
    const peer = cluster.add({ config: { historyMs: HISTORY_MS, compactTailBytes: 1e9 } });
    const writer = new Editor(cluster, peer, "n");
    for (let i = 0; i < ROWS; i++) {
      writer.type(".");
      cluster.run(1);
    }
    return { cluster, peer, writer };
  }

  it("[INC26] reads a bounded number of rows in one step, and lets others in between", () => {
    const { cluster, peer, writer } = longTail();
    const read = vi.spyOn(peer.store, "readLog");
    const rowsRead = () => read.mock.results.reduce((sum, { value }) => sum + (value as unknown[]).length, 0);
    const effects = peer.replica.step([{ type: "compact", request: 1 }], cluster.now);
    expect(effects.filter(({ type }) => type === "work")).toEqual([]);
    expect(rowsRead()).toBeLessThanOrEqual(600);
    expect(peer.replica.nextDeadline()).toBeLessThanOrEqual(cluster.now);
    writer.type("in between");
    cluster.run(100);
    expect(peer.of("compacted")).toMatchObject([{ documents: 1 }]);
    expect(rowOf(peer)).toMatchObject({ tailBytes: 0 });
    expect(textOf(peer, "n", cluster.now)).toBe(`${".".repeat(ROWS)}in between`);
    read.mockRestore();
  });

  it("[INC26] gives up on a document that dies while it is read, and on one that is found damaged", () => {
    const { cluster, peer } = longTail();
    peer.replica.step([{ type: "compact", request: 1 }], cluster.now);
    cluster.step(peer, { type: "delete", request: 2, name: "n" });
    cluster.run(100);
    expect(peer.of("compacted")).toMatchObject([{ documents: 0 }]);
    expect(rowOf(peer)).toMatchObject({ incarnation: 2, headBytes: 0 });

    const other = longTail();
    const rows = other.peer.store.readLog(rowOf(other.peer).id, 1, 0, ROWS);
    other.peer.store.damage.log(rows.at(-1)!.sequence);
    other.cluster.step(other.peer, { type: "compact", request: 1 });
    other.cluster.run(100);
    expect(other.peer.facts("quarantined")).toHaveLength(1);
    other.cluster.step(other.peer, { type: "compact", request: 2 });
    other.cluster.run(100);
    expect(other.peer.of("compacted")).toMatchObject([{ documents: 0 }, { documents: 1 }]);
    expect(textOf(other.peer, "n", other.cluster.now)).toBe(".".repeat(ROWS - 1));
  });
});

describe("the history window", () => {
  it("[INC27] of one document, a bounded number of rows leaves in one step, and the rest soon after", () => {
    const { cluster, peer, writer } = written(0, { compactTailBytes: 1e9 });
    for (let i = 0; i < 2_100; i++) {
      writer.type(".");
      cluster.run(0);
    }
    cluster.step(peer, { type: "compact", request: 1 });
    cluster.run(HISTORY_MS - 1_000);
    const left: number[] = [];
    for (let swept = rowsOf(peer); swept > 0; cluster.run(50)) {
      if (swept !== left.at(-1)) left.push(swept);
      swept = rowsOf(peer);
    }
    expect(left).toEqual([2_100, 1_100, 100]);
    expect(textOf(peer, "n", cluster.now)).toBe(writer.text);
    expect(new Inspector(peer.store, CLUSTER).complaints()).toEqual([]);
  });

  it("[INC21] rows of deletions, which stay for ever, keep no later row in the log", () => {
    const cluster = new Cluster();
    const peer = cluster.add({ config: { historyMs: HISTORY_MS } });
    for (let i = 0; i < 1_050; i++) {
      new Editor(cluster, peer, "again").type("x");
      cluster.run(0);
      cluster.step(peer, { type: "delete", request: i, name: "again" });
    }
    cluster.run(HISTORY_MS + 200_000);
    new Editor(cluster, peer, "n").type("x");
    cluster.run(HISTORY_MS + 200_000);
    expect(rowOf(peer, "again").incarnation).toBe(2_100);
    expect(peer.store.readSnapshot(rowOf(peer).id, 1, "base")).toBeDefined();
    expect(rowsOf(peer)).toBe(0);
  });

  it("[INC19] rows that have left it are in the base, and nothing is lost", () => {
    const { cluster, peer, writer } = written(10);
    cluster.run(HISTORY_MS / 2);
    writer.type("later");
    cluster.run(HISTORY_MS / 2 + 130_000);
    const { id } = rowOf(peer);
    expect(rowsOf(peer)).toBe(1);
    const base = peer.store.readSnapshot(id, 1, "base")!;
    const [row] = peer.store.readLog(id, 1, 0, 10);
    expect(base.sequence).toBeLessThan(row!.sequence);
    expect(base.update).toBeDefined();
    expect(textOf(peer, "n", cluster.now)).toBe(writer.text);
    cluster.run(HISTORY_MS);
    expect(rowsOf(peer)).toBe(0);
    cluster.remove(peer);
    const again = cluster.add({ store: peer.store });
    expect(textOf(again, "n", cluster.now)).toBe(writer.text);
    expect(again.replica.status(cluster.now).root).toBe(peer.replica.status(cluster.now).root);
  });

  describe("of a large document", () => {
    /** Has a head, and all rows but the last two out of the window; the sweep that retires them is yet to come. */
    function due() {
      const { cluster, peer, writer } = written(40, { sweepIntervalMs: 60_000, inlineWorkBytes: 8_000 });
      cluster.step(peer, { type: "compact", request: 1 });
      cluster.run(HISTORY_MS - 1_000);
      writer.type("later");
      cluster.run(1);
      return { cluster, peer, writer };
    }

    /** Steps until the merge is asked for, and holds it back. */
    function beginMerge(cluster: Cluster, peer: Peer) {
      for (;;) {
        cluster.now += 1_000;
        for (const effect of peer.replica.step([], cluster.now)) {
          if (effect.type === "work" && effect.job.kind === "merge") return effect;
        }
      }
    }

    it("[HIS11] it is merged by a worker, and the rows stay until that is done", () => {
      const { cluster, peer, writer } = due();
      const work = beginMerge(cluster, peer);
      expect(rowsOf(peer)).toBe(41);
      // Another walk of the sweep does not begin it again.
      cluster.run(120_000);
      expect(rowsOf(peer)).toBe(41);
      cluster.step(peer, { type: "work-done", work: work.work, result: doWork(work.job) });
      expect(rowsOf(peer)).toBe(1);
      const base = peer.store.readSnapshot(rowOf(peer).id, 1, "base")!;
      expect(decodeStateVector(base.stateVector!).get(writer.doc.clientID)).toBeLessThan(writer.text.length);
      expect(textOf(peer, "n", cluster.now)).toBe(writer.text);
    });

    it("[HIS11] what comes back after a deletion, or fails, changes nothing", () => {
      const { cluster, peer } = due();
      const failed = beginMerge(cluster, peer);
      cluster.step(peer, { type: "work-done", work: failed.work, result: { kind: "failed", detail: "died" } });
      expect(rowsOf(peer)).toBe(41);
      const work = beginMerge(cluster, peer);
      cluster.step(peer, { type: "delete", request: 2, name: "n" });
      cluster.step(peer, { type: "work-done", work: work.work, result: doWork(work.job) });
      expect(peer.store.readSnapshot(rowOf(peer).id, 1, "base")).toBeUndefined();
      expect(rowsOf(peer)).toBe(41);
    });
  });

  it("[INC19] what was deleted stays readable for it, and goes then; the tombstone stays", () => {
    const { cluster, peer } = written(3);
    const { id } = rowOf(peer);
    cluster.step(peer, { type: "delete", request: 1, name: "n" });
    cluster.run(HISTORY_MS - 10_000);
    expect(peer.store.readLog(id, 1, 0, 10).length).toBe(3);
    cluster.run(HISTORY_MS);
    expect(peer.store.readLog(id, 1, 0, 10)).toEqual([]);
    expect(peer.store.readLog(id, 2, 0, 10).length).toBe(1);
    expect(rowOf(peer).incarnation).toBe(2);
  });
});

describe("joins of a large document", () => {
  it("[MEM8] many at once are encoded once, and more of the same version not at all", () => {
    const { cluster, peer } = written(400);
    peer.mark();
    const readers = Array.from({ length: 50 }, () => new Editor(cluster, peer, "n"));
    cluster.run(10);
    expect(peer.of("work").filter(({ job }) => job.kind === "encode").length).toBe(1);
    for (const reader of readers) expect(reader.take().text.length).toBeGreaterThan(100_000);
    new Editor(cluster, peer, "n");
    cluster.run(10);
    expect(peer.of("work").filter(({ job }) => job.kind === "encode").length).toBe(1);
    const answers = peer.of("answer").map(({ update }) => update);
    expect(new Set(answers).size).toBe(1);
  });

  it("[MEM8] a new version is encoded anew, and unused answers are let go", () => {
    const { cluster, peer, writer } = written(400);
    new Editor(cluster, peer, "n");
    cluster.run(10);
    writer.type("more");
    cluster.run(10);
    peer.mark();
    const reader = new Editor(cluster, peer, "n");
    cluster.run(10);
    expect(reader.take().text).toBe(writer.text);
    expect(peer.of("work").filter(({ job }) => job.kind === "encode").length).toBe(1);
    cluster.run(20_000);
    new Editor(cluster, peer, "n");
    cluster.run(10);
    expect(peer.of("work").filter(({ job }) => job.kind === "encode").length).toBe(2);
  });

  it("[MEM8] jobs away are bounded, and the rest wait without holding bytes", () => {
    const { cluster, peer } = written(400, { workInFlightMax: 2 });
    const text = new Editor(cluster, peer, "n");
    cluster.run(10);
    text.take();
    const clients = Array.from({ length: 6 }, (_, i) => new Editor(cluster, peer, `own ${i}`).type("x"));
    cluster.run(10);
    const attaches = clients.map((client, i) => ({
      type: "attach" as const,
      subscriber: 5_000 + i,
      name: "n",
      stateVector: client.stateVector(),
    }));
    const effects = peer.replica.step(attaches, cluster.now);
    expect(effects.filter(({ type }) => type === "work").length).toBe(2);
    expect(peer.replica.status(cluster.now).work).toBe(6);
  });
});
