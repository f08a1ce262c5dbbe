/** A replica that lacks most of what others hold: how it fills itself, from where it stood, from several at once. */
import type { DocumentKey } from "@yarrow/protocol";
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { boundsOf, isSparse, Slices, slicesOf } from "../../src/anti-entropy/slices.ts";
import { documentKey } from "../../src/document/keys.ts";
import type { Event } from "../../src/event.ts";
import type { Peer, Sent } from "./cluster.ts";
import { Cluster, Editor } from "./cluster.ts";

const NOTHING = Uint8Array.of(0);
const LIMITS = { sliceDocumentsMin: 256, sliceDocumentsMax: 4_096 };
/** Small parts, so that a few documents are many. */
const config = { sliceDocumentsMin: 16, sliceDocumentsMax: 64, leafDocumentsMax: 4 };

/** Writes a document into each name, without an editor that stays. */
function fill(cluster: Cluster, peer: Peer, names: readonly string[]): void {
  const doc = new Y.Doc();
  doc.clientID = 50_000;
  doc.getText("t").insert(0, "text");
  const update = Y.encodeStateAsUpdate(doc);
  const events = names.flatMap((name, i): Event[] => {
    const subscriber = 1_000_000 + i;
    return [
      { type: "attach", subscriber, name, stateVector: NOTHING },
      { type: "edit", subscriber, update, principal: "" },
      { type: "detach", subscriber },
    ];
  });
  cluster.step(peer, ...events);
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `document ${i}`);
}

/** Names of what was streamed, once for each time. */
function streamed(sent: readonly Sent[]): string[] {
  return sent.flatMap(({ message }) => (message.type === "stream" ? message.documents.map(({ name }) => name) : []));
}

/** Has each document that a peer takes in cost it time, in which it hears nothing. */
function slowly(cluster: Cluster, { replica }: Peer, msEach: number): { readonly alive: () => number } {
  const [step, nextDeadline] = [replica.step.bind(replica), replica.nextDeadline.bind(replica)];
  const alive = (): number => replica.status(cluster.now).counts.alive;
  let busyUntil = 0;
  const unheard: Event[] = [];
  replica.nextDeadline = () => Math.max(unheard.length > 0 ? 0 : nextDeadline(), busyUntil);
  replica.step = (events, now) => {
    unheard.push(...events);
    if (now < busyUntil) return [];
    const before = alive();
    const effects = step(unheard.splice(0), now);
    busyUntil = now + (alive() - before) * msEach;
    return effects;
  };
  return { alive };
}

function repairs(sent: readonly Sent[]): number {
  return sent.filter(({ message }) => message.type === "documents-ask").length;
}

