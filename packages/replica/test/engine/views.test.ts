/** Who links to whom where not everybody can. The words: docs/spec/mem.md. */
import type { Hello, ProcessId } from "@yarrow/protocol";
import { decodeFrame, encodeFrame, encodeMessage } from "@yarrow/protocol";
import { describe, expect, it } from "vitest";
import { Cluster, Editor, peerIdOf } from "./cluster.ts";
import {
  NOWHERE,
  QUICK,
  Stranger,
  inViews,
  isSymmetric,
  isWhole,
  joined,
  linked,
  membership,
  pass,
} from "./views-scene.ts";

describe("mesh or views", () => {
  it("[MEM12] twelve are a mesh; thirteen and more keep views of six; below twelve they are a mesh again", () => {
    const cluster = joined(12);
    cluster.run(10_000);
    for (const peer of cluster.peers) {
      expect(linked(cluster, peer).length).toBe(11);
      expect(membership(cluster, peer)).toMatchObject({ mode: "mesh", peers: 12, active: 11 });
    }
    for (let i = 0; i < 4; i++) cluster.add({ config: QUICK, peers: [cluster.peers[0]!.url] });
    cluster.run(30_000);
    for (const peer of cluster.peers) {
      expect(linked(cluster, peer).length).toBeLessThanOrEqual(7);
      expect(linked(cluster, peer).length).toBeGreaterThanOrEqual(4);
      expect(membership(cluster, peer).mode).toBe("views");
      // One or the other may not have been heard of yet.
      expect(membership(cluster, peer).peers).toBeGreaterThan(13);
      expect(membership(cluster, peer).peers).toBeLessThanOrEqual(16);
    }
    expect(isWhole(cluster) && isSymmetric(cluster)).toBe(true);
    for (let i = 0; i < 5; i++) cluster.remove(cluster.peers.at(-1)!);
    cluster.run(60_000);
    for (const peer of cluster.peers) expect(linked(cluster, peer).length).toBe(10);
  });

  it("[MEM12] between eleven and thirteen nothing changes", () => {
    const cluster = new Cluster();
    const peer = cluster.add({ config: QUICK });
    const mode = (): string => membership(cluster, peer).mode;
    const strangers = Array.from({ length: 11 }, (_, i) => new Stranger(cluster, peer, 100 + i, { wish: "keep" }));
    expect(mode()).toBe("mesh");
    strangers.push(new Stranger(cluster, peer, 200, { wish: "keep" }));
    expect(mode()).toBe("views");
    for (const expected of ["views", "mesh"]) {
      cluster.step(peer, { type: "link-closed", link: strangers.pop()!.link, reason: "" });
      pass(cluster, strangers, 25_000);
      expect(mode()).toBe("views");
      pass(cluster, strangers, 20_000);
      expect(mode()).toBe(expected);
    }
    strangers.push(new Stranger(cluster, peer, 201, { wish: "keep" }));
    expect(mode()).toBe("mesh");
  });

  it("[MEM12] fewer than twelve for a moment only are a view that misses somebody, and no mesh", () => {
    const cluster = new Cluster();
    const peer = cluster.add({ config: QUICK });
    const add = (number: number): Stranger => new Stranger(cluster, peer, number, { wish: "keep" });
    const strangers = Array.from({ length: 12 }, (_, i) => add(100 + i));
    for (const { link } of strangers.splice(-2)) cluster.step(peer, { type: "link-closed", link, reason: "" });
    pass(cluster, strangers, 36_000);
    expect(membership(cluster, peer)).toMatchObject({ mode: "views", peers: 11 });
    strangers.push(add(300));
    pass(cluster, strangers, 30_000);
    expect(membership(cluster, peer)).toMatchObject({ mode: "views", peers: 12 });
  });

  it("[MEM12] who learns that a mesh has become too large tells everybody at once", () => {
    const cluster = joined(12);
    cluster.run(10_000);
    cluster.add({ config: QUICK, peers: [cluster.peers[3]!.url] });
    cluster.run(100);
    expect(cluster.peers.map((peer) => membership(cluster, peer).mode)).toEqual(cluster.peers.map(() => "views"));
  });

  it("[MEM12] one that comes and goes beyond the twelfth moves nobody", () => {
    const cluster = joined(14);
    cluster.run(20_000);
    const settled = cluster.peers.slice(0, 12);
    for (let i = 0; i < 2; i++) {
      cluster.remove(cluster.peers.at(-1)!);
      cluster.run(40_000);
      expect(settled.map((peer) => membership(cluster, peer).mode)).toEqual(settled.map(() => "views"));
      cluster.add({ config: QUICK, peers: [cluster.peers[0]!.url] });
      cluster.run(5_000);
    }
    expect(isWhole(cluster)).toBe(true);
  });
});

