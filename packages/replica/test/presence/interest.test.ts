/** Awareness goes where somebody looks at the document, and nowhere else. */
import type { DocumentKey, Interest, ProcessId } from "@yarrow/protocol";
import { INTEREST_KEYS_MAX } from "@yarrow/protocol";
import { describe, expect, it } from "vitest";
import { createConfig } from "../../src/config.ts";
import { Lookers } from "../../src/presence/lookers.ts";
import type { Peer } from "../engine/cluster.ts";
import { Cluster, Editor } from "../engine/cluster.ts";
import { stage } from "../gossip/puppet.ts";

const STATES = [{ clientId: 1, clock: 1, state: '{"cursor":3}' }];

/** Peers linked as the pairs say, by their places. */
function arrange(count: number, pairs: readonly (readonly [number, number])[], config = {}) {
  const cluster = new Cluster();
  const urls = Array.from({ length: count }, (_, i) => `ws://place-${i}:1`);
  const peers = urls.map((url, i) => {
    const dialled = pairs.flatMap(([from, to]) => (from === i ? [urls[to]!] : []));
    return cluster.add({ url, peers: dialled, discovery: false, config });
  });
  cluster.run(3_000);
  cluster.records = true;
  return { cluster, peers };
}

function mesh(count: number, config = {}) {
  const places = Array.from({ length: count }, (_, i) => i);
  return arrange(
    count,
    places.flatMap((i) => places.slice(0, i).map((j) => [i, j] as const)),
    config,
  );
}

function look(cluster: Cluster, peer: Peer, name: string): Editor {
  const editor = new Editor(cluster, peer, name, { session: true });
  cluster.run(1);
  return editor;
}

function announce(cluster: Cluster, peer: Peer, name: string): void {
  for (const one of cluster.peers) one.mark();
  cluster.sent.length = 0;
  cluster.step(peer, { type: "announce-presence", name, states: STATES });
  cluster.run(1);
}

/** How many frames of awareness went to each peer, by place. */
function receivedBy(cluster: Cluster, peers: readonly Peer[]): number[] {
  return peers.map(
    (peer) => cluster.sent.filter(({ to, message }) => to === peer && message.type === "presence").length,
  );
}

function shownAt(peers: readonly Peer[]): number[] {
  return peers.map((peer) => peer.of("presence").length);
}

