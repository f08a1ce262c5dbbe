/** Who links to whom. The words: docs/spec/mem.md and docs/spec/hnd.md. */
import { encodeFrame, encodeMessage } from "@yarrow/protocol";
import { describe, expect, it } from "vitest";
import { clusterIdOf } from "../../src/document/keys.ts";
import type { Peer } from "./cluster.ts";
import { Cluster, Editor } from "./cluster.ts";

function linked(cluster: Cluster, peer: Peer): string[] {
  const open = peer.replica.status(cluster.now).links.filter(({ state }) => state === "open");
  return open.map(({ peerId }) => peerId!).sort();
}

describe("a mesh", () => {
  it("[MEM1] one address is enough to be linked to all", () => {
    const cluster = new Cluster();
    const first = cluster.add();
    const peers = [first, ...Array.from({ length: 5 }, () => cluster.add({ peers: [first.url] }))];
    cluster.run(5_000);
    for (const peer of peers) expect(linked(cluster, peer).length).toBe(5);
  });

  it("[MEM1] without discovery a line stays a line", () => {
    const cluster = new Cluster();
    const a = cluster.add({ discovery: false });
    const b = cluster.add({ peers: [a.url], discovery: false });
    const c = cluster.add({ peers: [b.url], discovery: false });
    cluster.run(90_000);
    expect([a, b, c].map((peer) => linked(cluster, peer).length)).toEqual([1, 2, 1]);
    expect(a.store.listAddresses()).toEqual([]);
  });

  it("[MEM3] addresses survive a restart, and lead back without the first one", () => {
    const cluster = new Cluster();
    const a = cluster.add();
    const b = cluster.add({ peers: [a.url] });
    const c = cluster.add({ peers: [a.url] });
    cluster.run(5_000);
    cluster.remove(a);
    cluster.remove(b);
    const again = cluster.add({ store: b.store, url: b.url });
    cluster.run(3_000);
    expect(linked(cluster, again)).toEqual([c.replica.peerId]);
  });

  it("[MEM3] a peer that moves every time fills nobody's memory, and breaks no message", () => {
    const cluster = new Cluster();
    const a = cluster.add();
    const b = cluster.add({ peers: [a.url] });
    cluster.run(1_000);
    for (let i = 0; i < 100; i++) {
      const [link] = cluster.linksOf(a, b);
      const message = {
        type: "addresses",
        peers: [{ peerId: "ee".repeat(16) as never, urls: [`ws://moved-${i}:1`] }],
      } as const;
      cluster.step(a, { type: "link-frame", link: link!, bytes: encodeFrame([encodeMessage(message)]) });
    }
    cluster.run(60_000);
    expect(linked(cluster, a)).toEqual([b.replica.peerId]);
    expect(b.facts("link-refused")).toEqual([]);
    const row = a.store.listAddresses().find(({ peerId }) => peerId.startsWith("ee"))!;
    expect(row.urls.length).toBeLessThanOrEqual(8);
    expect(row.urls.at(-1)).toBe("ws://moved-99:1");
  });

  it("[HND9] a peer given its own address recognises itself", () => {
    const cluster = new Cluster();
    const a = cluster.add({ url: "ws://self:1", peers: ["ws://self:1"] });
    cluster.run(60_000);
    expect(a.of("dial").length).toBe(1);
    expect(a.facts("link-up")).toEqual([]);
  });

  it("[HND8] two peers that dial each other at the same moment keep one link, the same one", () => {
    const cluster = new Cluster();
    const a = cluster.add({ url: "ws://a:1", peers: ["ws://b:1"] });
    const b = cluster.add({ url: "ws://b:1", peers: ["ws://a:1"] });
    cluster.run(100);
    expect(a.of("dial").length).toBe(1);
    expect(b.of("dial").length).toBe(1);
    expect(linked(cluster, a).length).toBe(1);
    expect(linked(cluster, b).length).toBe(1);
    cluster.run(60_000);
    expect(cluster.linksOf(a, b).length).toBe(1);
    expect(a.of("dial").length + b.of("dial").length).toBe(2);
    const refusals = [...a.facts("link-refused"), ...b.facts("link-refused")];
    expect(new Set(refusals.map(({ code }) => code))).toEqual(new Set(["YARROW_LINK_DUPLICATE"]));
  });

  it("[MEM2] a peer that is away is dialled ever more rarely, and found again", () => {
    const cluster = new Cluster();
    const a = cluster.add({ peers: ["ws://away:1"] });
    cluster.run(10 * 60_000);
    expect(a.of("dial").length).toBeLessThan(80);
    expect(a.of("dial").length).toBeGreaterThan(30);
    cluster.add({ url: "ws://away:1" });
    expect(cluster.until(() => linked(cluster, a).length === 1, 25_000)).toBeGreaterThan(0);
  });

  it("[MEM7] the alarm over a shared identity is raised by both, and both are served", () => {
    const cluster = new Cluster();
    const a = cluster.add();
    new Editor(cluster, a, "n").type("x");
    cluster.run(10);
    const b = cluster.add({ peers: [a.url], store: a.store.clone() });
    cluster.run(2_000);
    for (const peer of [a, b]) {
      expect(peer.facts("duplicate-identity").length).toBe(1);
      expect(peer.replica.status(cluster.now).duplicateIdentity).toBe(true);
    }
    new Editor(cluster, b, "n").type("y");
    cluster.run(2_000);
    expect(cluster.equal).toBe(true);
  });

  it("[MEM7] a copy finds its original through a third peer, and both know of it", () => {
    const cluster = new Cluster();
    const a = cluster.add();
    const c = cluster.add({ peers: [a.url] });
    cluster.run(2_000);
    const copy = cluster.add({ peers: [a.url], store: c.store.clone() });
    cluster.run(60_000);
    expect(cluster.linksOf(c, copy).length).toBe(1);
    for (const peer of [a, c, copy]) expect(peer.replica.status(cluster.now).duplicateIdentity).toBe(true);
    cluster.remove(a);
    new Editor(cluster, c, "n").type("x");
    cluster.run(5_000);
    expect(cluster.equal).toBe(true);
  });
});

