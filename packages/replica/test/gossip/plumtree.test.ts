/** One tree per origin: how it is cut, told of and mended. One replica, with links whose other ends the test plays. */
import { describe, expect, it } from "vitest";
import { Editor } from "../engine/cluster.ts";
import { Author, Puppet, ranges, stage } from "./puppet.ts";

describe("cutting", () => {
  it("[GOS11] what comes a second time prunes the link that brought it, and only of that origin", () => {
    const { puppets } = stage(3);
    const [first, second, third] = puppets;
    const author = new Author();
    const broadcast = author.write();
    first.say(broadcast);
    expect(first.heard()).toEqual([]);
    expect(second.heard()).toMatchObject([{ type: "broadcast", ordinal: 1 }]);
    expect(third!.heard()).toMatchObject([{ type: "broadcast", ordinal: 1 }]);
    second.say(broadcast);
    expect(second.heard()).toEqual([{ type: "prune", origin: author.origin }]);
    expect(first.heard()).toEqual([]);
    // The pruned link still gets what comes: it has to say itself that it needs none.
    first.say(author.write());
    expect(second.heard()).toMatchObject([{ type: "broadcast", ordinal: 2 }]);
  });

  it("[GOS11] a link that was pruned of an origin gets no more of it, and all of every other", () => {
    const { cluster, peer, puppets } = stage(2);
    const [first, second] = puppets;
    const [author, other] = [new Author(), new Author("dd".repeat(8))];
    first.say(author.write());
    second.heard();
    second.say({ type: "prune", origin: author.origin });
    first.say(author.write());
    expect(second.heard()).toEqual([]);
    first.say(other.write({ name: "m" }));
    expect(second.heard()).toMatchObject([{ type: "broadcast", origin: other.origin }]);
    new Editor(cluster, peer, "n").type("y");
    cluster.run(0);
    expect(second.heard()).toMatchObject([{ type: "broadcast", origin: peer.replica.processId, ordinal: 1 }]);
  });

  it("[GOS11] whoever sends us what is our own is pruned", () => {
    const { cluster, peer, puppets } = stage(2);
    const [first, second] = puppets;
    new Editor(cluster, peer, "n").type("y");
    cluster.run(0);
    const [own] = first.heard();
    second.heard();
    second.say(own!);
    expect(second.heard()).toEqual([{ type: "prune", origin: peer.replica.processId }]);
  });

  it("[GOS12] the link that was the last to bring something first is never pruned", () => {
    const { puppets } = stage(2);
    const [first, second] = puppets;
    const author = new Author();
    const [one, two] = [author.write(), author.write()];
    first.say(one);
    second.say(two);
    first.heard();
    second.heard();
    // Both bring what the other brought before: one of them has to stay.
    second.say(one);
    expect(second.heard()).toEqual([]);
    first.say(two);
    expect(first.heard()).toEqual([{ type: "prune", origin: author.origin }]);
    // The one that stays is the last, and stays even when the same comes again.
    second.say(one, two);
    expect(second.heard()).toEqual([]);
  });

  it("[GOS12] nothing is pruned while the other link is gone", () => {
    const { puppets } = stage(2);
    const [first, second] = puppets;
    const broadcast = new Author().write();
    first.say(broadcast);
    second.heard();
    first.end();
    second.say(broadcast);
    expect(second.heard()).toEqual([]);
  });

  it("[GOS12] at most once in five seconds per link and origin", () => {
    const { cluster, puppets } = stage(2);
    const [first, second] = puppets;
    const author = new Author();
    const broadcast = author.write();
    first.say(broadcast);
    second.heard();
    second.say(broadcast, broadcast);
    expect(second.heard()).toEqual([{ type: "prune", origin: author.origin }]);
    cluster.run(4_999);
    second.say(broadcast);
    expect(second.heard()).toEqual([]);
    cluster.run(1);
    second.say(broadcast);
    expect(second.heard()).toEqual([{ type: "prune", origin: author.origin }]);
  });

  it("[GOS12] what was under way when a link was pruned does not make it the first", () => {
    const { puppets } = stage(2);
    const [first, second] = puppets;
    const author = new Author();
    const [one, two] = [author.write(), author.write()];
    first.say(one);
    second.heard();
    second.say(one);
    expect(second.heard()).toMatchObject([{ type: "prune" }]);
    second.say(two);
    first.heard();
    first.say(two);
    expect(first.heard()).toEqual([]);
  });

  it("[GOS12] a prune that was lost is made up for by the first that comes after five seconds", () => {
    const { cluster, puppets } = stage(2);
    const [first, second] = puppets;
    const author = new Author();
    const [one, two, three] = [author.write(), author.write(), author.write()];
    first.say(one);
    second.say(one);
    cluster.run(5_000);
    second.say(two);
    first.heard();
    first.say(two);
    expect(first.heard()).toEqual([{ type: "prune", origin: author.origin }]);
    second.heard();
    second.say(three, three);
    expect(second.heard()).toEqual([]);
  });
});

