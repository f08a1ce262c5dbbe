/** What of the broadcasts of a tree goes on, where to, and the bounds of what is remembered of them. */
import { describe, expect, it } from "vitest";
import { Editor, textOf } from "../engine/cluster.ts";
import { Author, Puppet, ranges, stage } from "./puppet.ts";

describe("what goes on", () => {
  it("[GOS18] a broadcast of a tree goes on even where it is known, dead, or in part unusable", () => {
    const { cluster, peer, puppets } = stage(2);
    const [first, second] = puppets;
    const author = new Author();
    const [one, two] = [author.write(), author.write()];
    first.say(one);
    second.heard();
    first.say({ ...one, sequence: 90, ordinal: 90 });
    expect(second.heard()).toMatchObject([{ ordinal: 90 }]);
    const bad = { principal: "", update: Uint8Array.of(255, 255) };
    first.say({ ...two, ordinal: 91, segments: [bad, ...two.segments] });
    expect(second.heard()).toMatchObject([{ ordinal: 91, segments: two.segments }]);
    cluster.step(peer, { type: "delete", request: 1, name: "n" });
    second.heard();
    first.say(author.write({ ordinal: 92 }));
    expect(second.heard()).toMatchObject([{ ordinal: 92, incarnation: 1 }]);
    expect(textOf(peer, "n", cluster.now)).toBeUndefined();
  });

  it("[GOS18] one outside of a tree goes on only where it is news", () => {
    const { puppets } = stage(2);
    const [first, second] = puppets;
    const author = new Author();
    const one = author.write({ ordinal: 0 });
    first.say(one);
    expect(second.heard()).toMatchObject([{ ordinal: 0 }]);
    first.say({ ...one, sequence: 90 });
    expect(second.heard()).toEqual([]);
    second.say(one);
    expect(second.heard()).toEqual([]);
  });

  it("[GOS18] what does not commit goes nowhere, and is not promised to others", () => {
    const { cluster, peer, puppets } = stage(2);
    const [first, second] = puppets;
    const author = new Author();
    first.say(author.write());
    second.say({ type: "prune", origin: author.origin });
    second.heard();
    cluster.run(200);
    second.heard();
    peer.store.failNext("full", 1);
    first.say(author.write());
    cluster.run(300);
    expect(second.heard().filter(({ type }) => type !== "graft")).toEqual([]);
    second.say({ type: "graft", origins: ranges(author.origin, [2, 2]) });
    expect(second.heard()).toMatchObject([{ type: "gone" }]);
  });

  it("[GOS19] a peer that does not speak of trees gets everything, and is told and asked nothing", () => {
    const { cluster, peer, puppets } = stage(1);
    const [first] = puppets;
    const old = new Puppet(cluster, peer, { version: 2 });
    const author = new Author();
    const one = author.write();
    first.say(one);
    old.say(one);
    expect(old.heard()).toMatchObject([{ type: "broadcast" }]);
    first.say(author.write());
    cluster.run(500);
    expect(old.heard()).toMatchObject([{ type: "broadcast" }]);
    first.end();
    cluster.run(500);
    expect(old.heard()).toEqual([]);
  });

  it("[GOS19] a copy that came by such a peer says nothing about the tree", () => {
    const { cluster, peer, puppets } = stage(2);
    const [first, second] = puppets;
    const old = new Puppet(cluster, peer, { version: 2 });
    const one = new Author().write();
    old.say({ ...one, ordinal: 0 });
    for (const puppet of puppets) puppet.heard();
    first.say(one);
    expect(first.heard()).toEqual([]);
    expect(second.heard()).toMatchObject([{ type: "broadcast", ordinal: 1 }]);
    old.say({ ...one, ordinal: 0 });
    expect(old.heard()).toMatchObject([{ type: "broadcast" }]);
  });

  it("[GOS19] a follower prunes no link by which it measures its lag, and such a link cannot be pruned", () => {
    const follower = stage(2, { role: "follower" });
    const author = new Author();
    const one = author.write();
    for (const puppet of follower.puppets) puppet.say(one);
    expect(follower.puppets.flatMap((puppet) => puppet.heard())).toEqual([]);

    const writer = stage(1);
    const reader = new Puppet(writer.cluster, writer.peer, { role: "follower" });
    reader.say({ type: "prune", origin: author.origin });
    writer.puppets[0].say(one);
    expect(reader.heard()).toMatchObject([{ type: "broadcast" }]);
  });

  it("[GOS20] a question about copies follows the tree, and goes to all when it is repeated", () => {
    const { cluster, peer, puppets } = stage(2);
    const [first, second] = puppets;
    const editor = new Editor(cluster, peer, "n").type("x");
    cluster.run(0);
    second.say({ type: "prune", origin: peer.replica.processId });
    for (const puppet of puppets) puppet.heard();
    peer.inbox.push({ type: "await-copies", request: 1, subscriber: editor.subscriber, copies: 2, timeoutMs: 5_000 });
    cluster.run(0);
    expect(first.heard()).toMatchObject([{ type: "cover-ask" }]);
    expect(second.heard()).toEqual([]);
    cluster.run(250);
    expect(second.heard()).toMatchObject([{ type: "cover-ask" }]);

    const asked = { type: "cover-ask", origin: "ee".repeat(8), subject: 5, name: "n", incarnation: 1 } as const;
    const question = { ...asked, contribution: Uint8Array.of(0, 0) } as never as Parameters<Puppet["say"]>[0] & object;
    const author = new Author();
    first.say(author.write({ sequence: 4 }));
    second.say({ type: "prune", origin: author.origin });
    for (const puppet of puppets) puppet.heard();
    first.say({ ...question, sequence: 5 } as never);
    expect(second.heard()).toEqual([]);
    first.say({ ...question, sequence: 6 } as never);
    expect(second.heard()).toMatchObject([{ type: "cover-ask", sequence: 6 }]);
  });
});