describe("awareness", () => {
  it("[PRE1] of five peers in a full mesh goes only to the one other peer where somebody looks", () => {
    const { cluster, peers } = mesh(5);
    const [a, b] = peers;
    for (const peer of [a!, b!]) look(cluster, peer, "x");
    for (const peer of peers.slice(2)) look(cluster, peer, "another");
    cluster.run(1_000);
    for (let i = 0; i < 10; i++) {
      announce(cluster, a!, "x");
      expect(receivedBy(cluster, peers)).toEqual([0, 1, 0, 0, 0]);
      expect(shownAt(peers)).toEqual([0, 1, 0, 0, 0]);
    }
    announce(cluster, b!, "x");
    expect(receivedBy(cluster, peers)).toEqual([1, 0, 0, 0, 0]);
  });

  it("[PRE1] follows sessions as they come and go; embedded handles do not look", () => {
    const { cluster, peers } = mesh(3);
    const [a, b, c] = peers;
    look(cluster, a!, "x");
    new Editor(cluster, c!, "x");
    const reader = look(cluster, b!, "x");
    const second = look(cluster, b!, "x");
    cluster.run(500);
    announce(cluster, a!, "x");
    expect(receivedBy(cluster, peers)).toEqual([0, 1, 0]);
    cluster.step(b!, { type: "detach", subscriber: reader.subscriber });
    cluster.run(500);
    announce(cluster, a!, "x");
    expect(receivedBy(cluster, peers)).toEqual([0, 1, 0]);
    cluster.step(b!, { type: "detach", subscriber: second.subscriber });
    cluster.run(500);
    announce(cluster, a!, "x");
    expect(receivedBy(cluster, peers)).toEqual([0, 0, 0]);
  });

  it("[PRE2] passes through peers where nobody looks, and not beyond those who do", () => {
    const { cluster, peers } = arrange(5, [
      [1, 0],
      [2, 1],
      [3, 2],
      [4, 3],
    ]);
    look(cluster, peers[0]!, "x");
    look(cluster, peers[2]!, "x");
    cluster.run(500);
    announce(cluster, peers[0]!, "x");
    expect(receivedBy(cluster, peers)).toEqual([0, 1, 1, 0, 0]);
    announce(cluster, peers[2]!, "x");
    expect(receivedBy(cluster, peers)).toEqual([1, 1, 0, 0, 0]);
  });

  it("[PRE2] reaches everybody who looks once, in a graph with circles", () => {
    const pairs = [
      [1, 0],
      [2, 1],
      [3, 2],
      [4, 3],
      [5, 4],
      [0, 5],
      [3, 0],
      [4, 1],
    ] as const;
    const { cluster, peers } = arrange(6, pairs);
    for (const place of [0, 2, 4, 5]) look(cluster, peers[place]!, "x");
    cluster.run(1_000);
    for (const place of [0, 2, 4, 5]) {
      announce(cluster, peers[place]!, "x");
      const wanted = [0, 1, 2, 3, 4, 5].map((one) => ([0, 2, 4, 5].includes(one) && one !== place ? 1 : 0));
      const shown = shownAt(peers);
      for (const one of [0, 2, 4, 5]) expect(shown[one]).toBe(wanted[one]);
      expect(receivedBy(cluster, peers).reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(8);
    }
  });

  it("[PRE3] is asked for again at once where there is some, when somebody else begins to look", () => {
    const { cluster, peers } = arrange(3, [
      [1, 0],
      [2, 1],
    ]);
    look(cluster, peers[0]!, "x");
    cluster.run(1_000);
    for (const peer of peers) peer.mark();
    look(cluster, peers[2]!, "x");
    expect(peers.map((peer) => peer.of("presence-wanted"))).toEqual([[{ type: "presence-wanted", name: "x" }], [], []]);
    announce(cluster, peers[0]!, "x");
    expect(shownAt(peers)).toEqual([0, 1, 1]);
  });

  it("[PRE3] many who begin to look are answered together", () => {
    const { cluster, peers } = mesh(4, { interestMs: 250 });
    look(cluster, peers[0]!, "x");
    cluster.run(1_000);
    for (const peer of peers) peer.mark();
    for (let i = 0; i < 60; i++) {
      const editor = new Editor(cluster, peers[1 + (i % 3)]!, "x", { session: true });
      cluster.run(5);
      cluster.step(peers[1 + (i % 3)]!, { type: "detach", subscriber: editor.subscriber });
      cluster.run(5);
    }
    cluster.run(1_000);
    expect(peers[0]!.of("presence-wanted").length).toBeGreaterThan(0);
    expect(peers[0]!.of("presence-wanted").length).toBeLessThanOrEqual(4);
    const told = cluster.sent.filter(({ from, message }) => from === peers[1] && message.type === "interest");
    expect(told.length).toBeLessThan(60);
  });

  it("[PRE4] finds its way again when a link is lost, and when a partition is healed", () => {
    const { cluster, peers } = arrange(4, [
      [1, 0],
      [2, 1],
      [3, 2],
      [0, 3],
    ]);
    look(cluster, peers[0]!, "x");
    look(cluster, peers[2]!, "x");
    cluster.run(1_000);
    cluster.cut(peers[1]!, peers[0]!);
    cluster.run(1);
    announce(cluster, peers[0]!, "x");
    expect(shownAt(peers)[2]).toBe(1);
    cluster.step(peers[0]!, { type: "pause-links", peer: undefined, paused: true });
    cluster.run(20_000);
    announce(cluster, peers[0]!, "x");
    expect(shownAt(peers)[2]).toBe(0);
    for (const peer of peers) peer.mark();
    cluster.step(peers[0]!, { type: "pause-links", peer: undefined, paused: false });
    cluster.until(() => peers[0]!.of("presence-wanted").length > 0, 10_000);
    announce(cluster, peers[0]!, "x");
    expect(shownAt(peers)[2]).toBe(1);
  });

  it("[PRE4] of a peer that is gone nothing is remembered", () => {
    const { cluster, peers } = mesh(4);
    look(cluster, peers[0]!, "x");
    look(cluster, peers[3]!, "x");
    cluster.run(1_000);
    cluster.remove(peers[3]!);
    cluster.run(46_000);
    announce(cluster, peers[0]!, "x");
    expect(receivedBy(cluster, peers)).toEqual([0, 0, 0, 0]);
  });

  it("[PRE5] goes everywhere where an announcement was lost, until the next", () => {
    const { cluster, peers } = mesh(3);
    look(cluster, peers[1]!, "x");
    cluster.run(1_000);
    let losing = true;
    cluster.loses = ({ messages }) => losing && messages().some(({ type }) => type === "interest");
    look(cluster, peers[1]!, "y");
    losing = false;
    cluster.run(500);
    look(cluster, peers[1]!, "z");
    cluster.run(500);
    announce(cluster, peers[0]!, "y");
    expect(shownAt(peers)).toEqual([0, 1, 0]);
    announce(cluster, peers[0]!, "never looked at");
    expect(receivedBy(cluster, peers)).toEqual([0, 1, 0]);
    cluster.run(16_000);
    announce(cluster, peers[0]!, "never looked at");
    expect(receivedBy(cluster, peers)).toEqual([0, 0, 0]);
  });

  it("[PRE6] goes to and through peers of version 2 as ever", () => {
    const { cluster, peers } = arrange(0, []);
    const urls = Array.from({ length: 4 }, (_, i) => `ws://place-${i}:1`);
    let old: Peer | undefined;
    cluster.isOfVersion2 = (peer) => peer === old;
    for (const [i, url] of urls.entries()) {
      peers.push(cluster.add({ url, peers: i === 0 ? [] : [urls[i - 1]!], discovery: false }));
      if (i === 2) old = peers[2];
    }
    cluster.run(3_000);
    look(cluster, peers[0]!, "x");
    look(cluster, peers[3]!, "x");
    cluster.run(1_000);
    for (const place of [0, 3]) {
      announce(cluster, peers[place]!, "x");
      expect(shownAt(peers)).toEqual([0, 1, 2, 3].map((one) => (one === place ? 0 : 1)));
    }
    expect(
      cluster.sent.every(({ from, to, message }) => message.type !== "interest" || (from !== old && to !== old)),
    ).toBe(true);
  });
});

describe("limits", () => {
  it("[PRE7] who looks at more documents than can be listed gets everything", () => {
    const { cluster, peers } = arrange(2, [[1, 0]]);
    for (let i = 0; i <= INTEREST_KEYS_MAX; i++) {
      const stateVector = Uint8Array.of(0);
      peers[1]!.inbox.push({ type: "attach", subscriber: 100_000 + i, name: `n${i}`, stateVector });
      if (i === INTEREST_KEYS_MAX - 1) {
        cluster.run(500);
        announce(cluster, peers[0]!, "another");
        expect(receivedBy(cluster, peers)).toEqual([0, 0]);
      }
    }
    cluster.run(500);
    announce(cluster, peers[0]!, "another");
    expect(receivedBy(cluster, peers)).toEqual([0, 1]);
    cluster.step(peers[1]!, { type: "detach", subscriber: 100_000 });
    cluster.run(500);
    announce(cluster, peers[0]!, "another");
    expect(receivedBy(cluster, peers)).toEqual([0, 0]);
  });

  it("[PRE7] more processes than can be told apart are sent everything, and so is who passes it on", () => {
    const { cluster, peers } = mesh(4, { interestOriginsMax: 2 });
    announce(cluster, peers[0]!, "y");
    expect(receivedBy(cluster, peers)).toEqual([0, 0, 0, 0]);
    for (const peer of peers) look(cluster, peer, "x");
    cluster.run(1_000);
    announce(cluster, peers[0]!, "y");
    expect(
      receivedBy(cluster, peers)
        .slice(1)
        .every((count) => count > 0),
    ).toBe(true);
  });

  it("[PRE7] what all look at together is bounded; the rest look at everything", () => {
    const lookers = new Lookers(createConfig({ interestKeysMax: 3 }));
    const said = (
      origin: string,
      version: number,
      base: number,
      added: string[],
      removed: string[] = [],
    ): Interest => ({
      type: "interest",
      origin: origin as ProcessId,
      version,
      base,
      everything: false,
      added: added as DocumentKey[],
      removed: removed as DocumentKey[],
    });
    lookers.learn(said("a", 1, 0, ["1", "2"]), 1, 0);
    lookers.learn(said("b", 1, 0, ["2", "3"]), 1, 0);
    const whoLooksAt = (key: string): string[] => {
      const found: string[] = [];
      for (const { origin } of lookers.of(key as DocumentKey)) found.push(origin);
      return found;
    };
    expect([whoLooksAt("2"), whoLooksAt("3"), whoLooksAt("9")]).toEqual([["a", "b", "b"], ["b"], ["b"]]);
    lookers.learn(said("a", 2, 1, [], ["1", "2"]), 1, 0);
    lookers.learn(said("b", 2, 0, ["2", "3"]), 1, 0);
    expect([whoLooksAt("1"), whoLooksAt("3"), whoLooksAt("9")]).toEqual([[], ["b"], []]);
    lookers.forget(45_000);
    expect([lookers.size, whoLooksAt("2")]).toEqual([0, []]);
  });
});

describe("a link that ends", () => {
  it("[PRE8] takes away who was behind it, but not where both sides have links enough", () => {
    const { peer, puppets } = stage(3);
    const [shed, refusing, cut] = puppets;
    shed.say({ type: "refuse", code: "YARROW_LINK_SHED", detail: "" });
    expect(peer.of("presence-lost")).toEqual([]);
    refusing.say({ type: "refuse", code: "YARROW_STORE_FULL", detail: "" });
    cut!.end();
    expect(peer.of("presence-lost").map(({ origin }) => origin)).toEqual([refusing.processId, cut!.processId]);
  });
});