describe("telling", () => {
  it("[GOS13] a pruned link is told after 100 ms of what has come, as ranges", () => {
    const { cluster, puppets } = stage(2);
    const [first, second] = puppets;
    const author = new Author();
    first.say(author.write());
    second.say({ type: "prune", origin: author.origin });
    second.heard();
    for (let i = 0; i < 3; i++) first.say(author.write());
    author.write();
    first.say(author.write());
    cluster.run(99);
    expect(second.heard()).toEqual([]);
    cluster.run(1);
    expect(second.heard()).toEqual([{ type: "have", origins: ranges(author.origin, [2, 4], [6, 6]) }]);
    // Nothing is told twice, and nothing to where it came from.
    cluster.run(200);
    expect(second.heard()).toEqual([]);
    expect(first.heard().filter(({ type }) => type === "have")).toEqual([]);
  });

  it("[GOS13] where changes are not taken nothing is told", () => {
    const { cluster, peer, puppets } = stage(1, { role: "follower", peers: [] });
    const author = new Author();
    const [writer] = puppets;
    writer.say(author.write());
    const idle = new Puppet(cluster, peer);
    idle.say({ type: "prune", origin: author.origin }, { type: "graft", origins: ranges(author.origin, [1, 1]) });
    writer.say(author.write());
    cluster.run(300);
    expect(idle.heard()).toEqual([]);
  });
});

