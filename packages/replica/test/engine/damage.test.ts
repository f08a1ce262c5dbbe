/** Flipped bits on the disk: what survives is served, what is lost comes back from others. */
import { describe, expect, it } from "vitest";
import type { MemoryStore } from "../../src/memory-store.ts";
import type { Peer } from "./cluster.ts";
import { Cluster, Editor, textOf } from "./cluster.ts";

const LINES = 20;
const line = (i: number): string => `line ${i} ${"-".repeat(60)} `;
const WHOLE = Array.from({ length: LINES }, (_, i) => line(i)).join("");
/** Checkpoints are written early, so that damage lies before them as well. */
const CONFIG = { checkpointBytes: 100, historyMs: 60_000, compactTailBytes: 1e9 };

/** A peer with one document of several rows, and another with the same where it is not `alone`. */
function peers(alone: boolean) {
  const cluster = new Cluster();
  const a = cluster.add({ config: CONFIG });
  const b = alone ? undefined : cluster.add({ peers: [a.url], config: CONFIG });
  if (!alone) cluster.run(2_000);
  const writer = new Editor(cluster, a, "n");
  for (let i = 0; i < LINES; i++) {
    writer.type(line(i));
    cluster.run(5);
  }
  new Editor(cluster, a, "other").type("untouched");
  cluster.run(2_000);
  return { cluster, a, b, writer };
}

function restart(cluster: Cluster, peer: Peer, to?: Peer): Peer {
  cluster.remove(peer);
  return cluster.add({ store: peer.store, config: CONFIG, peers: to === undefined ? [] : [to.url] });
}

function rowsOf(store: MemoryStore): number[] {
  const { id } = store.readDocument("n")!;
  return store.readLog(id, 1, 0, 1_000).map(({ sequence }) => sequence);
}

type Spoil = (store: MemoryStore) => void;
const DAMAGES: readonly (readonly [string, Spoil])[] = [
  ["the first log row", (store) => store.damage.log(rowsOf(store)[0]!)],
  ["a log row in the middle", (store) => store.damage.log(rowsOf(store)[9]!)],
  ["the last log row", (store) => store.damage.log(rowsOf(store).at(-1)!)],
  ["the checkpoint", (store) => store.damage.checkpoint(store.readDocument("n")!.id)],
  ["the fence", (store) => store.damage.fence(store.readDocument("n")!.id)],
  ["a leaf of the set tree", (store) => store.damage.bucket("")],
];

