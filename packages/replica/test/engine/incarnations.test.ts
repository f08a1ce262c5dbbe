/** Delete, re-create and stale copies, on one peer and on several. The words: docs/spec/inc.md. */
import { encodeFrame, encodeMessage } from "@yarrow/protocol";
import { describe, expect, it } from "vitest";
import type { Peer } from "./cluster.ts";
import { Cluster, Editor, textOf } from "./cluster.ts";

function pair() {
  const cluster = new Cluster();
  const a = cluster.add();
  const b = cluster.add({ peers: [a.url] });
  cluster.run(2_000);
  return { cluster, a, b };
}

function remove(cluster: Cluster, peer: Peer, name = "n"): void {
  cluster.step(peer, { type: "delete", request: 1, name });
}

function incarnation(cluster: Cluster, peer: Peer, name = "n"): number | undefined {
  return peer.replica.read(name, cluster.now)?.row.incarnation;
}

function split(cluster: Cluster, peer: Peer, paused: boolean): void {
  cluster.step(peer, { type: "pause-links", peer: undefined, paused });
  cluster.run(paused ? 100 : 10_000);
}

describe("on one peer", () => {
  it("[INC1] counts up with each deletion and re-creation; odd is alive", () => {
    const cluster = new Cluster();
    const peer = cluster.add();
    for (const expected of [1, 3, 5]) {
      new Editor(cluster, peer, "n").type(`life ${expected}`);
      cluster.run(0);
      expect(incarnation(cluster, peer)).toBe(expected);
      expect(textOf(peer, "n", cluster.now)).toBe(`life ${expected}`);
      remove(cluster, peer);
      expect(incarnation(cluster, peer)).toBe(expected + 1);
    }
  });

  it("[INC2] deleting what is not alive does nothing", () => {
    const cluster = new Cluster();
    const peer = cluster.add();
    remove(cluster, peer, "never");
    new Editor(cluster, peer, "n").type("x");
    cluster.run(0);
    remove(cluster, peer);
    const root = peer.replica.status(cluster.now).root;
    remove(cluster, peer);
    expect(peer.of("deleted").map(({ existed }) => existed)).toEqual([false, true, false]);
    expect(peer.replica.status(cluster.now).root).toBe(root);
    expect(incarnation(cluster, peer, "never")).toBeUndefined();
  });

  it("[INC3] everyone who looks is let go, and a stale copy is refused before it is shown anything", () => {
    const cluster = new Cluster();
    const peer = cluster.add();
    const writer = new Editor(cluster, peer, "n").type("x");
    const reader = new Editor(cluster, peer, "n");
    cluster.run(0);
    reader.take();
    remove(cluster, peer);
    cluster.run(0);
    expect([writer.take().evicted, reader.take().evicted]).toEqual(["deleted", "deleted"]);
    peer.mark();
    for (const stale of [writer, reader]) {
      stale.attach();
      stale.type("y");
      cluster.run(0);
      expect(stale.take().evicted).toBe("invalid");
    }
    expect(peer.of("evict").filter(({ reason }) => reason === "stale").length).toBe(2);
    expect(peer.of("answer")).toEqual([]);
    expect(peer.of("deliver")).toEqual([]);
  });

  it("[INC3] a stale copy is refused by a re-created document too, by the fence alone", () => {
    const cluster = new Cluster();
    const peer = cluster.add();
    const stale = new Editor(cluster, peer, "n").type("x");
    cluster.run(0);
    remove(cluster, peer);
    new Editor(cluster, peer, "n").type("new");
    cluster.run(0);
    stale.take().attach();
    cluster.run(0);
    expect(stale.take().evicted).toBe("stale");
  });

  it("[INC4] a clean copy may open a deleted name and brings it back with its first write, not before", () => {
    const cluster = new Cluster();
    const peer = cluster.add();
    new Editor(cluster, peer, "n").type("x");
    cluster.run(0);
    remove(cluster, peer);
    const clean = new Editor(cluster, peer, "n");
    clean.send();
    cluster.run(0);
    expect(clean.take()).toMatchObject({ evicted: undefined, saved: 1 });
    expect(incarnation(cluster, peer)).toBe(2);
    clean.type("new");
    cluster.run(0);
    expect(clean.take()).toMatchObject({ evicted: undefined, saved: 2 });
    expect(incarnation(cluster, peer)).toBe(3);
    expect(peer.of("rebound")).toContainEqual({ type: "rebound", name: "n", incarnation: 3 });
  });

  it("[INC5] an edit behind the deletion in the same batch is not a re-creation", () => {
    const cluster = new Cluster();
    const peer = cluster.add();
    const writer = new Editor(cluster, peer, "n").type("x");
    cluster.run(0);
    writer.take();
    peer.inbox.push({ type: "delete", request: 1, name: "n" });
    writer.type("y");
    const clean = new Editor(cluster, peer, "n").type("new");
    cluster.run(0);
    expect(writer.take()).toMatchObject({ evicted: "deleted", saved: 1 });
    expect(clean.take()).toMatchObject({ evicted: undefined, saved: 1 });
    expect(textOf(peer, "n", cluster.now)).toBe("new");
    expect(incarnation(cluster, peer)).toBe(3);
  });

  it("[INC5] what died does not come in behind a clean state vector", () => {
    const cluster = new Cluster();
    const peer = cluster.add();
    const stale = new Editor(cluster, peer, "n").type("dead");
    cluster.run(0);
    remove(cluster, peer);
    const tab = new Editor(cluster, peer, "n");
    cluster.run(0);
    peer.inbox.push({ type: "edit", subscriber: tab.subscriber, update: stale.everything(), principal: "" });
    cluster.run(0);
    expect(tab.take().evicted).toBe("stale");
    expect(incarnation(cluster, peer)).toBe(2);
  });

  it("[INC6] survives a restart, fence included", () => {
    const cluster = new Cluster();
    const peer = cluster.add();
    const stale = new Editor(cluster, peer, "n").type("x");
    cluster.run(0);
    remove(cluster, peer);
    const { root } = peer.replica.status(cluster.now);
    cluster.remove(peer);
    const again = cluster.add({ store: peer.store });
    expect(again.replica.status(cluster.now).root).toBe(root);
    const stateVector = stale.stateVector();
    cluster.step(again, { type: "attach", subscriber: 1, name: "n", stateVector });
    expect(again.of("evict")).toMatchObject([{ reason: "stale" }]);
  });
});