it("[MEM24] the status lists links and configured addresses, and counts whom else it could dial", () => {
  const { cluster, peer } = inViews(6, { peers: [NOWHERE] });
  const { links, membership: told } = peer.replica.status(cluster.now);
  expect(links.filter(({ state }) => state === "open").length).toBe(6);
  expect(links.filter(({ state }) => state !== "open").map(({ url }) => url)).toEqual([NOWHERE]);
  expect(told).toMatchObject({ mode: "views", active: 6, passive: 36 });
});

describe("who is taken in", () => {
  it("[MEM13] who dials is nobody's neighbour before it is told so", () => {
    const cluster = new Cluster();
    const peer = cluster.add({ peers: [NOWHERE] });
    cluster.step(peer, { type: "link-opened", link: 900, dialled: NOWHERE });
    const twin = new Cluster().add();
    const effects = twin.replica.step([{ type: "link-opened", link: 1, dialled: undefined }], 0);
    const [hello] = effects.flatMap((effect) => (effect.type === "send" ? effect.frames : []));
    const other = encodeFrame(
      decodeFrame(hello!).map((message) =>
        encodeMessage({ ...(message as Hello), peerId: peerIdOf(77), processId: "77".repeat(8) as ProcessId }),
      ),
    );
    cluster.step(peer, { type: "link-frame", link: 900, bytes: other });
    expect(peer.facts("link-up")).toEqual([]);
    expect(linked(cluster, peer)).toEqual([]);
    cluster.step(peer, { type: "link-frame", link: 900, bytes: encodeFrame([encodeMessage({ type: "neighbour" })]) });
    expect(linked(cluster, peer)).toEqual([peerIdOf(77)]);
  });

  it("[MEM13] a link that nobody answers for is given up", () => {
    const cluster = new Cluster();
    const a = cluster.add();
    cluster.loses = ({ from, messages }) => from === a && messages().some(({ type }) => type === "neighbour");
    const b = cluster.add({ peers: [a.url] });
    cluster.run(5_100);
    expect(b.of("close-link")).toMatchObject([{ code: "YARROW_LINK_SILENT" }]);
    cluster.loses = () => false;
    cluster.run(30_000);
    expect(isWhole(cluster) && isSymmetric(cluster)).toBe(true);
  });

  it.each([
    ["low", 5, true],
    ["low", 6, false],
    ["high", 11, true],
    ["high", 12, false],
    ["join", 31, true],
    ["join", 32, false],
    ["keep", 32, true],
  ] as const)("[MEM14] %s is taken in beside %i links: %s", (wish, links, good) => {
    const { cluster, peer } = inViews(links);
    const stranger = new Stranger(cluster, peer, 200, { wish });
    expect(stranger.open).toBe(good);
    expect(stranger.heard("neighbour").length).toBe(good ? 1 : 0);
    expect(stranger.code).toBe(good ? undefined : "YARROW_VIEW_FULL");
  });

  it("[MEM14] who is declined is told of others, and does not ask again for a while", () => {
    const { cluster, peer } = inViews(6);
    const told = new Stranger(cluster, peer, 200).heard("shuffle-reply");
    expect(told.length).toBe(1);
    expect(told[0]!.peers.length).toBe(16);

    const other = cluster.add({ peers: [NOWHERE] });
    cluster.step(other, { type: "link-opened", link: 901, dialled: NOWHERE });
    other.inbox.length = 0;
    const refuse = { type: "refuse", code: "YARROW_VIEW_FULL", detail: "" } as const;
    cluster.step(other, { type: "link-frame", link: 901, bytes: encodeFrame([encodeMessage(refuse)]) });
    other.mark();
    cluster.run(14_000);
    expect(other.of("dial")).toEqual([]);
    cluster.run(32_000);
    expect(other.of("dial")[0]).toEqual({ type: "dial", url: NOWHERE });
  });

  it("[MEM14] who is declined where all join tries those it was told of at once", () => {
    const { cluster, peer } = inViews(0);
    for (let i = 0; i < 32; i++)
      new Stranger(cluster, peer, 200 + i, { wish: "join", addresses: [`ws://told-${i}:1`] });
    const newcomer = cluster.add({ config: { meshPeersMax: 7 }, peers: [peer.url] });
    cluster.run(2_000);
    expect(newcomer.facts("link-refused").map(({ code }) => code)).toContain("YARROW_VIEW_FULL");
    const told = newcomer.of("dial").filter(({ url }) => url.startsWith("ws://told-"));
    expect(told.length).toBeGreaterThan(2);
  });

  it("[MEM22] a peer of an earlier version is a neighbour beside the view, and hears nothing new", () => {
    const { cluster, peer } = inViews(32);
    const old = new Stranger(cluster, peer, 200, { protocolMax: 2 });
    expect(old.open).toBe(true);
    cluster.run(14_000);
    old.say({ type: "ping", sequence: 1 });
    cluster.run(14_000);
    old.say({ type: "ping", sequence: 2 });
    cluster.run(10_000);
    expect(old.open).toBe(true);
    expect(old.heard("addresses").length).toBeGreaterThan(0);
    for (const type of ["neighbour", "disconnect", "forward-join", "shuffle", "shuffle-reply"] as const) {
      expect(old.heard(type), type).toEqual([]);
    }
  });
});

