/** A batch of several documents on a disk that is full or fails, seen from outside: events in, effects and rows out. */
import { describe, expect, it } from "vitest";
import { StoreFailedError } from "../../src/store.ts";
import { MemoryStore } from "../../src/memory-store.ts";
import { Cluster, Editor, peerIdOf, textOf } from "../engine/cluster.ts";

const NAMES = ["one", "two", "three"] as const;

function writers() {
  const cluster = new Cluster();
  const peer = cluster.add();
  const editors = NAMES.map((name) => new Editor(cluster, peer, name).type("before"));
  cluster.run(10);
  for (const editor of editors) expect(editor.take().saved).toBe(1);
  peer.mark();
  return { cluster, peer, editors };
}

/** What memory says must be what the disk says. */
function expectMemoryIsDisk(cluster: Cluster, peer: ReturnType<Cluster["add"]>): void {
  const { root, counts } = peer.replica.status(cluster.now);
  const reloaded = cluster.add({ store: peer.store });
  expect(reloaded.replica.status(cluster.now)).toMatchObject({ root, counts });
  for (const name of NAMES) {
    expect(reloaded.replica.stateVector(name, cluster.now)).toEqual(peer.replica.stateVector(name, cluster.now));
  }
}

describe("a disk without room", () => {
  it("[INC10] refuses only the documents that fail alone, and shows nothing of them", () => {
    const { cluster, peer, editors } = writers();
    for (const editor of editors) editor.type(" after");
    // The whole batch fails, then the first of the documents alone.
    peer.store.failNext("full", 2);
    cluster.run(0);
    const evicted = peer.of("evict");
    const delivered = peer.of("deliver").map(({ name }) => name);
    expect(evicted).toMatchObject([
      { subscriber: editors[0]!.subscriber, reason: "overloaded", code: "YARROW_STORE_FULL" },
    ]);
    expect(delivered).toEqual(["two", "three"]);
    expect(peer.of("saved").map(({ subscriber }) => subscriber)).toEqual([
      editors[1]!.subscriber,
      editors[2]!.subscriber,
    ]);
    expect(NAMES.map((name) => textOf(peer, name, cluster.now))).toEqual(["before", "before after", "before after"]);
    expectMemoryIsDisk(cluster, peer);
    editors[0]!.take().attach();
    editors[0]!.send();
    cluster.run(10);
    expect(textOf(peer, "one", cluster.now)).toBe("before after");
    expect(editors[0]!.take().evicted).toBeUndefined();
  });

  it("[INC10] is told when it begins and when it ends", () => {
    const { cluster, peer, editors } = writers();
    editors[0]!.type("!");
    peer.store.failNext("full", 1);
    cluster.run(0);
    expect(peer.replica.status(cluster.now).storeFull).toBe(true);
    editors[1]!.type("!");
    cluster.run(0);
    expect(peer.replica.status(cluster.now).storeFull).toBe(false);
    const facts = peer.of("observe").map(({ fact }) => fact.kind);
    expect(facts.filter((kind) => kind.startsWith("store-"))).toEqual(["store-full", "store-recovered"]);
  });

  it("[INC10] refuses by size: a small write goes in beside one that has no room", () => {
    const { cluster, peer, editors } = writers();
    peer.store.setCapacityBytes(peer.store.counts().bytes + 2_000);
    editors[0]!.type("x".repeat(5_000));
    editors[1]!.type("!");
    cluster.run(0);
    expect(peer.of("evict")).toMatchObject([{ subscriber: editors[0]!.subscriber, code: "YARROW_STORE_FULL" }]);
    expect(textOf(peer, "two", cluster.now)).toBe("before!");
    expectMemoryIsDisk(cluster, peer);
  });

  it("[INC10] a deletion without room leaves everything as it was", () => {
    const { cluster, peer, editors } = writers();
    peer.store.failNext("full", 1);
    cluster.step(peer, { type: "delete", request: 1, name: "one" });
    expect(peer.of("deleted")).toMatchObject([{ existed: true, failure: { code: "YARROW_STORE_FULL" } }]);
    expect(peer.of("evict")).toEqual([]);
    editors[0]!.type(" and on");
    cluster.run(0);
    expect(textOf(peer, "one", cluster.now)).toBe("before and on");
    expectMemoryIsDisk(cluster, peer);
  });

  it("[INC10] an edit that came behind a deletion without room is refused, not forgotten", () => {
    const { cluster, peer, editors } = writers();
    peer.store.failNext("full", 1);
    peer.inbox.push({ type: "delete", request: 1, name: "one" });
    editors[0]!.type(" after");
    cluster.run(0);
    expect(editors[0]!.take()).toMatchObject({ evicted: "overloaded", saved: 1 });
    expect(textOf(peer, "one", cluster.now)).toBe("before");
  });
});

it("[INC11] a disk that fails ends the step: the peer must stop", () => {
  const { cluster, peer, editors } = writers();
  editors[0]!.type("!");
  peer.store.failNext("failed", 1);
  expect(() => cluster.run(0)).toThrow(StoreFailedError);
});

it("[INC10] what links brought and had no room is fetched again when there is some", () => {
  const cluster = new Cluster();
  const a = cluster.add();
  const b = cluster.add({ peers: [a.url], store: new MemoryStore({ peerId: peerIdOf(2) }) });
  cluster.run(2_000);
  b.store.failNext("full", 1);
  new Editor(cluster, a, "n").type("x");
  cluster.run(20);
  expect(textOf(b, "n", cluster.now)).toBeUndefined();
  cluster.run(5_000);
  expect(textOf(b, "n", cluster.now)).toBe("x");
});

it("[INC10] while a disk stays full, rounds wait longer and longer and raise the alarm", () => {
  const cluster = new Cluster();
  const a = cluster.add();
  for (let i = 0; i < 20; i++) new Editor(cluster, a, `${i}`).type("x");
  const b = cluster.add({ peers: [a.url], store: new MemoryStore({ peerId: peerIdOf(2), capacityBytes: 2_000 }) });
  cluster.run(120_000);
  const facts = [...a.of("observe"), ...b.of("observe")].map(({ fact }) => fact);
  expect(facts.filter(({ kind }) => kind === "round-started").length).toBeLessThan(60);
  expect(facts.some(({ kind }) => kind === "reconciliation-stuck")).toBe(true);
});