describe("between peers", () => {
  it("[INC7] a deletion beats what was written meanwhile on another peer", () => {
    const { cluster, a, b } = pair();
    new Editor(cluster, a, "n").type("x");
    cluster.run(100);
    split(cluster, b, true);
    const writer = new Editor(cluster, b, "n").type("y");
    cluster.run(0);
    remove(cluster, a);
    split(cluster, b, false);
    expect(cluster.equal).toBe(true);
    for (const peer of [a, b]) expect(textOf(peer, "n", cluster.now)).toBeUndefined();
    writer.take().attach();
    cluster.run(0);
    expect(writer.take().evicted).toBe("stale");
    const atA = new Editor(cluster, a, "other");
    cluster.step(a, { type: "attach", subscriber: atA.subscriber, name: "n", stateVector: writer.stateVector() });
    expect(a.of("evict").at(-1)).toMatchObject({ reason: "stale" });
  });

  it("[INC8] concurrent re-creations are one incarnation, and merge", () => {
    const { cluster, a, b } = pair();
    new Editor(cluster, a, "n").type("x");
    cluster.run(100);
    remove(cluster, a);
    cluster.run(100);
    split(cluster, b, true);
    new Editor(cluster, a, "n").type("from a ");
    new Editor(cluster, b, "n").type("from b ");
    cluster.run(0);
    split(cluster, b, false);
    expect(cluster.equal).toBe(true);
    expect([incarnation(cluster, a), incarnation(cluster, b)]).toEqual([3, 3]);
    const text = textOf(a, "n", cluster.now)!;
    expect(text.length).toBe("from a from b ".length);
    expect(textOf(b, "n", cluster.now)).toBe(text);
  });

  it("[INC9] fences of both sides are united", () => {
    const { cluster, a, b } = pair();
    new Editor(cluster, a, "n").type("x");
    cluster.run(100);
    split(cluster, b, true);
    const [atA, atB] = [new Editor(cluster, a, "n").type("y"), new Editor(cluster, b, "n").type("z")];
    cluster.run(0);
    remove(cluster, a);
    remove(cluster, b);
    split(cluster, b, false);
    expect(cluster.equal).toBe(true);
    for (const [peer, stale] of [
      [a, atB],
      [b, atA],
    ] as const) {
      peer.mark();
      cluster.step(peer, { type: "attach", subscriber: stale.subscriber, name: "n", stateVector: stale.stateVector() });
      expect(peer.of("evict")).toMatchObject([{ reason: "stale" }]);
    }
  });

  it("[INC12] of deletion here, and deletion and re-creation there, the higher is adopted", () => {
    const { cluster, a, b } = pair();
    new Editor(cluster, a, "n").type("x");
    cluster.run(100);
    split(cluster, b, true);
    remove(cluster, a);
    remove(cluster, b);
    new Editor(cluster, b, "n").type("second life");
    cluster.run(0);
    split(cluster, b, false);
    expect(cluster.equal).toBe(true);
    expect(textOf(a, "n", cluster.now)).toBe("second life");
    expect(incarnation(cluster, a)).toBe(3);
  });

  it("[INC12] a session bound to a deleted name stays when another peer brings it back", () => {
    const { cluster, a, b } = pair();
    new Editor(cluster, a, "n").type("x");
    cluster.run(100);
    remove(cluster, a);
    cluster.run(100);
    const waits = new Editor(cluster, a, "n");
    cluster.run(0);
    new Editor(cluster, b, "n").type("new");
    waits.type("here ");
    cluster.run(2_000);
    expect(waits.take()).toMatchObject({ evicted: undefined, saved: 1 });
    expect(waits.text.length).toBe("here new".length);
    expect(textOf(b, "n", cluster.now)).toBe(waits.text);
  });

  it("[INC13] a broadcast of a lower incarnation is dropped and answered with ours", () => {
    const { cluster, a, b } = pair();
    new Editor(cluster, a, "n").type("x");
    cluster.run(100);
    remove(cluster, a);
    cluster.run(100);
    cluster.records = true;
    const [link] = cluster.linksOf(a, b);
    const late = {
      type: "broadcast",
      origin: "99".repeat(8),
      sequence: 1,
      name: "n",
      incarnation: 1,
      fence: [],
      ageMs: 0,
      ordinal: 0,
    } as const;
    const update = new Editor(cluster, a, "x").type("late").everything();
    const message = { ...late, origin: late.origin as never, segments: [{ principal: "", update }] };
    const before = incarnation(cluster, a);
    cluster.step(a, { type: "link-frame", link: link!, bytes: encodeFrame([encodeMessage(message)]) });
    expect(incarnation(cluster, a)).toBe(before);
    const answers = cluster.sent.filter(({ from, message: { type } }) => from === a && type === "broadcast");
    expect(answers).toMatchObject([{ to: b, message: { name: "n", incarnation: 2, segments: [] } }]);
    cluster.run(0);
    expect(textOf(b, "n", cluster.now)).toBeUndefined();
  });

  it("[INC14] deleted stays deleted: a peer that missed it can neither push nor repair it back", () => {
    const { cluster, a, b } = pair();
    new Editor(cluster, a, "n").type("x");
    cluster.run(100);
    cluster.loses = ({ from, messages }) => from === a && messages().some(({ type }) => type === "broadcast");
    remove(cluster, a);
    cluster.run(0);
    expect(textOf(b, "n", cluster.now)).toBe("x");
    new Editor(cluster, b, "n").type("y");
    cluster.run(0);
    expect(textOf(a, "n", cluster.now)).toBeUndefined();
    cluster.run(5_000);
    for (const peer of [a, b]) expect(textOf(peer, "n", cluster.now)).toBeUndefined();
    expect(cluster.equal).toBe(true);
  });

  it("[INC15] a deletion in the same batch as a broadcast still reaches the others at once", () => {
    const { cluster, a, b } = pair();
    const c = cluster.add({ peers: [a.url], discovery: false });
    new Editor(cluster, a, "n").type("x");
    cluster.run(2_000);
    new Editor(cluster, b, "n").type("y");
    cluster.step(b, ...b.inbox.splice(0));
    a.inbox.push({ type: "delete", request: 1, name: "n" });
    cluster.records = true;
    cluster.run(5);
    const pushed = cluster.sent.flatMap(({ from, message }) =>
      from === a && message.type === "broadcast" ? [message] : [],
    );
    // The broadcast goes on as well: the peers behind count what comes.
    expect(pushed.map(({ incarnation, segments }) => [incarnation, segments.length])).toEqual([
      [2, 0],
      [2, 0],
      [1, 1],
    ]);
    for (const peer of [a, b, c]) expect(textOf(peer, "n", cluster.now)).toBeUndefined();
  });
});
