/** Peers that say what they should not: each hurts its own link or document, and nothing else. */
import type { Message, NodeContent, ProcessId } from "@yarrow/protocol";
import { encodeFrame, encodeMessage } from "@yarrow/protocol";
import { describe, expect, it } from "vitest";
import { Cluster, Editor, textOf } from "./cluster.ts";

const STRANGER = "99".repeat(8) as ProcessId;

function linked(config: NonNullable<Parameters<Cluster["add"]>[0]>["config"] = {}) {
  const cluster = new Cluster();
  const a = cluster.add({ config });
  const b = cluster.add({ peers: [a.url] });
  new Editor(cluster, a, "n").type("x");
  new Editor(cluster, b, "m").type("y");
  cluster.run(3_000);
  const [link] = cluster.linksOf(a, b);
  a.mark();
  /** Says something to `a` in the name of `b`. */
  const say = (...messages: Message[]): void => {
    cluster.step(a, { type: "link-frame", link: link!, bytes: encodeFrame(messages.map(encodeMessage)) });
  };
  return { cluster, a, b, say };
}

const push = {
  type: "broadcast",
  origin: STRANGER,
  sequence: 1,
  name: "n",
  incarnation: 1,
  fence: [],
  segments: [],
  ageMs: 0,
  ordinal: 0,
} as const;

describe("a hostile peer", () => {
  it("[HND17] an update that is none is refused, and those beside it are taken", () => {
    const { cluster, a, b, say } = linked();
    const good = new Editor(cluster, b, "x").type("good").everything();
    const segments = [Uint8Array.of(255, 255, 255), new Uint8Array(0), good, good.slice(0, -3)];
    say({ ...push, name: "x", segments: segments.map((update) => ({ principal: "", update })) });
    expect(a.facts("refused-update").map(({ name, code }) => [name, code])).toEqual(
      Array.from({ length: 3 }, () => ["x", "YARROW_UPDATE_INVALID"]),
    );
    expect(textOf(a, "x", cluster.now)).toBe("good");
    expect(a.of("close-link")).toEqual([]);
  });

  it("[HND17] an incarnation of 0 creates nothing", () => {
    const { cluster, a, say } = linked();
    const before = a.replica.status(cluster.now);
    say({ ...push, name: "never", incarnation: 0, fence: [1, 2, 3] });
    const difference = { name: "never too", incarnation: 0, fence: [1], update: new Uint8Array(0), summary: undefined };
    say({ type: "documents", round: 1, reply: false, documents: [difference], omitted: [] });
    expect(a.replica.status(cluster.now)).toMatchObject({ root: before.root, counts: before.counts });
    expect(a.replica.read("never", cluster.now)).toBeUndefined();
  });

  it("[HND17] answers to questions that were not asked change nothing", () => {
    const { cluster, a, say } = linked();
    const { root } = a.replica.status(cluster.now);
    const sums = new Array<Uint8Array>(16).fill(new Uint8Array(16).fill(7));
    say(
      { type: "nodes", round: 1, nodes: [{ path: "", kind: "children", sums }], answered: 0 },
      { type: "stream", round: 1, documents: [], next: "ff".repeat(8) as never },
      { type: "documents-taken", round: 9, root: new Uint8Array(16) },
      { type: "verify-page", request: 1, root: new Uint8Array(16), entries: [], next: "" },
      { type: "acknowledge", origin: STRANGER, sequence: 1, peerId: "00".repeat(16) as never },
      { type: "fragment-taken", transfer: 3 },
      { type: "pong", sequence: 77, stopwatchMs: 0 },
    );
    cluster.run(2_000);
    expect(a.replica.status(cluster.now).root).toBe(root);
    expect(a.replica.status(cluster.now).rounds).toBe(0);
    expect(a.of("close-link")).toEqual([]);
  });

  it("[HND17] batches of a stream that were not asked for wait in a bounded number", () => {
    const { cluster, a, b, say } = linked();
    const update = new Editor(cluster, b, "x").type("x").everything();
    const batch = (name: string): Message => {
      const document = { name, incarnation: 1, fence: [], update, summary: undefined };
      return { type: "stream", round: 99, documents: [document], next: "" };
    };
    const names = Array.from({ length: 10 }, (_, at) => `unasked ${at}`);
    say(...names.map(batch));
    cluster.step(a);
    const taken = names.filter((name) => a.replica.read(name, cluster.now) !== undefined);
    expect(taken).toEqual(names.slice(0, 3));
    say(batch("later"));
    cluster.step(a);
    expect(textOf(a, "later", cluster.now)).toBe("x");
  });

  it("[HND17] nodes that were not asked for keep no round going", () => {
    const { cluster, a, say } = linked();
    cluster.records = true;
    cluster.loses = ({ from }) => from !== a;
    say({ type: "digest", root: new Uint8Array(16).fill(9), documents: 5, answer: false, lastSequence: 0 });
    const ask = cluster.sent.find(({ message }) => message.type === "nodes-ask")!.message;
    const sums = Array.from({ length: 16 }, (_, i) => new Uint8Array(16).fill(i));
    const deep: NodeContent[] = ["0000", "f".repeat(16), "abc"].map((path) => ({ path, kind: "children", sums }));
    const before = cluster.sent.length;
    say({ type: "nodes", round: (ask as { round: number }).round, nodes: deep, answered: 0 });
    const asked = cluster.sent.slice(before).filter(({ message }) => message.type === "nodes-ask");
    expect(asked).toEqual([]);
  });

  it("[HND17] a question about everything at once is answered within the bounds", () => {
    const { a, say } = linked();
    say({ type: "nodes-ask", round: 1, paths: ["", "f".repeat(16), "0", "0a"], sums: [] });
    say({ type: "documents-ask", round: 1, summaries: [], keys: ["00".repeat(8) as never, "11".repeat(8) as never] });
    say({ type: "stream-ask", round: 1, after: "ff".repeat(8) as never, through: "" });
    say({ type: "verify-ask", request: 1, deep: true, after: "ff".repeat(8) as never });
    expect(a.of("close-link")).toEqual([]);
    expect(a.of("send").length).toBe(4);
  });

  it("[HND17] a cover-ask that cannot be read is not acknowledged", () => {
    const { cluster, a, say } = linked();
    cluster.records = true;
    const ask = { type: "cover-ask", origin: STRANGER, subject: 1, name: "n", incarnation: 1 } as const;
    say({ ...ask, sequence: 1, contribution: Uint8Array.of(255) });
    cluster.run(0);
    expect(cluster.sent.filter(({ from, message }) => from === a && message.type === "acknowledge")).toEqual([]);
  });
});

