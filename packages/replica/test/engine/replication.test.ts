import { describe, expect, it } from "vitest";
import { Cluster, Editor, textOf } from "./cluster.ts";

describe("one peer", () => {
  it("[DOC1] commits an edit, shows it, and answers who comes later", () => {
    const cluster = new Cluster();
    const peer = cluster.add();
    const writer = new Editor(cluster, peer, "notes").type("hello");
    cluster.run(10);
    expect(writer.take().saved).toBe(1);
    const reader = new Editor(cluster, peer, "notes");
    cluster.run(10);
    expect(reader.take().text).toBe("hello");
  });
});

describe("several peers", () => {
  it("[GOS1] pushes a change to every peer of a mesh", () => {
    const cluster = new Cluster();
    const a = cluster.add();
    const b = cluster.add({ peers: [a.url] });
    const c = cluster.add({ peers: [a.url] });
    cluster.run(2_000);
    expect(a.replica.status(cluster.now).links.length).toBe(2);
    expect(c.replica.status(cluster.now).links.length).toBe(2);
    new Editor(cluster, b, "notes").type("one");
    cluster.run(5);
    for (const peer of [a, b, c]) expect(textOf(peer, "notes", cluster.now)).toBe("one");
    expect(new Set(cluster.roots()).size).toBe(1);
  });

  it("[AE1] repairs both directions after a cut, along a line", () => {
    const cluster = new Cluster();
    const a = cluster.add({ discovery: false });
    const b = cluster.add({ peers: [a.url], discovery: false });
    const c = cluster.add({ peers: [b.url], discovery: false });
    cluster.run(1_000);
    cluster.step(b, { type: "pause-links", peer: undefined, paused: true });
    cluster.run(100);
    for (let i = 0; i < 50; i++) {
      new Editor(cluster, a, `a${i}`).type(`from a ${i}`);
      new Editor(cluster, c, `c${i}`).type(`from c ${i}`);
      new Editor(cluster, b, "shared").type(`b${i} `);
    }
    new Editor(cluster, a, "shared").type("a");
    new Editor(cluster, c, "shared").type("c");
    cluster.run(1_000);
    expect(new Set(cluster.roots()).size).toBe(3);
    cluster.step(b, { type: "pause-links", peer: undefined, paused: false });
    cluster.run(10_000);
    expect(new Set(cluster.roots()).size).toBe(1);
    const texts = [a, b, c].map((peer) => textOf(peer, "shared", cluster.now));
    expect(new Set(texts).size).toBe(1);
    expect(texts[0]?.length).toBeGreaterThan(150);
  });

  it("[AE2] fills an empty replica", () => {
    const cluster = new Cluster();
    const a = cluster.add();
    for (let i = 0; i < 1_000; i++) new Editor(cluster, a, `doc ${i}`).type(`text ${i}`);
    cluster.run(100);
    const b = cluster.add({ peers: [a.url] });
    cluster.run(3_000);
    expect(new Set(cluster.roots()).size).toBe(1);
    expect(textOf(b, "doc 999", cluster.now)).toBe("text 999");
    cluster.step(a, { type: "verify", request: 1, deep: true, timeoutMs: 5_000 });
    cluster.run(6_000);
    expect(a.of("verified")[0]?.report).toMatchObject({ equal: true, peers: [{ result: "equal" }] });
  });

  it("[INC1] a delete reaches every peer and beats what was written meanwhile", () => {
    const cluster = new Cluster();
    const a = cluster.add();
    const b = cluster.add({ peers: [a.url] });
    const tab = new Editor(cluster, b, "notes").type("old");
    cluster.run(2_000);
    tab.take();
    cluster.step(a, { type: "delete", request: 7, name: "notes" });
    cluster.run(100);
    expect(a.of("deleted")).toEqual([{ type: "deleted", request: 7, existed: true, failure: undefined }]);
    expect(tab.take().evicted).toBe("deleted");
    expect(textOf(b, "notes", cluster.now)).toBeUndefined();
    tab.attach();
    cluster.run(100);
    expect(tab.take().evicted).toBe("stale");
    const fresh = new Editor(cluster, b, "notes").type("new");
    cluster.run(2_000);
    expect(fresh.take().text).toBe("new");
    expect(textOf(a, "notes", cluster.now)).toBe("new");
    expect(new Set(cluster.roots()).size).toBe(1);
  });

  it("[GOS2] counts the copies of an edit on distinct peers", () => {
    const cluster = new Cluster();
    const a = cluster.add();
    cluster.add({ peers: [a.url] });
    cluster.add({ peers: [a.url] });
    cluster.run(2_000);
    const writer = new Editor(cluster, a, "notes").type("x");
    a.inbox.push({ type: "await-copies", request: 1, subscriber: writer.subscriber, copies: 2, timeoutMs: 1_000 });
    a.inbox.push({ type: "await-copies", request: 2, subscriber: writer.subscriber, copies: 3, timeoutMs: 1_000 });
    cluster.run(10);
    expect(a.of("copies").map(({ request, reached }) => [request, reached.length])).toEqual([[1, 2]]);
    cluster.run(2_000);
    expect(a.of("copies")[1]).toMatchObject({ request: 2, failure: { code: "YARROW_COPIES_MISSING" } });
  });

  it("[HND10] a blank peer adopts the cluster of the peer it reaches", () => {
    const cluster = new Cluster();
    const a = cluster.add();
    new Editor(cluster, a, "notes").type("x");
    const b = cluster.add({ peers: [a.url], clusterId: undefined });
    cluster.run(3_000);
    expect(b.replica.status(cluster.now).clusterId).toBe(a.replica.status(cluster.now).clusterId);
    expect(new Set(cluster.roots()).size).toBe(1);
  });
});