describe("clusters", () => {
  it("[HND10] strangers are refused by both, with a reason, and nothing is merged", () => {
    const cluster = new Cluster();
    const a = cluster.add();
    const b = cluster.add({ peers: [a.url], clusterId: clusterIdOf("another") });
    new Editor(cluster, a, "n").type("x");
    cluster.run(2_000);
    for (const peer of [a, b]) {
      expect(peer.facts("link-refused").map(({ code }) => code)).toContain("YARROW_CLUSTER_MISMATCH");
      expect(linked(cluster, peer)).toEqual([]);
    }
    expect(b.replica.status(cluster.now).counts.alive).toBe(0);
  });

  it("[HND10] two undecided peers refuse each other, and retry until one is decided", () => {
    const cluster = new Cluster();
    const a = cluster.add({ clusterId: undefined });
    const b = cluster.add({ peers: [a.url], clusterId: undefined });
    cluster.run(10_000);
    expect(b.facts("link-refused").map(({ code }) => code)).toContain("YARROW_CLUSTER_UNDECIDED");
    const waiting = new Editor(cluster, b, "n");
    cluster.run(0);
    expect(waiting.take().evicted).toBe("joining");
    const c = cluster.add({ peers: [a.url, b.url] });
    cluster.run(40_000);
    for (const peer of [a, b])
      expect(peer.replica.status(cluster.now).clusterId).toBe(c.replica.status(cluster.now).clusterId);
    expect(b.store.readClusterId()).toBe(c.replica.status(cluster.now).clusterId);
    waiting.attach();
    cluster.run(0);
    expect(waiting.take().evicted).toBeUndefined();
  });

  it("[HND10] a blank peer without room does not join, and lives", () => {
    const cluster = new Cluster();
    const a = cluster.add();
    const b = cluster.add({ peers: [a.url], clusterId: undefined });
    b.store.failNext("full", 1);
    cluster.run(20);
    expect(b.facts("link-refused")).toMatchObject([{ code: "YARROW_STORE_FULL" }]);
    cluster.run(5_000);
    expect(b.replica.status(cluster.now).clusterId).toBeDefined();
  });
});