describe("a hostile peer that is asked for its whole set", () => {
  it("[AE25] and does not get further is not asked on", () => {
    const { cluster, a, say } = linked();
    cluster.records = true;
    cluster.loses = ({ from }) => from !== a;
    const asks = () => cluster.sent.flatMap(({ message }) => (message.type === "stream-ask" ? message : []));
    say({ type: "digest", root: new Uint8Array(16).fill(9), documents: 3_000, answer: false, lastSequence: 0 });
    const [{ round } = { round: 0 }] = asks();
    const stream = { type: "stream", round, documents: [], next: "00000000000000aa" as never } as const;
    say(stream);
    expect(asks().map(({ after }) => after)).toEqual(["", stream.next]);
    say(stream);
    expect(asks()).toHaveLength(2);
    cluster.run(30_000);
    expect(a.facts("round-ended")).toMatchObject([{ result: "aborted" }]);
  });
});

describe("a peer that speaks of us", () => {
  it("[MEM25] under another address than we announce counts us once", () => {
    const { cluster, a, say } = linked();
    const { peerId } = a.replica;
    const before = a.replica.status(cluster.now).membership.peers;
    say({ type: "shuffle-reply", path: [], peers: [{ peerId, role: "writer", ageMs: 0, urls: ["ws://alias:1"] }] });
    cluster.run(10_000);
    expect(a.replica.status(cluster.now).membership.peers).toBe(before);
  });
});

describe("a hostile peer of the tree", () => {
  it("[GOS25] however much a message names, a bounded part of it is looked at", () => {
    const { cluster, a, say } = linked({ wantedMax: 1_000_000 });
    const ranges = Array.from({ length: 1_024 }, (_, i) => ({ from: 1 + i * 1_024, to: (i + 1) * 1_024 }));
    say({ type: "have", origins: [{ origin: STRANGER, ranges }] });
    expect(a.replica.status(cluster.now).gossip.wanted).toBe(65_536);
  });

  it("[GOS26] what it says that it has of an origin makes nothing old that comes of it", () => {
    const { cluster, a, b, say } = linked();
    for (const { processId } of [a.replica, { processId: STRANGER }]) {
      say({ type: "have", origins: [{ origin: processId, ranges: [{ from: 2 ** 40, to: 2 ** 40 }] }] });
    }
    const update = new Editor(cluster, b, "x").type("new").everything();
    say({ ...push, name: "x", ordinal: 1, segments: [{ principal: "", update }] });
    expect(textOf(a, "x", cluster.now)).toBe("new");
    say({ ...push, name: "x", ordinal: 1, segments: [{ principal: "", update }] });
    expect(a.facts("broadcast-received").map(({ duplicate }) => duplicate)).toEqual([false, true]);
  });

  it("[GOS25] who asks for the same thing a thousand times is sent no more than a link may hold", () => {
    const { cluster, a, say } = linked();
    new Editor(cluster, a, "large").type("x".repeat(100_000));
    cluster.run(0);
    a.mark();
    const ranges = Array.from({ length: 1_024 }, () => ({ from: 2, to: 2 }));
    say({ type: "graft", origins: [{ origin: a.replica.processId, ranges }] });
    const bytes = a.of("send").flatMap(({ frames }) => frames.map(({ length }) => length));
    const sent = bytes.reduce((sum, length) => sum + length, 0);
    expect(sent).toBeGreaterThan(100_000);
    expect(sent).toBeLessThan(40 * 1024 * 1024);
  });
});
