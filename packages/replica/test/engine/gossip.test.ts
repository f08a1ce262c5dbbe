/** Live push and copies. The words: docs/spec/gos.md. */
import { describe, expect, it } from "vitest";
import type { Peer } from "./cluster.ts";
import { Cluster, Editor, peerIdOf, textOf } from "./cluster.ts";

function mesh(count: number) {
  const cluster = new Cluster();
  const first = cluster.add();
  const others = Array.from({ length: count - 1 }, () => cluster.add({ peers: [first.url] }));
  cluster.run(3_000);
  cluster.records = true;
  return { cluster, peers: [first, ...others] as [Peer, Peer, ...Peer[]] };
}

function line(count: number) {
  const cluster = new Cluster();
  const peers = [cluster.add({ discovery: false })];
  for (let i = 1; i < count; i++) peers.push(cluster.add({ peers: [peers[i - 1]!.url], discovery: false }));
  cluster.run(3_000);
  cluster.records = true;
  return { cluster, peers: peers as [Peer, Peer, ...Peer[]] };
}

function broadcasts(cluster: Cluster) {
  return cluster.sent.flatMap(({ from, to, message }) =>
    message.type === "broadcast" ? [{ from, to, ...message }] : [],
  );
}

describe("live push", () => {
  it("[GOS1] reaches every peer of a mesh, with duplicates told apart by their id", () => {
    const { cluster, peers } = mesh(4);
    new Editor(cluster, peers[0], "n").type("x");
    cluster.run(50);
    for (const peer of peers) expect(textOf(peer, "n", cluster.now)).toBe("x");
    const ids = new Set(broadcasts(cluster).map(({ origin, sequence }) => `${origin} ${sequence}`));
    expect(ids.size).toBe(1);
    const received = peers.flatMap((peer) => peer.facts("broadcast-received"));
    expect(received.filter(({ duplicate }) => !duplicate).length).toBe(3);
    expect(received.length).toBeLessThanOrEqual(3 + 3 * 2);
  });

  it("[GOS4] is passed on with its id, and never back to where it came from", () => {
    const { cluster, peers } = line(3);
    new Editor(cluster, peers[0], "n").type("x");
    cluster.run(50);
    const sent = broadcasts(cluster);
    expect(sent.map(({ from, to }) => [peers.indexOf(from), peers.indexOf(to)])).toEqual([
      [0, 1],
      [1, 2],
    ]);
    expect(sent[1]!.origin).toBe(peers[0].replica.processId);
    expect(sent[1]!.sequence).toBe(sent[0]!.sequence);
  });

  it("[GOS4] what brings nothing new is not passed on", () => {
    const { cluster, peers } = line(3);
    const [a] = peers;
    const writer = new Editor(cluster, a, "n").type("x");
    cluster.run(50);
    cluster.sent.length = 0;
    writer.send();
    cluster.run(500);
    expect(broadcasts(cluster)).toEqual([]);
    expect(writer.take().saved).toBe(2);
  });

  it("[GOS5] the edits of a batch are one message per document", () => {
    const { cluster, peers } = mesh(2);
    const [a, b] = peers;
    const writer = new Editor(cluster, a, "n");
    for (let i = 0; i < 10; i++) writer.type("x");
    new Editor(cluster, a, "m").type("y");
    cluster.run(50);
    expect(broadcasts(cluster).map(({ name, segments }) => [name, segments.length])).toEqual([
      ["n", 10],
      ["m", 1],
    ]);
    expect(b.of("deliver").map(({ name }) => name)).toEqual(["n", "m"]);
  });

  it("[GOS6] a congested link gets none, and is repaired when it has drained", () => {
    const { cluster, peers } = mesh(2);
    const [a, b] = peers;
    const [link] = cluster.linksOf(a, b);
    new Editor(cluster, b, "so that b is not empty").type("b");
    cluster.run(3_000);
    cluster.step(a, { type: "link-congested", link: link! });
    new Editor(cluster, a, "n").type("x");
    cluster.run(20);
    expect(textOf(b, "n", cluster.now)).toBeUndefined();
    expect(a.facts("push-dropped").length).toBe(1);
    cluster.step(a, { type: "link-drained", link: link! });
    cluster.run(50);
    expect(textOf(b, "n", cluster.now)).toBe("x");
    cluster.sent.length = 0;
    new Editor(cluster, a, "n").type("y");
    cluster.run(5);
    expect(broadcasts(cluster).length).toBe(1);
  });

  it("[GOS7] nothing is sent that is not committed", () => {
    const { cluster, peers } = mesh(2);
    const [a] = peers;
    a.store.failNext("full", 1);
    new Editor(cluster, a, "n").type("x");
    cluster.run(50);
    expect(broadcasts(cluster)).toEqual([]);
  });

  it("[GOS8] an update that waits for another is passed on as it came, and does not wait when that arrives", () => {
    const { cluster, peers } = line(3);
    const [a, b, c] = peers;
    const writer = new Editor(cluster, a, "n");
    cluster.run(10);
    let drop = true;
    cluster.loses = ({ from, to, messages }) =>
      drop && from === a && to === b && messages().some(({ type }) => type === "broadcast");
    writer.type("first ");
    cluster.run(1);
    drop = false;
    writer.type("second");
    cluster.run(1);
    expect(c!.replica.read("n", cluster.now)?.pendingBytes).toBeGreaterThan(0);
    cluster.run(3_000);
    for (const peer of peers) expect(textOf(peer, "n", cluster.now)).toBe("first second");
    expect(c!.store.counts().pending).toBe(0);
  });

  it("[GOS9] awareness reaches every peer where somebody looks once, and is stored nowhere", () => {
    const { cluster, peers } = mesh(3);
    const states = [{ clientId: 7, clock: 1, state: "{}" }];
    for (const peer of peers) new Editor(cluster, peer, "n", { session: true });
    cluster.run(500);
    const before = peers.map((peer) => peer.store.counts().bytes);
    cluster.step(peers[0], { type: "announce-presence", name: "n", states });
    cluster.run(100);
    const origin = peers[0].replica.processId;
    for (const peer of peers.slice(1))
      expect(peer.of("presence")).toEqual([{ type: "presence", name: "n", origin, states }]);
    expect(peers[0].of("presence")).toEqual([]);
    expect(peers.map((peer) => peer.store.counts().bytes)).toEqual(before);
  });
});

