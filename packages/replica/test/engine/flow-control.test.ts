/** Links that carry less than there is to say: what is left out is repaired, and nothing piles up. */
import type { Message } from "@yarrow/protocol";
import { decodeFrame, encodeFrame, encodeMessage } from "@yarrow/protocol";
import { describe, expect, it } from "vitest";
import type { Peer } from "./cluster.ts";
import { Cluster, Editor, textOf } from "./cluster.ts";

const KIB = 1024;

function linked() {
  const cluster = new Cluster();
  const a = cluster.add();
  const b = cluster.add({ peers: [a.url] });
  new Editor(cluster, a, "n").type("x");
  new Editor(cluster, b, "m").type("y");
  cluster.run(3_000);
  return { cluster, a, b };
}

/** Text that does not compress: nothing here compresses, but nobody should wonder. */
function noise(length: number): string {
  return Array.from({ length }, (_, i) => String.fromCharCode(97 + ((i * 7919) % 26))).join("");
}

/** Bytes that one peer sends another in each second of `ms`. */
function measure(cluster: Cluster, from: Peer, to: Peer, ms: number): number {
  let bytes = 0;
  cluster.loses = (sent) => {
    if (sent.from === from && sent.to === to) {
      for (const message of sent.messages()) bytes += encodeMessage(message).length;
    }
    return false;
  };
  cluster.run(ms);
  return bytes / (ms / 1_000);
}

describe("a limited link", () => {
  it("[LNK13, LNK16] carries live updates, differences and large documents at its rate, and loses nothing", () => {
    const { cluster, a, b } = linked();
    cluster.step(a, { type: "limit-link", peer: b.replica.peerId, bytesPerSecond: 64 * KIB });
    expect(a.replica.status(cluster.now).links[0]).toMatchObject({ limit: 64 * KIB, congested: false });
    const text = noise(20 * KIB);
    for (let i = 0; i < 40; i++) new Editor(cluster, a, `document ${i}`).type(text);
    expect(measure(cluster, a, b, 5_000)).toBeLessThan(64 * KIB * 1.1);
    expect(cluster.equal).toBe(false);
    expect(a.facts("push-dropped").length).toBeGreaterThan(0);
    expect(a.replica.status(cluster.now).links[0]).toMatchObject({ state: "open" });
    const ms = cluster.until(() => cluster.equal, 60_000);
    expect(ms).toBeGreaterThan(5_000);
    expect(textOf(b, "document 39", cluster.now)).toBe(text);
    expect(b.facts("link-down")).toEqual([]);
  });

  it("[AE26] carries a large document once, however long it takes, whichever side sends it", () => {
    for (const [from, to] of [
      [0, 1],
      [1, 0],
    ] as const) {
      const { cluster, ...peers } = linked();
      const [sender, receiver] = [[peers.a, peers.b][from]!, [peers.a, peers.b][to]!];
      cluster.latencyMs = 20;
      cluster.step(sender, { type: "limit-link", peer: receiver.replica.peerId, bytesPerSecond: 64 * KIB });
      new Editor(cluster, sender, "large").type(noise(2_600 * KIB));
      const bytes = 45 * measure(cluster, sender, receiver, 45_000);
      expect(cluster.equal).toBe(true);
      expect(bytes).toBeLessThan(2_600 * KIB * 1.05);
    }
  });

  it("[LNK16] keeps its limit when it is made anew, until the limit is lifted", () => {
    const { cluster, a, b } = linked();
    cluster.step(a, { type: "limit-link", peer: b.url, bytesPerSecond: 8 * KIB });
    cluster.cut(a, b);
    cluster.run(5_000);
    expect(a.replica.status(cluster.now).links.map(({ state, limit }) => [state, limit])).toEqual([["open", 8 * KIB]]);
    cluster.step(a, { type: "limit-link", peer: b.replica.peerId, bytesPerSecond: undefined });
    expect(a.replica.status(cluster.now).links[0]!.limit).toBeUndefined();
    const text = noise(100 * KIB);
    new Editor(cluster, a, "large").type(text);
    cluster.run(100);
    expect(textOf(b, "large", cluster.now)).toBe(text);
  });
});

describe("a peer that reads nothing", () => {
  it("[LNK14] costs the budget and one message, however much is written, and is repaired when it reads again", () => {
    const { cluster, a, b } = linked();
    cluster.stalls = (from) => from === a;
    const text = noise(1_024 * KIB);
    for (let i = 0; i < 14; i++) {
      new Editor(cluster, a, `document ${i}`).type(text);
      cluster.run(20);
    }
    expect(a.facts("push-dropped").length).toBeGreaterThan(1);
    expect(a.replica.status(cluster.now).links[0]).toMatchObject({ congested: true });
    const sent = a.of("send").flatMap(({ frames }) => frames.map(({ length }) => length));
    expect(sent.reduce((sum, length) => sum + length, 0)).toBeLessThan(3 * 1_024 * KIB);
    cluster.flow();
    cluster.until(() => cluster.equal, 20_000);
    expect(textOf(b, "document 13", cluster.now)).toBe(text);
    expect(a.facts("link-down")).toEqual([]);
  });

  it("[LNK15] is not answered for ever when it goes on asking", () => {
    const { cluster, a, b } = linked();
    const text = noise(300 * KIB);
    for (let i = 0; i < 4; i++) new Editor(cluster, a, `document ${i}`).type(text);
    cluster.run(3_000);
    cluster.stalls = (from) => from === a;
    a.mark();
    const [link] = cluster.linksOf(a, b);
    const asks: Message[] = Array.from({ length: 500 }, () => ({
      type: "stream-ask",
      round: 1,
      after: "",
      through: "",
    }));
    for (let turn = 0; turn < 2; turn++) {
      cluster.step(a, { type: "link-frame", link: link!, bytes: encodeFrame(asks.map(encodeMessage)) });
      cluster.step(a, { type: "link-congested", link: link! });
    }
    const bytes = a.of("send").flatMap(({ frames }) => frames.map(({ length }) => length));
    expect(bytes.reduce((sum, length) => sum + length, 0)).toBeLessThan(40 * 1_024 * KIB);
  });

  it("[LNK15] is answered while its link is congested, a little", () => {
    const { cluster, a, b } = linked();
    const [link] = cluster.linksOf(a, b);
    a.mark();
    cluster.step(a, { type: "link-congested", link: link! });
    const ask: Message = { type: "nodes-ask", round: 1, paths: [""], sums: [] };
    cluster.step(a, { type: "link-frame", link: link!, bytes: encodeFrame([encodeMessage(ask)]) });
    const answers = a.of("send").flatMap(({ frames }) => frames.flatMap((frame) => decodeFrame(frame)));
    expect(answers.map(({ type }) => type)).toContain("nodes");
  });
});
