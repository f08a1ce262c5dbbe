/** How peers of a larger cluster hear of each other. The words: docs/spec/mem.md. */
import type { Message } from "@yarrow/protocol";
import { decodeFrame } from "@yarrow/protocol";
import { describe, expect, it } from "vitest";
import { Cluster, peerIdOf } from "./cluster.ts";
import { QUICK, Stranger, inViews, isSymmetric, isWhole, linked, pass } from "./views-scene.ts";

describe("walks", () => {
  const URL = "ws://joined:1";
  const joiner = { peerId: peerIdOf(700), role: "writer", ageMs: 0, urls: [URL] } as const;

  it("[MEM16] who joins is made known on every link of the view but its own", () => {
    const { cluster, peer, strangers } = inViews(4);
    const stranger = new Stranger(cluster, peer, 700, { wish: "join", addresses: [URL] });
    for (const one of strangers)
      expect(one.heard("forward-join")).toEqual([{ type: "forward-join", peer: joiner, walk: 6 }]);
    expect(stranger.heard("forward-join")).toEqual([]);
    for (const [number, hello] of [
      [701, { wish: "high", addresses: ["ws://x:1"] }],
      [702, { wish: "join" }],
    ] as const) {
      new Stranger(cluster, peer, number, hello);
      for (const one of strangers) expect(one.heard("forward-join").length).toBe(1);
    }
  });

  it.each([
    [6, 5],
    [1, 0],
    [16, 5],
  ])("[MEM16] with %i links left it goes on over one other link, with %i", (walk, left) => {
    const { peer, strangers } = inViews(4);
    strangers[0]!.say({ type: "forward-join", peer: joiner, walk });
    expect(strangers.flatMap((one) => one.heard("forward-join"))).toEqual([
      { type: "forward-join", peer: joiner, walk: left },
    ]);
    expect(strangers[0]!.heard("forward-join")).toEqual([]);
    expect(peer.of("dial").filter(({ url }) => url === URL)).toEqual([]);
  });

  it("[MEM16] at its end it is dialled, though the view is full", () => {
    const { cluster, peer, strangers } = inViews(6);
    strangers[0]!.say({ type: "forward-join", peer: joiner, walk: 0 });
    peer.inbox.length = 0;
    expect(peer.of("dial").filter(({ url }) => url === URL).length).toBe(1);
    cluster.step(peer, { type: "link-opened", link: 950, dialled: URL });
    const [hello] = peer
      .of("send")
      .flatMap(({ link, frames }) => (link === 950 ? frames.flatMap((one) => decodeFrame(one)) : []));
    expect(hello).toMatchObject({ type: "hello", wish: "high" });
  });

  it("[MEM16] who is a neighbour already is not dialled", () => {
    const { cluster, peer, strangers } = inViews(4);
    strangers[0]!.say({ type: "forward-join", peer: { ...joiner, peerId: peerIdOf(101) }, walk: 0 });
    cluster.run(1_000);
    expect(peer.of("dial").filter(({ url }) => url === URL)).toEqual([]);
  });

  it("[MEM17] a swap goes on with the way back on it, and its end answers with as many", () => {
    const { peer, strangers } = inViews(4);
    const [from, ...others] = strangers as [Stranger, ...Stranger[]];
    const peers = [joiner, { ...joiner, peerId: peerIdOf(701), urls: [] }];
    from.say({ type: "shuffle", walk: 2, path: [peerIdOf(5), peerIdOf(100)], peers });
    expect(others.flatMap((one) => one.heard("shuffle"))).toEqual([
      { type: "shuffle", walk: 1, path: [peerIdOf(5), peerIdOf(100), peer.replica.peerId], peers },
    ]);
    const before = from.heard("shuffle-reply").length;
    from.say({ type: "shuffle", walk: 0, path: [peerIdOf(5), peerIdOf(100)], peers });
    const [answer] = from.heard("shuffle-reply").slice(before);
    expect(answer).toMatchObject({ path: [peerIdOf(5)] });
    expect(answer!.peers.length).toBe(2);
  });

  it.each([
    ["no way back", []],
    ["a way back over somebody else", [peerIdOf(100), peerIdOf(101)]],
    ["a way too long", Array.from({ length: 7 }, () => peerIdOf(100))],
  ])("[MEM17] a swap with %s is dropped", (_, path) => {
    const { strangers } = inViews(4);
    const heard = (): number =>
      strangers.flatMap((one) => [...one.heard("shuffle"), ...one.heard("shuffle-reply")]).length;
    const before = heard();
    strangers[0]!.say({ type: "shuffle", walk: 0, path, peers: [joiner] });
    expect(heard()).toBe(before);
  });

  it("[MEM17] an answer goes back link by link", () => {
    const { strangers } = inViews(4);
    const before = strangers[1]!.heard("shuffle-reply").length;
    strangers[0]!.say({ type: "shuffle-reply", path: [peerIdOf(5), peerIdOf(101)], peers: [joiner] });
    expect(strangers[1]!.heard("shuffle-reply").slice(before)).toEqual([
      { type: "shuffle-reply", path: [peerIdOf(5)], peers: [joiner] },
    ]);
  });

  it("[MEM17] a peer of a larger cluster begins a swap every half a minute: three neighbours and four others", () => {
    const { cluster, peer, strangers } = inViews(6);
    const begun = (): Message[] => strangers.flatMap((one) => one.heard("shuffle"));
    peer.mark();
    pass(cluster, strangers, 45_000);
    expect(begun().length).toBeGreaterThan(0);
    for (const message of begun()) {
      expect(message).toMatchObject({ walk: 5, path: [peer.replica.peerId] });
      const { peers } = message as Extract<Message, { type: "shuffle" }>;
      expect(peers.filter(({ ageMs }) => ageMs === 0).length).toBe(3);
      expect(peers.length).toBeLessThanOrEqual(7);
    }
  });
});

describe("peers that cannot be dialled, and parts of a cluster", () => {
  const SMALL = { ...QUICK, meshPeersMax: 4, activeViewMax: 3, passiveViewMax: 8, probeMs: 2_000, refreshMs: 10_000 };

  it("[MEM19] they join through one address, and are in nobody's view of peers to dial", () => {
    const cluster = new Cluster(3);
    const first = cluster.add({ config: SMALL });
    for (let i = 0; i < 7; i++) cluster.add({ config: SMALL, peers: [first.url] });
    const hidden = Array.from({ length: 4 }, () =>
      cluster.add({ config: SMALL, peers: [first.url], reachable: false }),
    );
    cluster.run(40_000);
    expect(isWhole(cluster) && isSymmetric(cluster)).toBe(true);
    for (const peer of hidden) {
      expect(linked(cluster, peer).length).toBeGreaterThan(0);
      const rows = cluster.peers.flatMap(({ store }) => store.listAddresses());
      expect(rows.filter(({ peerId }) => peerId === peer.replica.peerId)).toEqual([]);
    }
  });

  it("[MEM21] two parts become one over an address that one of them was given and that did not answer", () => {
    const cluster = new Cluster(4);
    const away = "ws://away:1";
    const first = cluster.add({ config: SMALL });
    for (let i = 0; i < 6; i++) cluster.add({ config: SMALL, peers: [first.url, away] });
    cluster.run(20_000);
    expect(isWhole(cluster)).toBe(true);
    cluster.add({ config: SMALL, url: away });
    for (let i = 0; i < 5; i++) cluster.add({ config: SMALL, peers: [away] });
    cluster.until(() => isWhole(cluster), 15_000);
    cluster.run(40_000);
    expect(isWhole(cluster) && isSymmetric(cluster)).toBe(true);
  });
});
