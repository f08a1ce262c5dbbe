/** Clusters in the middle of an upgrade: peers of version 2 between peers of this one. */
import { describe, expect, it } from "vitest";
import { Cluster, Editor, textOf } from "./cluster.ts";
import type { Peer } from "./cluster.ts";

const OLD = 1;

/** Three peers of which the second is of version 2, linked as the pairs say. */
function arrange(pairs: readonly (readonly [number, number])[]) {
  const cluster = new Cluster();
  const urls = ["ws://place-0:1", "ws://place-1:1", "ws://place-2:1"];
  let old: Peer | undefined;
  cluster.isOfVersion2 = (peer) => peer === old;
  const peers = urls.map((url, i) => {
    const dialled = pairs.flatMap(([from, to]) => (from === i ? [urls[to]!] : []));
    const peer = cluster.add({ url, peers: dialled, discovery: false });
    if (i === OLD) old = peer;
    return peer;
  });
  cluster.run(3_000);
  for (const peer of peers) peer.mark();
  cluster.records = true;
  return { cluster, peers };
}

/** Writes a letter at each peer in turn, and expects it everywhere at once, without a round. */
function expectLivePush(cluster: Cluster, peers: readonly Peer[]): void {
  const editors = peers.map((peer, i) => new Editor(cluster, peer, `of ${i}`));
  for (let i = 0; i < 9; i++) {
    editors[i % 3]!.type("x");
    cluster.run(20);
    const length = "x".repeat(Math.floor(i / 3) + 1);
    for (const peer of peers) expect(textOf(peer, `of ${i % 3}`, cluster.now)).toBe(length);
  }
  expect(peers.flatMap((peer) => peer.facts("round-started"))).toEqual([]);
}

describe("a peer of version 2 between two of version 3", () => {
  it("[GOS19] passes live push on where there is no other way", () => {
    const { cluster, peers } = arrange([
      [1, 0],
      [2, 1],
    ]);
    expectLivePush(cluster, peers);
  });

  it("[GOS19] passes it on beside a tree, and is told nothing of it", () => {
    const { cluster, peers } = arrange([
      [1, 0],
      [2, 1],
      [0, 2],
    ]);
    expectLivePush(cluster, peers);
    const aboutTrees = cluster.sent.filter(({ message: { type } }) =>
      ["have", "graft", "prune", "gone"].includes(type),
    );
    expect(aboutTrees.filter(({ from, to }) => from === peers[OLD] || to === peers[OLD])).toEqual([]);
  });

  it("[AE2] is compared with and filled as ever", () => {
    const { cluster, peers } = arrange([
      [1, 0],
      [2, 1],
    ]);
    cluster.step(peers[OLD]!, { type: "pause-links", peer: undefined, paused: true });
    cluster.run(100);
    for (let i = 0; i < 700; i++) new Editor(cluster, peers[0]!, `document ${i}`).type(`${i}`);
    for (let i = 0; i < 40; i++) new Editor(cluster, peers[2]!, `other ${i}`).type(`${i}`);
    cluster.run(100);
    cluster.step(peers[OLD]!, { type: "pause-links", peer: undefined, paused: false });
    cluster.until(() => cluster.equal, 60_000);
    expect(peers[2]!.replica.status(cluster.now).counts.alive).toBe(740);
  });
});