describe("a damaged row", () => {
  it.each(DAMAGES)("[INC16] %s: noticed after a restart, healed by a peer, and forgotten", (_, spoil) => {
    const { cluster, a, b } = peers(false);
    spoil(a.store);
    const again = restart(cluster, a, b);
    const reader = new Editor(cluster, again, "n");
    cluster.run(20_000);
    expect(cluster.equal).toBe(true);
    expect(textOf(again, "n", cluster.now)).toBe(WHOLE);
    expect(textOf(again, "other", cluster.now)).toBe("untouched");
    expect(again.store.counts().quarantined).toBe(0);
    if (reader.take().evicted !== undefined) reader.attach();
    cluster.run(100);
    expect(reader.take().text).toBe(WHOLE);
    cluster.step(again, { type: "verify", request: 1, deep: true, timeoutMs: 5_000 });
    cluster.run(6_000);
    expect(again.of("verified")[0]?.report).toMatchObject({ equal: true, local: { bad: [] } });
  });

  it.each(DAMAGES)("[INC16] %s: a peer that is alone goes on with what survives", (_, spoil) => {
    const { cluster, a } = peers(true);
    spoil(a.store);
    const again = restart(cluster, a);
    new Editor(cluster, again, "n");
    cluster.run(100);
    const reader = new Editor(cluster, again, "n").type("and on");
    cluster.run(100);
    reader.take();
    expect(reader.evicted).toBeUndefined();
    expect(reader.saved).toBe(1);
    expect(reader.text).toContain("and on");
    expect(textOf(again, "other", cluster.now)).toBe("untouched");
  });

  it("[INC16] is not waited for for ever where the peer stops before it is whole, and nobody reads the document again", () => {
    const { cluster, a, b } = peers(false);
    cluster.step(a, { type: "pause-links", peer: undefined, paused: true });
    a.store.damage.fence(a.store.readDocument("n")!.id);
    cluster.step(a, { type: "verify", request: 1, deep: false, timeoutMs: 1_000 });
    cluster.run(2_000);
    expect(a.store.counts().quarantined).toBe(1);
    cluster.remove(a);
    // Nothing is old enough to be swept, which would read it.
    const again = cluster.add({ store: a.store, config: { ...CONFIG, historyMs: 1e9 }, peers: [b!.url] });
    cluster.run(20_000);
    expect(cluster.equal).toBe(true);
    cluster.step(again, { type: "verify", request: 2, deep: false, timeoutMs: 1_000 });
    cluster.run(40_000);
    expect(again.facts("repaired")).toMatchObject([{ name: "n" }]);
    expect(again.store.counts().quarantined).toBe(0);
  });

  it("[INC16] found while running: a browser that still holds it gives it back", () => {
    const { cluster, a, writer } = peers(true);
    const [, second] = rowsOf(a.store);
    a.store.damage.log(second!);
    new Editor(cluster, a, "n");
    cluster.run(100);
    expect(a.of("evict").map(({ code }) => code)).toContain("YARROW_DOCUMENT_QUARANTINED");
    expect(writer.take().evicted).toBe("quarantined");
    expect(a.facts("quarantined")).toMatchObject([{ name: "n" }]);
    expect(a.store.counts().quarantined).toBe(1);
    writer.attach();
    writer.send();
    cluster.run(100);
    expect(textOf(a, "n", cluster.now)).toBe(WHOLE);
    expect(restartedText(cluster, a)).toBe(WHOLE);
  });

  it("[INC16, PEND7] twice: what an earlier repair has brought back does not wait for it", () => {
    const { cluster, a, b } = peers(false);
    a.store.damage.log(rowsOf(a.store)[0]!);
    const again = restart(cluster, a, b);
    new Editor(cluster, again, "n");
    cluster.run(20_000);
    expect(again.facts("repaired")).toMatchObject([{ name: "n" }]);
    again.store.damage.fence(again.store.readDocument("n")!.id);
    const third = restart(cluster, again);
    new Editor(cluster, third, "n");
    cluster.run(100);
    expect(third.facts("quarantined")).toMatchObject([{ name: "n" }]);
    expect(third.store.readPending(third.store.readDocument("n")!.id)).toEqual([]);
    expect(textOf(third, "n", cluster.now)).toBe(WHOLE);
  });

  it("[INC16] the head snapshot: the base and the rows after it take its place", () => {
    const { cluster, a } = peers(true);
    cluster.run(400_000);
    expect(rowsOf(a.store)).toEqual([]);
    new Editor(cluster, a, "n").type("tail");
    cluster.step(a, ...a.inbox.splice(0), { type: "compact", request: 1 });
    cluster.run(0);
    const { id } = a.store.readDocument("n")!;
    const [head, base] = (["head", "base"] as const).map((kind) => a.store.readSnapshot(id, 1, kind)!);
    expect(head!.sequence).toBeGreaterThan(base!.sequence);
    // No answer is left in memory that would spare the reading.
    cluster.run(15_000);
    a.store.damage.snapshot(id, 1, "head");
    new Editor(cluster, a, "n");
    cluster.run(100);
    expect(a.facts("quarantined")).toMatchObject([{ name: "n", detail: "the head snapshot" }]);
    const reader = new Editor(cluster, a, "n");
    cluster.run(100);
    expect(reader.take().text).toContain(WHOLE);
    expect(reader.text).toContain("tail");
    expect(restartedText(cluster, a)).toBe(textOf(a, "n", cluster.now));
  });

  it("[INC16] the head after the log was retired: what only it held comes back from a peer", () => {
    const { cluster, a, b } = peers(false);
    cluster.step(a, { type: "compact", request: 1 });
    cluster.run(400_000);
    const { id } = a.store.readDocument("n")!;
    expect(rowsOf(a.store)).toEqual([]);
    a.store.damage.snapshot(id, 1, "head");
    a.store.damage.snapshot(id, 1, "base");
    new Editor(cluster, a, "n");
    cluster.run(20_000);
    expect(cluster.equal).toBe(true);
    expect(textOf(a, "n", cluster.now)).toBe(textOf(b!, "n", cluster.now));
    expect(a.store.counts().quarantined).toBe(0);
  });

  it("[INC16] what waits for the lost row is taken in when it comes back, and waits no more", () => {
    const { cluster, a, b } = peers(false);
    cluster.step(b!, { type: "pause-links", peer: undefined, paused: true });
    cluster.run(15_000);
    a.store.damage.log(rowsOf(a.store)[9]!);
    new Editor(cluster, a, "n");
    cluster.run(100);
    expect(a.store.counts().pending).toBeGreaterThan(0);
    cluster.step(b!, { type: "pause-links", peer: undefined, paused: false });
    cluster.run(5_000);
    expect(cluster.equal).toBe(true);
    expect(a.store.counts().pending).toBe(0);
    expect(a.replica.read("n", cluster.now)!.pendingBytes).toBe(0);
  });

  it("[INC17] is never compacted into a lasting hole", () => {
    const { cluster, a, b } = peers(false);
    a.store.damage.log(rowsOf(a.store)[3]!);
    cluster.step(a, { type: "compact", request: 1 });
    cluster.run(20_000);
    expect(cluster.equal).toBe(true);
    expect(textOf(a, "n", cluster.now)).toBe(WHOLE);
    expect(textOf(b!, "n", cluster.now)).toBe(WHOLE);
  });

  it("[INC16] with a full disk it is served as far as it survives, and repaired when there is room", () => {
    const { cluster, a, b } = peers(false);
    a.store.damage.log(rowsOf(a.store)[3]!);
    a.store.damage.checkpoint(a.store.readDocument("n")!.id);
    a.store.setCapacityBytes(0);
    const again = restart(cluster, a, b);
    const reader = new Editor(cluster, again, "n");
    cluster.run(1_000);
    if (reader.take().evicted !== undefined) reader.attach();
    cluster.run(1_000);
    expect(again.of("answer").length).toBeGreaterThan(0);
    again.store.setCapacityBytes(1e9);
    cluster.run(60_000);
    new Editor(cluster, again, "n");
    cluster.run(60_000);
    expect(textOf(again, "n", cluster.now)).toBe(WHOLE);
    expect(cluster.equal).toBe(true);
  });
});

function restartedText(cluster: Cluster, peer: Peer): string | undefined {
  return textOf(restart(cluster, peer), "n", cluster.now);
}

it("[INC20] damage to a document that nobody opens is found within a day, and healed", () => {
  const { cluster, a, b } = peers(false);
  const { id } = a.store.readDocument("n")!;
  const again = restart(cluster, a, b);
  cluster.run(30 * 60_000);
  again.store.damage.snapshot(id, 1, "head");
  cluster.run(12 * 60 * 60 * 1_000);
  expect(again.facts("quarantined")).toEqual([]);
  cluster.run(13 * 60 * 60 * 1_000);
  expect(again.facts("quarantined")).toMatchObject([{ name: "n" }]);
  expect(again.store.counts().quarantined).toBe(0);
  expect(textOf(again, "n", cluster.now)).toBe(WHOLE);
});