describe("mending", () => {
  it("[GOS14] what was told of and does not come is asked for after 250 ms, then of the next after half of that", () => {
    const { cluster, puppets } = stage(3);
    const [first, second, third] = puppets;
    const author = new Author();
    const [one, two, three] = [author.write(), author.write(), author.write()];
    first.say(one);
    second.say({ type: "have", origins: ranges(author.origin, [1, 3]) });
    third!.say({ type: "have", origins: ranges(author.origin, [2, 2]) });
    first.say(two);
    for (const puppet of puppets) puppet.heard();
    cluster.run(249);
    expect(puppets.flatMap((puppet) => puppet.heard())).toEqual([]);
    third!.say({ type: "have", origins: ranges(author.origin, [3, 3]) });
    cluster.run(1);
    expect(second.heard()).toEqual([{ type: "graft", origins: ranges(author.origin, [3, 3]) }]);
    cluster.run(124);
    expect(puppets.flatMap((puppet) => puppet.heard())).toEqual([]);
    cluster.run(1);
    expect(third!.heard()).toEqual([{ type: "graft", origins: ranges(author.origin, [3, 3]) }]);
    cluster.run(125);
    expect(second.heard()).toEqual([{ type: "graft", origins: ranges(author.origin, [3, 3]) }]);
    second.say(three);
    cluster.run(1_000);
    expect(puppets.flatMap((puppet) => puppet.heard()).filter(({ type }) => type === "graft")).toEqual([]);
  });

  it("[GOS14] a link of long round trips is given three of them", () => {
    const { cluster, peer, puppets } = stage(1);
    const author = new Author();
    const [far] = puppets;
    cluster.run(5_000);
    cluster.run(100);
    far.say({ type: "pong", sequence: 1, stopwatchMs: 0 });
    expect(peer.replica.status(cluster.now).links[0]!.rttMs).toBe(100);
    far.heard();
    far.say({ type: "have", origins: ranges(author.origin, [1, 1]) });
    cluster.run(299);
    expect(far.heard()).toEqual([]);
    cluster.run(1);
    expect(far.heard()).toMatchObject([{ type: "graft" }]);
  });

  it("[GOS14] while a large message comes in, which may be what was told of, nothing is asked for", () => {
    const { cluster, puppets } = stage(2);
    const [first, second] = puppets;
    const piece = { type: "fragment", transfer: 1, total: 1_000, bytes: new Uint8Array(100) } as const;
    second.say({ type: "have", origins: ranges(new Author().origin, [1, 1]) });
    cluster.run(200);
    first.say(piece);
    cluster.run(240);
    expect(second.heard()).toEqual([]);
    cluster.run(60);
    expect(second.heard()).toMatchObject([{ type: "graft" }]);
    // What was asked for once is asked for again, whatever comes in.
    first.say(piece);
    cluster.run(125);
    expect(second.heard()).toMatchObject([{ type: "graft" }]);
  });

  it("[GOS14] a large message that never ends holds nothing up for longer than a round may be silent", () => {
    const { cluster, puppets } = stage(1, { config: { roundTimeoutMs: 1_000 } });
    const [only] = puppets;
    const piece = { type: "fragment", transfer: 1, total: 1_000, bytes: new Uint8Array(1) } as const;
    only.say({ type: "have", origins: ranges(new Author().origin, [1, 1]) });
    const startedAt = cluster.now;
    while (!only.heard().some(({ type }) => type === "graft")) {
      only.say(piece);
      cluster.run(25);
    }
    expect(cluster.now - startedAt).toBe(1_000);
  });

  it("[GOS14] after eight times it is left to a round", () => {
    const { cluster, puppets } = stage(1);
    const [only] = puppets;
    only.say({ type: "have", origins: ranges(new Author().origin, [1, 1]) });
    cluster.run(250 + 7 * 125);
    expect(only.types().filter((type) => type === "graft").length).toBe(8);
    cluster.run(125);
    expect(only.types()).toContain("stream-ask");
    cluster.run(2_000);
    expect(only.heard().filter(({ type }) => type === "graft")).toEqual([]);
  });

  it("[GOS14] a graft makes the link eager again and brings what was asked for, as old as it is", () => {
    const { cluster, puppets } = stage(2);
    const [first, second] = puppets;
    const author = new Author();
    first.say(author.write());
    second.say({ type: "prune", origin: author.origin });
    first.say(author.write({ ageMs: 40 }), author.write());
    second.heard();
    cluster.run(1_000);
    second.heard();
    second.say({ type: "graft", origins: ranges(author.origin, [2, 2]) });
    expect(second.heard()).toMatchObject([{ type: "broadcast", ordinal: 2, ageMs: 1_040 }]);
    first.say(author.write());
    expect(second.heard()).toMatchObject([{ type: "broadcast", ordinal: 4 }]);
  });

  it("[GOS14] what was asked for and is still on its way is not answered, and comes", () => {
    const { puppets } = stage(2);
    const [first, second] = puppets;
    const author = new Author();
    const [one, two] = [author.write(), author.write()];
    first.say(one);
    second.say({ type: "prune", origin: author.origin });
    second.heard();
    second.say({ type: "graft", origins: ranges(author.origin, [2, 2]) });
    expect(second.heard()).toEqual([]);
    first.say(two);
    expect(second.heard()).toMatchObject([{ type: "broadcast", ordinal: 2 }]);
  });

  it("[GOS15] what is not kept any more is answered as gone", () => {
    const { cluster, puppets } = stage(2, { config: { payloadsMs: 1_000 } });
    const [first, second] = puppets;
    const author = new Author();
    first.say(author.write());
    cluster.run(1_000);
    second.heard();
    second.say({ type: "graft", origins: ranges(author.origin, [1, 1]) });
    expect(second.heard()).toMatchObject([{ type: "broadcast", ordinal: 1 }]);
    cluster.run(1);
    second.say({ type: "graft", origins: ranges(author.origin, [1, 1]) });
    expect(second.heard()).toEqual([{ type: "gone", origins: ranges(author.origin, [1, 1]) }]);
  });

  it("[GOS15] told that it is gone by the last who had it, a round begins with that link", () => {
    const { cluster, puppets } = stage(2);
    const [first, second] = puppets;
    const { origin } = new Author();
    first.say({ type: "have", origins: ranges(origin, [1, 1]) });
    second.say({ type: "have", origins: ranges(origin, [1, 1]) });
    first.types();
    second.types();
    first.say({ type: "gone", origins: ranges(origin, [1, 1]) });
    expect([...first.types(), ...second.types()]).not.toContain("stream-ask");
    second.say({ type: "gone", origins: ranges(origin, [1, 1]) });
    cluster.run(0);
    expect(second.types()).toContain("stream-ask");
    // Of what was never wanted, nothing follows.
    first.say({ type: "gone", origins: ranges(origin, [7, 7]) });
    cluster.run(500);
    expect(first.types()).not.toContain("stream-ask");
  });

  it("[GOS16] what the link of the tree passed over is missed at once, and asked for", () => {
    const { cluster, puppets } = stage(2);
    const [first, second] = puppets;
    const author = new Author();
    first.say(author.write());
    author.write();
    first.say(author.write());
    cluster.run(250);
    expect(first.heard()).toEqual([{ type: "graft", origins: ranges(author.origin, [2, 2]) }]);
    expect(second.heard().filter(({ type }) => type === "graft")).toEqual([]);
  });

  it("[GOS16] what another link than before is ahead of may still come by the one before", () => {
    const { cluster, puppets } = stage(2);
    const [first, second] = puppets;
    const author = new Author();
    first.say(author.write());
    author.write();
    second.say(author.write());
    cluster.run(500);
    expect(puppets.flatMap((puppet) => puppet.heard()).filter(({ type }) => type === "graft")).toEqual([]);
  });

  it("[GOS16] what is passed over by the first link that brings an origin after the one before has ended is missed", () => {
    const { cluster, puppets } = stage(2);
    const [first, second] = puppets;
    const author = new Author();
    first.say(author.write());
    author.write();
    first.end();
    second.say(author.write());
    second.heard();
    cluster.run(250);
    expect(second.heard()).toEqual([{ type: "graft", origins: ranges(author.origin, [2, 2]) }]);
  });

  it("[GOS16] what a link missed that opened later is left to the round with which it opens", () => {
    const { cluster, peer, puppets } = stage(2);
    const [first] = puppets;
    const author = new Author();
    first.say(author.write());
    author.write();
    first.end();
    cluster.run(1_000);
    const third = new Puppet(cluster, peer);
    third.say(author.write());
    third.heard();
    cluster.run(500);
    expect(third.heard().filter(({ type }) => type === "graft")).toEqual([]);
  });

  it("[GOS24] who asks to be pushed to is sent what has come since it was last told", () => {
    const { cluster, puppets } = stage(2);
    const [first, second] = puppets;
    const author = new Author();
    first.say(author.write());
    second.say({ type: "prune", origin: author.origin });
    first.say(author.write());
    cluster.run(100);
    second.heard();
    first.say(author.write());
    expect(second.heard()).toEqual([]);
    second.say({ type: "graft", origins: ranges(author.origin) });
    expect(second.heard()).toMatchObject([{ type: "broadcast", ordinal: 3 }]);
    cluster.run(500);
    expect(second.heard()).toEqual([]);
  });

  it("[GOS17] when the link ends that brought an origin, those that were pruned are asked at once", () => {
    const { cluster, puppets } = stage(3);
    const [first, second, third] = puppets;
    const [author, other] = [new Author(), new Author("dd".repeat(8))];
    const broadcasts = [author.write(), other.write({ name: "m" })];
    first.say(broadcasts[0]!);
    third!.say(broadcasts[1]!);
    second.say(...broadcasts);
    for (const puppet of puppets) puppet.heard();
    first.end();
    cluster.run(0);
    expect(second.heard()).toEqual([{ type: "graft", origins: ranges(author.origin) }]);
    expect(third!.heard()).toEqual([]);
  });
});
