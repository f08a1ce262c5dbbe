import { describe, expect, it } from "vitest";
import { Cluster, Editor } from "../engine/cluster.ts";
import type { Peer } from "../engine/cluster.ts";
import { Chain } from "./truth.ts";

function lagOf(cluster: Cluster, peer: Peer) {
  return peer.replica.status(cluster.now).lag;
}

function beats(cluster: Cluster, from: Peer, to: Peer): number {
  return cluster.sent.filter((sent) => sent.from === from && sent.to === to && sent.message.type === "beat").length;
}

describe("beats", () => {
  it("[LAG2] are said to followers only, write nothing, and go down the chain as soon as they come", () => {
    const { cluster, writer, followers } = new Chain(2, 0);
    const [first, second] = followers as [Peer, Peer];
    const other = cluster.add({ peers: [writer.url], discovery: false });
    cluster.run(5_000);
    cluster.records = true;
    for (const peer of cluster.peers) peer.mark();
    cluster.run(1_000);
    expect(beats(cluster, writer, first)).toBe(33);
    expect(beats(cluster, first, second)).toBe(33);
    expect(beats(cluster, writer, other) + beats(cluster, other, writer)).toBe(0);
    expect(beats(cluster, first, writer) + beats(cluster, second, first)).toBe(0);
    for (const peer of cluster.peers) expect(peer.facts("committed")).toEqual([]);
  });

  it("[LAG2] are silent where nobody follows", () => {
    const cluster = new Cluster();
    const a = cluster.add();
    cluster.add({ peers: [a.url] });
    cluster.run(100);
    cluster.records = true;
    cluster.run(1_000);
    expect(cluster.sent.filter(({ message }) => message.type === "beat")).toEqual([]);
  });

  it("[LAG3] a link that was denied a push is behind until a round that began later has brought it", () => {
    const chain = new Chain(2, 2);
    const { cluster, writer, followers } = chain;
    const [first] = followers as [Peer, Peer];
    chain.run(400, 10, false);
    const [link] = cluster.linksOf(writer, first);
    cluster.step(writer, { type: "link-congested", link: link! });
    chain.run(300, 10);
    expect(chain.trueMsMax).toBeGreaterThan(250);
    cluster.step(writer, { type: "link-drained", link: link! });
    chain.run(400, 10);
    expect(chain.trueMs(first)).toBeLessThan(20);
    // The first writes after it drained wait at the follower for those that were dropped: half a dozen ms for the round.
    expect(chain.worst.errorMs).toBeLessThanOrEqual(50);
  });

  it("[LAG3] what could not be committed is lacking, however much of it was heard", () => {
    const chain = new Chain(1, 2);
    const { cluster, followers } = chain;
    const [first] = followers as [Peer];
    chain.run(400, 10, false);
    first.store.failNext("full", 2);
    chain.run(5, 5);
    expect(first.facts("commit-failed")).toHaveLength(1);
    // Before the next round at the soonest.
    chain.run(95, 0);
    const said = chain.saidMs(first) ?? 0;
    expect(said).toBeGreaterThan(100);
    chain.run(1_500, 0, false);
    expect(chain.trueMs(first)).toBe(0);
    expect(chain.saidMs(first)).toBeLessThanOrEqual(50);
    expect(cluster.equal).toBe(true);
  });

  it("[LAG4] what a repair brought and is too much to pass on is lacking below until it was asked for", () => {
    const chain = new Chain(3, 2, { config: { repairPushBytesMax: 10 } });
    const { cluster, writer, followers } = chain;
    chain.run(400, 10, false);
    for (const paused of [true, false]) {
      cluster.step(writer, { type: "pause-links", peer: undefined, paused });
      chain.run(600, 10);
    }
    expect(chain.followers.map((follower) => chain.trueMs(follower) < 20)).toEqual([true, true, true]);
    expect(followers.map((follower) => (chain.saidMs(follower) ?? 999) <= 50)).toEqual([true, true, true]);
    expect(chain.worst.errorMs).toBeLessThanOrEqual(50);
  });

  it("[LAG5] of several ways to a writer the quickest counts, and a ring of followers deceives nobody", () => {
    const cluster = new Cluster();
    cluster.latencyMs = 2;
    const writer = cluster.add({ discovery: false });
    const urls = [2, 3, 4].map((number) => `ws://peer-${number}:1`);
    const ring = [0, 1, 2].map((at) =>
      cluster.add({ role: "follower", discovery: false, peers: [writer.url, urls[(at + 1) % 3]!] }),
    );
    new Editor(cluster, writer, "n").type("x");
    cluster.run(2_000);
    for (const peer of ring) expect(lagOf(cluster, peer).lagMs).toBeLessThanOrEqual(50);
    const cutAt = cluster.now;
    cluster.step(writer, { type: "pause-links", peer: undefined, paused: true });
    cluster.records = true;
    cluster.run(20_000);
    for (const peer of ring) {
      const { lagMs = 0, writers } = lagOf(cluster, peer);
      expect(Math.abs(lagMs - (cluster.now - cutAt))).toBeLessThanOrEqual(50);
      expect(writers.map(({ peerId }) => peerId)).toEqual([writer.replica.peerId]);
    }
    // Nor does the last word go round for ever.
    cluster.sent.length = 0;
    cluster.run(5_000);
    expect(cluster.sent.filter(({ message }) => message.type === "beat").length).toBeLessThan(10);
  });

  it("[LAG5] a writer that is gone does not count where another is heard", () => {
    const cluster = new Cluster();
    const one = cluster.add({ discovery: false });
    const two = cluster.add({ discovery: false, peers: [one.url] });
    const follower = cluster.add({ role: "follower", discovery: false, peers: [one.url, two.url] });
    cluster.run(1_000);
    expect(lagOf(cluster, follower).writers).toHaveLength(2);
    cluster.remove(one);
    cluster.run(1_000);
    expect(lagOf(cluster, follower).writers.map(({ peerId }) => peerId)).toEqual([two.replica.peerId]);
    expect(lagOf(cluster, follower).lagMs).toBeLessThanOrEqual(50);
    cluster.remove(two);
    cluster.run(1_000);
    expect(lagOf(cluster, follower).lagMs).toBeGreaterThanOrEqual(1_000);
  });

  it("[LAG6] updates and bytes behind are counted over a cut, and are unknown while nothing is heard", () => {
    const chain = new Chain(2, 2);
    const { cluster, writer, followers } = chain;
    const [first, second] = followers as [Peer, Peer];
    chain.run(400, 10, false);
    expect(lagOf(cluster, second)).toMatchObject({ updatesBehind: 0, bytesBehind: 0 });
    cluster.stalls = (from, to) => from === writer && to === first;
    chain.run(1_000, 10, false);
    expect(lagOf(cluster, first)).toMatchObject({ updatesBehind: undefined, bytesBehind: undefined });
    cluster.flow();
    chain.run(100, 10, false);
    expect(lagOf(cluster, first)).toMatchObject({ updatesBehind: 0, bytesBehind: 0 });
    for (const paused of [true, false]) {
      cluster.step(writer, { type: "pause-links", peer: undefined, paused });
      if (paused) chain.run(1_000, 10, false);
    }
    cluster.loses = ({ messages }) => messages().some(({ type }) => type === "nodes");
    chain.run(1_000, 0, false);
    const { updatesBehind = 0, bytesBehind = 0 } = lagOf(cluster, first);
    expect(updatesBehind).toBe(100);
    expect(bytesBehind).toBeGreaterThan(100 * 10);
    expect(lagOf(cluster, second)).toMatchObject({ updatesBehind, bytesBehind });
    expect(lagOf(cluster, second).lagMs).toBeGreaterThan(1_000);
  });

  it("[LAG7] a live update carries its age, to which every hop adds its trip", () => {
    const chain = new Chain(4, 5);
    chain.run(600, 10, false);
    for (const peer of chain.followers) peer.mark();
    chain.run(200, 10, false);
    const ages = chain.followers.map((peer) => peer.facts("broadcast-received").map(({ ageMs }) => ageMs));
    for (const [at, seen] of ages.entries()) {
      expect(seen.length).toBeGreaterThan(15);
      for (const age of seen) expect(Math.abs(age - 5 * (at + 1))).toBeLessThanOrEqual(at + 1);
    }
  });

  it("[LAG8] a follower tells those it follows how far it is behind, about once a second", () => {
    const { cluster, writer, followers } = new Chain(2, 2);
    const [first, second] = followers as [Peer, Peer];
    cluster.run(3_000);
    cluster.records = true;
    cluster.run(5_000);
    const reports = cluster.sent.filter(({ message }) => message.type === "lag-report");
    expect(reports.length).toBeGreaterThanOrEqual(9);
    expect(reports.length).toBeLessThanOrEqual(11);
    const seen = (at: Peer, of: Peer) =>
      at.replica.status(cluster.now).links.find(({ peerId }) => peerId === of.replica.peerId)?.follower;
    expect(seen(writer, first)?.lagMs).toBeLessThanOrEqual(50);
    expect(seen(writer, first)?.updatesBehind).toBe(0);
    expect(seen(first, second)?.lagMs).toBeLessThanOrEqual(50);
    expect(seen(first, writer)).toBeUndefined();
  });
});