describe("bounds", () => {
  it("[GOS21] more than may be wanted at once is left to a round", () => {
    const { cluster, puppets } = stage(1, { config: { wantedMax: 3 } });
    const [only] = puppets;
    const { origin } = new Author();
    only.types();
    only.say({ type: "have", origins: ranges(origin, [1, 3]) });
    cluster.run(0);
    expect(only.types()).not.toContain("stream-ask");
    only.say({ type: "have", origins: ranges(origin, [4, 4]) });
    cluster.run(0);
    expect(only.types()).toContain("stream-ask");
  });

  it("[GOS21] of a range longer than the window only the end is looked at", () => {
    const { peer, cluster, puppets } = stage(1, { config: { seenWindowMax: 8 } });
    const [only] = puppets;
    only.say({ type: "have", origins: ranges(new Author().origin, [1, Number.MAX_SAFE_INTEGER]) });
    expect(peer.replica.status(cluster.now).gossip.wanted).toBe(8);
    only.say({ type: "graft", origins: ranges(new Author().origin, [1, Number.MAX_SAFE_INTEGER]) });
    expect(only.heard()).toMatchObject([]);
    only.say({ type: "gone", origins: ranges(new Author().origin, [1, Number.MAX_SAFE_INTEGER]) });
    expect(peer.replica.status(cluster.now).gossip.wanted).toBe(0);
  });

  it("[GOS21] what is wanted of an origin, and of a link, goes with it", () => {
    const { peer, cluster, puppets } = stage(2, { config: { originsMax: 1 } });
    const [first, second] = puppets;
    const wanted = (): number => peer.replica.status(cluster.now).gossip.wanted;
    first.say({ type: "have", origins: ranges(new Author().origin, [1, 2]) });
    expect(wanted()).toBe(2);
    first.say({ type: "have", origins: ranges(new Author("dd".repeat(8)).origin, [1, 1]) });
    expect(wanted()).toBe(1);
    second.say({ type: "have", origins: ranges(new Author("dd".repeat(8)).origin, [1, 1]) });
    first.end();
    expect(wanted()).toBe(1);
    second.end();
    expect(wanted()).toBe(0);
  });

  it("[GOS22] status tells how many links are eager and lazy", () => {
    const { peer, cluster, puppets } = stage(3);
    const author = new Author();
    puppets[0].say(author.write());
    puppets[1].say({ type: "prune", origin: author.origin });
    const { gossip } = peer.replica.status(cluster.now);
    expect(gossip).toMatchObject({ origins: 1, eagerLinks: 2, lazyLinks: 1, wanted: 0 });
    expect(gossip.payloadBytes).toBeGreaterThan(0);
  });
});

describe("what is remembered of an origin", () => {
  it("[GOS11] our own tree is kept while we write, however long ago it began", () => {
    const { cluster, peer, puppets } = stage(2, { config: { originIdleMs: 1_000 } });
    const [first, second] = puppets;
    const editor = new Editor(cluster, peer, "m").type("a");
    cluster.run(0);
    second.say({ type: "prune", origin: peer.replica.processId });
    for (const letter of "bcd") {
      cluster.run(600);
      editor.type(letter);
    }
    cluster.run(0);
    // Whoever is met for the first time is the occasion to forget who has been silent.
    first.say(new Author().write());
    second.heard();
    editor.type("e");
    cluster.run(0);
    expect(second.heard()).toEqual([]);
  });
});