describe("a replica that is filled", () => {
  it("[AE17] goes on after a cut where it was, and fetches little of what it has", () => {
    const cluster = new Cluster();
    const a = cluster.add({ config });
    fill(cluster, a, numbered(1_600));
    cluster.records = true;
    const b = cluster.add({ config, peers: [a.url] });
    cluster.latencyMs = 5;
    cluster.until(() => b.replica.status(cluster.now).counts.alive > 600, 10_000);
    cluster.cut(a, b);
    cluster.run(0);
    const before = b.replica.status(cluster.now).counts.alive;
    cluster.sent.length = 0;
    cluster.until(() => cluster.equal, 20_000);
    const again = streamed(cluster.sent).length;
    expect(again).toBeGreaterThan(400);
    expect(again).toBeLessThan(1_600 - before + 64);
    // The rest of the slice that was under way, and nothing else, is found by comparing.
    expect(repairs(cluster.sent)).toBeLessThan(4);
  });

  it("[AE17] also when the process begins anew, whichever of the two has the lower id", () => {
    const cluster = new Cluster();
    const b = cluster.add({ config });
    fill(cluster, b, numbered(150));
    const a = cluster.add({ config, peers: [b.url] });
    fill(cluster, a, numbered(800));
    cluster.records = true;
    cluster.until(() => cluster.equal, 20_000);
    const asks = cluster.sent.filter(({ message }) => message.type.endsWith("-ask"));
    expect(asks.length).toBeGreaterThan(0);
    expect(new Set(asks.map(({ from }) => from))).toEqual(new Set([b]));
  });

  it("[AE18] by several links shares the work, and fetches nothing twice", () => {
    const cluster = new Cluster();
    const sources = [cluster.add({ config, discovery: false })];
    fill(cluster, sources[0]!, numbered(1_000));
    for (let i = 1; i < 3; i++) {
      const store = sources[0]!.store.clone(`${i}`.repeat(32) as never);
      sources.push(cluster.add({ config, store, discovery: false }));
    }
    cluster.records = true;
    cluster.latencyMs = 5;
    const b = cluster.add({ config, peers: sources.map(({ url }) => url), discovery: false });
    cluster.until(() => cluster.equal && b.replica.status(cluster.now).links.every((link) => link.equal), 20_000);
    const names = streamed(cluster.sent);
    expect(new Set(names).size).toBe(1_000);
    expect(names.length).toBe(1_000);
    expect(repairs(cluster.sent)).toBe(0);
    const from = new Set(cluster.sent.flatMap((sent) => (sent.message.type === "stream" ? [sent.from] : [])));
    expect(from.size).toBeGreaterThan(1);
  });

  it("[AE18] when a link goes, another takes over what it had not brought", () => {
    const cluster = new Cluster();
    const a = cluster.add({ config, discovery: false });
    fill(cluster, a, numbered(1_000));
    const c = cluster.add({ config, store: a.store.clone("c".repeat(32) as never), discovery: false });
    cluster.latencyMs = 5;
    const b = cluster.add({ config, peers: [a.url, c.url], discovery: false });
    cluster.until(() => b.replica.status(cluster.now).counts.alive > 300, 10_000);
    cluster.remove(a);
    cluster.until(() => cluster.equal, 20_000);
    expect(b.replica.status(cluster.now).counts.alive).toBe(1_000);
  });

  it("[AE17] what others write meanwhile is pushed, and nothing of it is lost", () => {
    const cluster = new Cluster();
    const a = cluster.add({ config });
    fill(cluster, a, numbered(1_000));
    cluster.latencyMs = 5;
    const b = cluster.add({ config, peers: [a.url] });
    const writer = new Editor(cluster, a, "written all the time");
    const local = new Editor(cluster, b, "written at the empty one");
    for (let i = 0; i < 30; i++) {
      writer.type("x");
      local.type("y");
      cluster.run(10);
    }
    cluster.until(() => cluster.equal, 20_000);
    expect(b.replica.status(cluster.now).counts.alive).toBe(1_002);
  });

  it("[AE17] what differs where the other side has nothing to stream is found by comparing", () => {
    const cluster = new Cluster();
    const [a, b] = [cluster.add({ config }), cluster.add({ config })];
    const few = numbered(2_000).filter((name) => documentKey(name).startsWith("0"));
    // Of as many documents one in sixteen should begin with 0, and none does.
    fill(
      cluster,
      a,
      numbered(600).filter((name) => !few.includes(name)),
    );
    fill(cluster, b, [...numbered(300).filter((name) => !few.includes(name)), few[0]!]);
    const c = cluster.add({ config, peers: [a.url, b.url] });
    cluster.until(() => cluster.equal, 20_000);
    expect(c.replica.status(cluster.now).counts.alive).toBe(a.replica.status(cluster.now).counts.alive);
  });

  it("[AE20] tells how far it is", () => {
    const cluster = new Cluster();
    const a = cluster.add({ config });
    fill(cluster, a, numbered(1_000));
    const b = cluster.add({ config, peers: [a.url] });
    cluster.latencyMs = 5;
    const catchUp = () => b.replica.status(cluster.now).links[0]?.catchUp;
    cluster.until(() => (catchUp()?.documents ?? 0) > 300, 10_000);
    expect(catchUp()).toMatchObject({ total: 1_000 });
    expect(catchUp()?.perSecond).toBeGreaterThan(1_000);
    expect(a.replica.status(cluster.now).links[0]?.catchUp).toBeUndefined();
    cluster.until(() => cluster.equal, 10_000);
    cluster.run(2_000);
    expect(catchUp()).toBeUndefined();
  });

  it("[AE22] asks for the next batch, and for the next part, before it has taken in what came", () => {
    const cluster = new Cluster();
    const a = cluster.add({ config });
    fill(cluster, a, numbered(1_000));
    const b = cluster.add({ config, peers: [a.url] });
    const holds = (): number => b.replica.status(cluster.now).counts.alive;
    let came = 0;
    const asked: { readonly held: number; readonly came: number }[] = [];
    cluster.loses = ({ from, messages }) => {
      for (const message of messages()) {
        if (message.type === "stream") came += message.documents.length;
        if (from === b && message.type === "stream-ask") asked.push({ held: holds(), came });
      }
      return false;
    };
    cluster.until(() => cluster.equal, 20_000);
    const [, ...later] = asked;
    expect(later.length).toBeGreaterThan(10);
    for (const { held, came: had } of later) expect(held).toBeLessThan(had);
  });

  it("[AE23] takes in what is new and what is not, though they come together", () => {
    const cluster = new Cluster();
    const a = cluster.add({ config });
    fill(cluster, a, numbered(1_000));
    const b = cluster.add({ config });
    // Fewer than one in sixteen, so that it is streamed all the same.
    const both = numbered(1_000).filter((_, i) => i % 25 === 0);
    const doc = new Y.Doc();
    doc.getText("t").insert(0, "here alone ");
    const update = Y.encodeStateAsUpdate(doc);
    for (const [i, name] of both.entries()) {
      cluster.step(b, { type: "attach", subscriber: i + 1, name, stateVector: NOTHING });
      cluster.step(b, { type: "edit", subscriber: i + 1, update, principal: "" });
      cluster.step(b, { type: "detach", subscriber: i + 1 });
    }
    cluster.records = true;
    const c = cluster.add({ config, peers: [a.url, b.url] });
    cluster.until(() => cluster.equal && c.replica.status(cluster.now).links.every((link) => link.equal), 20_000);
    expect(streamed(cluster.sent).length).toBeGreaterThan(500);
    for (const peer of [a, b, c]) {
      expect(peer.replica.status(cluster.now).counts.alive).toBe(1_000);
      const { parts } = peer.replica.read(both[0]!, cluster.now)!;
      const merged = new Y.Doc();
      Y.applyUpdate(merged, Y.mergeUpdates([...parts]));
      expect(merged.getText("t").toJSON()).toContain("here alone");
      expect(merged.getText("t").toJSON()).toContain("text");
    }
  });

  it("[AE24] takes in fewer at once where that is slow, and more again where it is not", () => {
    const cluster = new Cluster();
    const a = cluster.add();
    fill(cluster, a, numbered(4_000));
    const b = cluster.add({ peers: [a.url] });
    cluster.latencyMs = 5;
    const alive = (): number => b.replica.status(cluster.now).counts.alive;
    const { replica } = b;
    const [step, nextDeadline] = [replica.step.bind(replica), replica.nextDeadline.bind(replica)];
    const portions: number[] = [];
    let msEach = 1;
    // Its steps take time, which nobody else notices.
    let spentMs = 0;
    replica.nextDeadline = () => nextDeadline() - spentMs;
    replica.step = (events, now) => {
      const before = alive();
      const effects = step(events, now + spentMs);
      const taken = alive() - before;
      if (taken > 0) portions.push(taken);
      spentMs += taken * msEach;
      return effects;
    };
    cluster.until(() => alive() > 1_500, 20_000);
    expect(portions.slice(0, 4)).toEqual([256, 128, 64, 32]);
    expect(Math.max(...portions.slice(4))).toBe(32);
    msEach = 0.01;
    portions.length = 0;
    cluster.until(() => cluster.equal, 20_000);
    expect(Math.max(...portions)).toBeGreaterThan(200);
    expect(alive()).toBe(4_000);
  });

  it.each([
    [1, 2],
    [3, 0.1],
  ])(
    "[AE22] is sent by %i others no faster than it takes in, at %f ms a document, and loses nothing",
    (count, msEach) => {
      const cluster = new Cluster();
      for (let i = 0; i < count; i++) fill(cluster, cluster.add(), numbered(8_000));
      const b = cluster.add({ peers: cluster.peers.map(({ url }) => url) });
      cluster.latencyMs = 1;
      const slow = slowly(cluster, b, msEach);
      cluster.records = true;
      const took = cluster.until(() => slow.alive() === 8_000, 60_000);
      expect(took).toBeLessThan(1.2 * 8_000 * msEach + 2_000);
      expect(streamed(cluster.sent)).toHaveLength(8_000);
      expect(b.facts("round-ended").map(({ result }) => result)).not.toContain("aborted");
    },
  );

  it("[AE21] keeps in memory no more than what somebody uses", () => {
    const cluster = new Cluster();
    const a = cluster.add({ config });
    fill(cluster, a, numbered(400));
    const b = cluster.add({ config, peers: [a.url] });
    new Editor(cluster, b, "document 7");
    cluster.until(() => cluster.equal, 10_000);
    expect(b.replica.status(cluster.now).counts.alive).toBe(400);
    expect(b.replica.status(cluster.now).cache.entries).toBeLessThan(5);
  });
});