describe("shedding", () => {
  it("[MEM15] who has too many asks, one at a time, and ends nothing by itself", () => {
    const { cluster, peer, strangers } = inViews(9);
    peer.effects.length = 0;
    peer.mark();
    pass(cluster, strangers, 40_000);
    const asked = strangers.flatMap((one) => one.heard("disconnect"));
    expect(asked.length).toBeGreaterThan(2);
    expect(asked.length).toBeLessThan(12);
    expect(peer.of("close-link").filter(({ code }) => code === "YARROW_LINK_SHED")).toEqual([]);
    expect(asked[0]!.neighbours.length).toBe(8);
  });

  it("[MEM15] a view of the right size asks nobody", () => {
    const { cluster, peer, strangers } = inViews(6);
    peer.effects.length = 0;
    peer.mark();
    pass(cluster, strangers, 30_000);
    expect(strangers.flatMap((one) => one.heard("disconnect"))).toEqual([]);
  });

  it.each([
    [4, false],
    [5, true],
  ])("[MEM15] one that has %i links gives its consent: %s", (links, good) => {
    const { peer, strangers } = inViews(links);
    strangers[0]!.say({ type: "disconnect", neighbours: [] });
    expect(strangers[0]!.code).toBe(good ? "YARROW_LINK_SHED" : undefined);
    expect(peer.of("close-link").length).toBe(good ? 1 : 0);
  });

  it.each([
    ["a stranger", 500, false],
    ["a neighbour of both", 101, true],
  ])("[MEM15] in a small cluster the two stay joined by a third: %s", (_, number, good) => {
    const { peer, strangers } = inViews(6, { config: { passiveViewMax: 100, meshPeersMax: 20 } });
    strangers[0]!.say({ type: "disconnect", neighbours: [peerIdOf(number)] });
    expect(strangers[0]!.code).toBe(good ? "YARROW_LINK_SHED" : undefined);
    expect(peer.of("close-link").length).toBe(good ? 1 : 0);
  });

  it("[MEM15] a link that an operator asked for is not shed", () => {
    const { cluster, peer } = inViews(8);
    const kept = new Stranger(cluster, peer, 300, { wish: "keep" });
    kept.say({ type: "disconnect", neighbours: [peerIdOf(100)] });
    expect(kept.open).toBe(true);
  });

  it("[MEM15] a fixed topology keeps exactly its links, however many peers there are", () => {
    const cluster = joined(16, { discovery: false });
    cluster.run(60_000);
    expect(cluster.peers.map((peer) => linked(cluster, peer).length)).toEqual([
      15,
      ...Array.from({ length: 15 }, () => 1),
    ]);
    expect(membership(cluster, cluster.peers[1]!)).toMatchObject({ mode: "listed" });
  });
});

describe("followers among many", () => {
  it.each([7, 17, 19])(
    "[MEM23] a follower keeps two links that feed it, what it follows, and no follower (%i)",
    (seed) => {
      const cluster = joined(11, { seed });
      const url = cluster.peers[4]!.url;
      const followers = [1, 2, 3].map(() => cluster.add({ config: QUICK, role: "follower", peers: [url] }));
      // The first was the twelfth of a mesh, and linked to all of it.
      cluster.run(25_000);
      for (const follower of followers) {
        const ids = linked(cluster, follower);
        expect(ids).toContain(cluster.peers[4]!.replica.peerId);
        expect(ids.length).toBe(2);
        expect(ids.filter((id) => followers.some(({ replica }) => replica.peerId === id))).toEqual([]);
        expect(membership(cluster, follower)).toMatchObject({ mode: "views", active: 1 });
      }
      new Editor(cluster, cluster.peers[0]!, "n").type("x");
      cluster.run(3_000);
      expect(cluster.equal).toBe(true);
    },
  );
});