describe("copies", () => {
  function ask(peer: Peer, writer: Editor, copies: number, timeoutMs = 5_000, request = 1): void {
    peer.inbox.push({ type: "await-copies", request, subscriber: writer.subscriber, copies, timeoutMs });
  }

  it("[GOS2] are counted along a chain", () => {
    const { cluster, peers } = line(3);
    const writer = new Editor(cluster, peers[0], "n").type("x");
    ask(peers[0], writer, 2);
    cluster.run(50);
    const reached = [peers[1].replica.peerId, peers[2]!.replica.peerId];
    expect(peers[0].of("copies")).toEqual([{ type: "copies", request: 1, reached, failure: undefined }]);
  });

  it("[GOS2] two processes with one identity are one copy", () => {
    const cluster = new Cluster();
    const a = cluster.add();
    const b = cluster.add({ peers: [a.url] });
    cluster.run(2_000);
    const clone = b.store.clone();
    cluster.add({ peers: [a.url], store: clone });
    cluster.run(2_000);
    expect(a.replica.status(cluster.now)).toMatchObject({ duplicateIdentity: true });
    const writer = new Editor(cluster, a, "n").type("x");
    ask(a, writer, 2, 1_000);
    cluster.run(2_000);
    expect(a.of("copies")).toMatchObject([{ reached: [peerIdOf(2)], failure: { code: "YARROW_COPIES_MISSING" } }]);
    cluster.remove(b);
    cluster.run(2_000);
    expect(a.replica.status(cluster.now)).toMatchObject({ duplicateIdentity: false });
  });

  it("[GOS10] at the deadline it is told how many were reached", () => {
    const { cluster, peers } = mesh(2);
    const writer = new Editor(cluster, peers[0], "n").type("x");
    ask(peers[0], writer, 3, 1_000);
    cluster.run(999);
    expect(peers[0].of("copies")).toEqual([]);
    cluster.run(2);
    expect(peers[0].of("copies")).toMatchObject([
      { reached: [peers[1].replica.peerId], failure: { code: "YARROW_COPIES_MISSING" } },
    ]);
  });

  it("[GOS10] an answer to an earlier question does not confirm what was written since", () => {
    const { cluster, peers } = mesh(2);
    const [a, b] = peers;
    const writer = new Editor(cluster, a, "n").type("x");
    cluster.run(50);
    ask(a, writer, 1);
    cluster.step(a, ...a.inbox.splice(0));
    cluster.loses = ({ from, messages }) => from === a && messages().some(({ type }) => type === "broadcast");
    writer.type("y");
    cluster.run(5);
    expect(a.of("copies")).toMatchObject([{ request: 1, failure: undefined }]);
    expect(textOf(b, "n", cluster.now)).toBe("x");
    ask(a, writer, 1, 5_000, 2);
    cluster.run(50);
    expect(a.of("copies").length).toBe(1);
    cluster.run(4_000);
    expect(a.of("copies")).toMatchObject([{ request: 1 }, { request: 2, failure: undefined }]);
    expect(textOf(b, "n", cluster.now)).toBe("xy");
  });

  it("[GOS10] a peer that joins while somebody waits is counted when it has the document", () => {
    const cluster = new Cluster();
    const a = cluster.add();
    const writer = new Editor(cluster, a, "n").type("x");
    ask(a, writer, 1, 10_000);
    cluster.run(1_000);
    expect(a.of("copies")).toEqual([]);
    cluster.add({ peers: [a.url] });
    cluster.run(3_000);
    expect(a.of("copies")).toMatchObject([{ failure: undefined }]);
  });

  it("[GOS10] requests can be taken back, and are bounded", () => {
    const cluster = new Cluster();
    const a = cluster.add({ config: { copyRequestsMax: 1 } });
    const writer = new Editor(cluster, a, "n").type("x");
    ask(a, writer, 1, 1_000, 1);
    ask(a, writer, 1, 1_000, 2);
    ask(a, writer, 0, 1_000, 3);
    cluster.run(0);
    expect(a.of("copies")).toMatchObject([
      { request: 2, failure: { code: "YARROW_COPIES_MISSING" } },
      { request: 3, failure: undefined },
    ]);
    cluster.step(a, { type: "cancel", request: 1 });
    cluster.run(2_000);
    expect(a.of("copies").length).toBe(2);
  });
});