describe("the parts of the key space", () => {
  it.each([
    ["", "", ""],
    ["0", "", "0fffffffffffffff"],
    ["1", "0fffffffffffffff", "1fffffffffffffff"],
    ["10", "0fffffffffffffff", "10ffffffffffffff"],
    ["a3", "a2ffffffffffffff", "a3ffffffffffffff"],
    ["0000000000000000", "", "0000000000000000"],
    ["ffffffffffffffff", "fffffffffffffffe", "ffffffffffffffff"],
  ])("[AE17] %o is streamed after %o and through %o", (path, after, through) => {
    expect(boundsOf(path)).toEqual({ after: after as DocumentKey, through: through as DocumentKey });
  });

  it("[AE18] one is claimed by one link only, and free again with it", () => {
    const slices = new Slices();
    expect(slices.claim(1, "a")).toBe(true);
    expect([slices.claim(2, "a"), slices.claim(2, "ab"), slices.claim(2, "")]).toEqual([false, false, false]);
    expect(slices.claim(2, "b")).toBe(true);
    expect(slices.isElsewhere(2, "ab")).toBe(true);
    expect([slices.isElsewhere(1, "ab"), slices.isElsewhere(2, "")]).toEqual([false, false]);
    slices.release(1);
    expect(slices.claim(2, "a")).toBe(true);
  });

  it("[AE17] is streamed where we hold next to nothing of many documents, child by child where they are very many", () => {
    const tree = (count: number) => ({ documents: count, count: () => count }) as never;
    expect(isSparse(LIMITS, tree(0), "", 0)).toBe(true);
    expect(isSparse(LIMITS, tree(0), "0", 255 * 16)).toBe(false);
    expect(isSparse(LIMITS, tree(15), "0", 256 * 16)).toBe(true);
    expect(isSparse(LIMITS, tree(16), "0", 256 * 16)).toBe(false);
    expect(slicesOf(LIMITS, "", 4_096)).toEqual([""]);
    expect(slicesOf(LIMITS, "a", 4_097 * 16).slice(0, 2)).toEqual(["a0", "a1"]);
  });
});