describe("links", () => {
  it.each([true, false])(
    "[HND12] paused links are refused, and back within two seconds (discovery: %s)",
    (discovery) => {
      const cluster = new Cluster();
      const a = cluster.add({ discovery });
      const b = cluster.add({ peers: [a.url], discovery });
      new Editor(cluster, b, "n").type("x");
      cluster.run(3_000);
      cluster.step(a, { type: "pause-links", peer: undefined, paused: true });
      cluster.run(60_000);
      expect(linked(cluster, a)).toEqual([]);
      expect(b.facts("link-refused").map(({ code }) => code)).toContain("YARROW_LINK_PAUSED");
      new Editor(cluster, a, "n").type("y");
      cluster.run(0);
      cluster.step(a, { type: "pause-links", peer: undefined, paused: false });
      expect(cluster.until(() => linked(cluster, a).length === 1 && cluster.equal, 2_000)).toBeLessThanOrEqual(2_000);
    },
  );

  it.each(["all", "one by its id"])("[HND19] who dials a paused peer asks about once a second (paused: %s)", (what) => {
    const cluster = new Cluster();
    const a = cluster.add({ discovery: false });
    const b = cluster.add({ peers: [a.url], discovery: false });
    cluster.run(3_000);
    cluster.step(a, { type: "pause-links", peer: what === "all" ? undefined : b.replica.peerId, paused: true });
    b.mark();
    cluster.run(30_000);
    const refused = b.facts("link-refused").length;
    expect(refused).toBeGreaterThan(15);
    expect(refused).toBeLessThan(60);
    if (what === "all") expect(b.facts("link-up")).toEqual([]);
  });

  it.each(["peer id", "address"])("[HND12] one peer is paused by its %s, whoever dialled, and no other", (by) => {
    const cluster = new Cluster();
    const a = cluster.add();
    const b = cluster.add({ peers: [a.url] });
    const c = cluster.add({ peers: [a.url] });
    cluster.run(3_000);
    cluster.step(a, { type: "pause-links", peer: by === "address" ? b.url : b.replica.peerId, paused: true });
    cluster.run(30_000);
    expect(linked(cluster, a)).toEqual([c.replica.peerId]);
    cluster.step(a, { type: "pause-links", peer: by === "address" ? b.url : b.replica.peerId, paused: false });
    cluster.until(() => linked(cluster, a).length === 2, 2_000);
  });

  it("[HND11] one that says nothing is given up: before its hello, and after", () => {
    const cluster = new Cluster();
    const a = cluster.add();
    cluster.step(a, { type: "link-opened", link: 900, dialled: undefined });
    cluster.run(4_900);
    expect(a.of("close-link")).toEqual([]);
    cluster.run(200);
    expect(a.of("close-link")).toMatchObject([{ link: 900, code: "YARROW_LINK_SILENT" }]);
    const b = cluster.add({ peers: [a.url] });
    cluster.run(1_000);
    a.mark();
    cluster.loses = ({ from }) => from === b;
    cluster.run(15_100);
    expect(a.of("close-link")).toMatchObject([{ code: "YARROW_LINK_SILENT" }]);
  });

  it("[HND11] pings keep a quiet one alive and measure it", () => {
    const cluster = new Cluster();
    const a = cluster.add();
    const b = cluster.add({ peers: [a.url] });
    cluster.run(120_000);
    expect(a.facts("link-up").length).toBe(1);
    expect(b.replica.status(cluster.now).links[0]?.rttMs).toBe(0);
  });

  it.each<[string, Uint8Array]>([
    ["garbage", Uint8Array.of(255, 255, 255)],
    ["nothing", new Uint8Array(0)],
    [
      "a question before the hello",
      encodeFrame([encodeMessage({ type: "stream-ask", round: 1, after: "", through: "" })]),
    ],
    [
      "a piece before the hello",
      encodeFrame([encodeMessage({ type: "fragment", transfer: 1, total: 9, bytes: new Uint8Array(1) })]),
    ],
  ])("[HND7, HND15] %s ends its own link with a reason, and no other", (_, bytes) => {
    const cluster = new Cluster();
    const a = cluster.add();
    const b = cluster.add({ peers: [a.url] });
    new Editor(cluster, a, "n").type("secret");
    cluster.run(1_000);
    a.mark();
    cluster.step(a, { type: "link-opened", link: 900, dialled: undefined });
    cluster.step(a, { type: "link-frame", link: 900, bytes });
    cluster.step(a, { type: "link-frame", link: 900, bytes });
    expect(a.of("close-link")).toMatchObject([{ link: 900, code: "YARROW_FRAME_INVALID" }]);
    const said = a
      .of("send")
      .filter(({ link }) => link === 900)
      .flatMap(({ frames }) => frames);
    expect(said.length).toBeLessThanOrEqual(2);
    expect(linked(cluster, a)).toEqual([b.replica.peerId]);
  });

  it("[HND7] a second hello ends the link", () => {
    const cluster = new Cluster();
    const a = cluster.add();
    const b = cluster.add({ peers: [a.url] });
    cluster.records = true;
    cluster.run(500);
    const hello = cluster.sent.find(({ from, message }) => from === b && message.type === "hello")!.message;
    const [link] = cluster.linksOf(a, b);
    cluster.step(a, { type: "link-frame", link: link!, bytes: encodeFrame([encodeMessage(hello)]) });
    expect(a.of("close-link")).toMatchObject([{ code: "YARROW_FRAME_INVALID" }]);
  });

  it("[HND16] beyond their limit they are refused", () => {
    const cluster = new Cluster();
    const a = cluster.add({ config: { linksMax: 2 }, discovery: false });
    for (let i = 0; i < 3; i++) cluster.add({ peers: [a.url], discovery: false });
    cluster.run(500);
    expect(linked(cluster, a).length).toBe(2);
    expect(new Set(a.of("close-link").map(({ code }) => code))).toEqual(new Set(["YARROW_LINK_LIMIT"]));
  });
});

it("[HND18] the loss of a process is told once its last link is gone, and not before", () => {
  const cluster = new Cluster();
  const a = cluster.add();
  const b = cluster.add({ peers: [a.url] });
  cluster.run(2_000);
  expect(a.of("presence-lost")).toEqual([]);
  cluster.remove(b);
  cluster.run(100);
  expect(a.of("presence-lost")).toEqual([{ type: "presence-lost", origin: b.replica.processId }]);
});
