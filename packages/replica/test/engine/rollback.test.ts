/** Disks that were put back to an earlier state, and who notices. */
import { describe, expect, it } from "vitest";
import type { MemoryStore } from "../../src/memory-store.ts";
import { STANDINGS_MAX } from "../../src/store.ts";
import { Cluster, Editor, peerIdOf } from "./cluster.ts";
import type { Peer } from "./cluster.ts";

const EDITS = 20;

/** Two equal peers; the second was copied aside before the last edits. */
function scene(): { cluster: Cluster; steady: Peer; other: Peer; old: MemoryStore } {
  const cluster = new Cluster();
  const steady = cluster.add();
  const other = cluster.add({ peers: [steady.url] });
  cluster.run(1_000);
  const editor = new Editor(cluster, other, "n");
  editor.type("early ");
  cluster.run(1_000);
  const old = other.store.clone();
  for (let i = 0; i < EDITS; i++) {
    editor.type(`${i} `);
    cluster.run(100);
  }
  cluster.run(20_000);
  expect(cluster.equal).toBe(true);
  return { cluster, steady, other, old };
}

const alarms = (peer: Peer, cluster: Cluster) => peer.replica.status(cluster.now).rolledBack;

describe("[MEM9] a peer that comes back older than it was", () => {
  it("is told by both sides, with how much was seen of it, and the alarm ends when both are equal", () => {
    const { cluster, steady, other, old } = scene();
    cluster.remove(other);
    cluster.run(1_000);
    const back = cluster.add({ peers: [steady.url], store: old, url: other.url });
    const told = { peerId: other.replica.peerId, behind: EDITS };
    cluster.until(() => steady.facts("rolled-back").length > 0, 20_000);
    expect(steady.facts("rolled-back")).toMatchObject([told]);
    cluster.until(() => back.facts("rolled-back-here").length > 0, 1_000);
    expect(back.facts("rolled-back-here")).toMatchObject([{ peerId: steady.replica.peerId, behind: EDITS }]);
    cluster.until(() => cluster.equal, 10_000);
    cluster.until(() => alarms(steady, cluster).length + alarms(back, cluster).length === 0, 20_000);
    expect(steady.facts("rollback-over")).toMatchObject([{ peerId: other.replica.peerId, here: false }]);
    expect(back.facts("rollback-over")).toMatchObject([{ peerId: steady.replica.peerId, here: true }]);
  });

  it("is noticed by a neighbour that was itself started anew, from what its disk remembers", () => {
    const { cluster, steady, other, old } = scene();
    cluster.remove(other);
    cluster.remove(steady);
    const again = cluster.add({ store: steady.store.clone(), url: steady.url });
    cluster.add({ peers: [steady.url], store: old, url: other.url });
    cluster.until(() => again.facts("rolled-back").length > 0, 20_000);
    expect(again.facts("rolled-back")).toMatchObject([{ peerId: other.replica.peerId, behind: EDITS }]);
  });

  it("stays told while it is not equal, whoever links again, and once only", () => {
    const { cluster, steady, other, old } = scene();
    cluster.remove(other);
    // Differences are lost: the two cannot become equal.
    cluster.loses = ({ messages }) => messages().some(({ type }) => type === "documents");
    const back = cluster.add({ peers: [steady.url], store: old, url: other.url });
    cluster.until(() => steady.facts("rolled-back").length > 0, 20_000);
    cluster.cut(steady, back);
    cluster.run(5_000);
    expect(alarms(steady, cluster)).toMatchObject([{ peerId: other.replica.peerId, here: false }]);
    expect(steady.facts("rolled-back")).toHaveLength(1);
    cluster.loses = () => false;
    cluster.until(() => alarms(steady, cluster).length === 0, 60_000);
  });
});

describe("[MEM10] no alarm", () => {
  it("for a peer that comes back as it was, nor for one whose links come and go", () => {
    const { cluster, steady, other } = scene();
    cluster.cut(steady, other);
    cluster.run(5_000);
    cluster.remove(other);
    cluster.run(1_000);
    const back = cluster.add({ peers: [steady.url], store: other.store.clone(), url: other.url });
    cluster.until(() => cluster.linksOf(back, steady).length > 0, 20_000);
    cluster.run(20_000);
    for (const peer of [steady, back]) {
      expect([...peer.facts("rolled-back"), ...peer.facts("rolled-back-here")]).toEqual([]);
    }
  });

  it("for a copied disk: two live processes with one id are told as that", () => {
    const { cluster, steady, old } = scene();
    const twin = cluster.add({ peers: [steady.url], store: old });
    cluster.until(() => steady.facts("duplicate-identity").length > 0, 20_000);
    cluster.run(20_000);
    expect(cluster.equal).toBe(true);
    cluster.cut(steady, twin);
    cluster.run(20_000);
    for (const peer of cluster.peers) {
      expect([...peer.facts("rolled-back"), ...peer.facts("rolled-back-here")]).toEqual([]);
    }
  });

  it("for sequences that a failed commit used up, of which a restart knows nothing", () => {
    const { cluster, steady, other } = scene();
    const editor = new Editor(cluster, other, "m");
    other.store.setCapacityBytes(0);
    editor.type("there is no room");
    cluster.run(20_000);
    expect(other.facts("commit-failed").length).toBeGreaterThan(0);
    cluster.remove(other);
    const store = other.store.clone();
    store.loseTail(0, { forgetSequence: true });
    cluster.run(1_000);
    cluster.add({ peers: [steady.url], store, url: other.url });
    cluster.run(20_000);
    expect(steady.facts("rolled-back")).toEqual([]);
  });
});

it("[MEM11] the standing of at most so many peers is remembered; who was silent for longest goes first", () => {
  const cluster = new Cluster();
  const store = new (cluster.add().store.constructor as typeof MemoryStore)({ peerId: peerIdOf(999) });
  const rows = Array.from({ length: STANDINGS_MAX }, (_, i) => ({
    peerId: peerIdOf(5_000 + i),
    sequence: 7,
    seenMs: 10 + ((i * 37) % STANDINGS_MAX),
  }));
  store.transaction(() => store.writeStandings(rows));
  const full = cluster.add({ store });
  cluster.add({ peers: [full.url] });
  cluster.run(40_000);
  const kept = store.readStandings();
  expect(kept).toHaveLength(STANDINGS_MAX);
  expect(kept.some(({ peerId }) => peerId === cluster.peers[2]?.replica.peerId)).toBe(true);
  expect(kept.some(({ peerId }) => peerId === rows.find(({ seenMs }) => seenMs === 10)?.peerId)).toBe(false);
});
