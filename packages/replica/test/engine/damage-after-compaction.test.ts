/** Damage in a document whose older rows are in its snapshot only: found by simulation, told here as transcripts. */
import { describe, expect, it } from "vitest";
import { Inspector } from "../../src/verification/inspect.ts";
import type { Peer } from "./cluster.ts";
import { CLUSTER, Cluster, Editor, textOf } from "./cluster.ts";

const CONFIG = { historyMs: 60_000, compactTailBytes: 1e9, checkpointBytes: 1e6 };

/** One document, its first rows retired into the head snapshot, and some rows after it. `before`: happens before rows retire. */
function compacted(before: (peer: Peer) => void = () => {}) {
  const cluster = new Cluster();
  const peer = cluster.add({ config: CONFIG });
  const writer = new Editor(cluster, peer, "n");
  for (let i = 0; i < 20; i++) writer.type(`line ${i} `);
  cluster.run(1_000);
  cluster.step(peer, { type: "compact", request: 1 });
  before(peer);
  cluster.run(400_000);
  writer.type("tail ");
  cluster.run(1_000);
  return { cluster, peer, writer, id: peer.store.readDocument("n")!.id };
}

describe("damage after compaction", () => {
  it("[INC16] a rebuilt document is whole when it is loaded again: its snapshot counts, not its rows alone", () => {
    const { cluster, peer, writer, id } = compacted();
    const whole = writer.text;
    // The fence is read on loading: the document is rebuilt, and released again with nothing lost.
    peer.store.damage.fence(id);
    cluster.run(60_000);
    new Editor(cluster, peer, "n");
    cluster.run(100);
    expect(peer.facts("quarantined")).toHaveLength(1);
    const again = cluster.add({ store: peer.store, config: CONFIG });
    cluster.remove(peer);
    new Editor(cluster, again, "n").type("more ");
    cluster.run(1_000);
    expect(textOf(again, "n", cluster.now)).toContain(whole);
    const inspector = new Inspector(again.store, CLUSTER);
    expect(inspector.complaints().filter((complaint) => !complaint.includes("not yet repaired"))).toEqual([]);
    const total = [...inspector.document("n")!.clocks.values()].reduce((sum, clock) => sum + clock, 0);
    expect(total).toBe(`${whole}more `.length);
  });

  it("[INC16] found while there is no room: no head is made of less than there is", () => {
    const { cluster, peer, writer, id } = compacted();
    const whole = writer.text;
    peer.store.damage.snapshot(id, 1, "head");
    // What the disk could not be told once is told later; a compaction in between must not take what it could read for all there is.
    peer.store.failNext("full", 1);
    cluster.step(peer, { type: "compact", request: 2 });
    cluster.run(1_000);
    cluster.step(peer, { type: "compact", request: 3 });
    cluster.run(1_000);
    expect(peer.facts("quarantined")[0]).toMatchObject({ name: "n", detail: "the head snapshot" });
    expect(textOf(peer, "n", cluster.now)).toBe(whole);
    const complaints = new Inspector(peer.store, CLUSTER).complaints();
    expect(complaints.filter((complaint) => !complaint.includes("not yet repaired"))).toEqual([]);
  });

  it("[INC16] found while there is no room: is not told as repaired before the disk is", () => {
    const { cluster, peer, id } = compacted();
    const other = cluster.add({ peers: [peer.url], config: CONFIG });
    cluster.run(20_000);
    peer.store.damage.snapshot(id, 1, "head");
    peer.store.failNext("full", 1);
    cluster.step(peer, { type: "compact", request: 2 });
    cluster.run(40_000);
    new Editor(cluster, other, "n").type("more ");
    cluster.run(40_000);
    expect(peer.facts("repaired")).toMatchObject([{ name: "n" }]);
    expect(peer.store.readSnapshot(id, 1, "head")?.update).toBeDefined();
    expect(new Inspector(peer.store, CLUSTER).complaints()).toEqual([]);
  });

  it("[INC16] a damaged checkpoint is found by verification, before anybody needs it", () => {
    const { cluster, peer, id } = compacted();
    peer.store.damage.checkpoint(id);
    cluster.step(peer, { type: "verify", request: 2, deep: false, timeoutMs: 1_000 });
    cluster.run(5_000);
    expect(peer.facts("quarantined")).toMatchObject([{ name: "n", detail: "the lattice checkpoint" }]);
    expect(new Inspector(peer.store, CLUSTER).document("n")?.damage).toBeUndefined();
  });

  it("[INC16] a base made where a row of the past is damaged is whole, and can take the place of the head", () => {
    const { cluster, peer, writer, id } = compacted(({ store }) => {
      const [first] = store.readLog(store.readDocument("n")!.id, 1, 0, 1);
      store.damage.log(first!.sequence);
    });
    expect(peer.store.readLog(id, 1, 0, 100)).toHaveLength(1);
    peer.store.damage.snapshot(id, 1, "head");
    cluster.step(peer, { type: "verify", request: 2, deep: false, timeoutMs: 1_000 });
    cluster.run(5_000);
    expect(peer.facts("quarantined")).toMatchObject([{ name: "n", detail: "the head snapshot" }]);
    expect(textOf(peer, "n", cluster.now)).toBe(writer.text);
  });
});
