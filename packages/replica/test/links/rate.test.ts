import { decodeFrame, encodeMessage, FRAGMENTS_IN_FLIGHT_MAX } from "@yarrow/protocol";
import { describe, expect, it } from "vitest";
import { Incoming } from "../../src/links/incoming.ts";
import { ANSWERS_BYTES_MAX, Outgoing, WAITING_BYTES_MAX } from "../../src/links/outgoing.ts";
import { LINK_RATE_MIN, RateLimits } from "../../src/links/rate-limits.ts";
import { TokenBucket } from "../../src/links/token-bucket.ts";

const KIB = 1024;
const ping = encodeMessage({ type: "ping", sequence: 1 });

/** A message of about that many bytes. */
function message(length: number, round = 1): Uint8Array {
  return encodeMessage({ type: "refuse", code: String(round), detail: "x".repeat(length) });
}

/** Runs the clock a millisecond at a time; what is cut is acknowledged at once. */
function drain(outgoing: Outgoing, ms: number, from = 0): { at: number; bytes: number; frames: Uint8Array[] }[] {
  const sent: { at: number; bytes: number; frames: Uint8Array[] }[] = [];
  for (let at = from; at < from + ms; at++) {
    const frames = outgoing.takeFrames(at);
    if (frames.length === 0) continue;
    sent.push({ at, bytes: frames.reduce((sum, { length }) => sum + length, 0), frames });
    for (const { type } of frames.flatMap((frame) => decodeFrame(frame))) {
      if (type === "fragment") outgoing.fragmentTaken();
    }
  }
  return sent;
}

describe("a token bucket", () => {
  it("[LNK13] lets the rate through on average, in whatever sizes", () => {
    const bucket = new TokenBucket(10_000, 0);
    let taken = 0;
    for (let at = 0; at < 60_000; at++) {
      while (bucket.mayTake(at)) {
        bucket.take(1_700);
        taken += 1_700;
      }
    }
    expect(taken / 60).toBeGreaterThan(9_900);
    expect(taken / 60).toBeLessThan(10_200);
  });

  it("[LNK13] says when it is ready, and is ready then and not before", () => {
    const bucket = new TokenBucket(4_096, 0);
    bucket.take(10_000);
    const at = bucket.readyAt();
    expect(bucket.mayTake(at - 2)).toBe(false);
    expect(bucket.mayTake(at)).toBe(true);
  });
});

describe("a limited link", () => {
  it("[LNK13] sends small messages and pieces of large ones at its rate, in their order, and whole", () => {
    const outgoing = new Outgoing();
    outgoing.limit(64 * KIB, 0);
    const large = message(300 * KIB);
    outgoing.push(large);
    for (let i = 0; i < 100; i++) outgoing.push(message(KIB, i));
    const sent = drain(outgoing, 10_000);
    const bytes = sent.reduce((sum, one) => sum + one.bytes, 0);
    const seconds = sent.at(-1)!.at / 1_000;
    expect(bytes).toBeGreaterThan(400 * KIB);
    expect(bytes / seconds).toBeLessThan(64 * KIB * 1.06);
    expect(bytes / seconds).toBeGreaterThan(64 * KIB * 0.94);
    const incoming = new Incoming();
    const messages = sent.flatMap(({ frames }) => frames.flatMap((frame) => decodeFrame(frame)));
    const wholes = messages.flatMap((one) => (one.type === "fragment" ? (incoming.take(one) ?? []) : []));
    expect(wholes).toEqual([large]);
    const small = messages.flatMap((one) => (one.type === "refuse" ? [Number(one.code)] : []));
    expect(small).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(outgoing.waitingBytes).toBe(0);
    expect([outgoing.nextDeadline(), outgoing.takeDrained()]).toEqual([0, true]);
    expect(outgoing.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
  });

  it("[LNK13] what keeps the link alive does not wait", () => {
    const outgoing = new Outgoing();
    outgoing.limit(LINK_RATE_MIN, 0);
    for (let i = 0; i < 40; i++) outgoing.push(message(KIB));
    drain(outgoing, 100);
    outgoing.push(ping, true);
    expect(outgoing.takeFrames(100).flatMap((frame) => decodeFrame(frame))).toEqual([{ type: "ping", sequence: 1 }]);
    expect(outgoing.waitingBytes).toBeGreaterThan(30 * KIB);
  });

  it("[LNK13] goes at full speed again when the limit is lifted, and keeps its order", () => {
    const outgoing = new Outgoing();
    outgoing.limit(LINK_RATE_MIN, 0);
    for (let i = 0; i < 40; i++) outgoing.push(message(500, i));
    const before = drain(outgoing, 1_000);
    outgoing.limit(undefined, 1_000);
    outgoing.push(message(500, 40));
    const after = drain(outgoing, 1, 1_000);
    const order = [...before, ...after].flatMap(({ frames }) =>
      frames.flatMap((frame) => decodeFrame(frame).map((one) => (one as { code: string }).code)),
    );
    expect(order.map(Number)).toEqual(Array.from({ length: 41 }, (_, i) => i));
  });

  it("[LNK14] is over its budget when two seconds' worth waits, and tells once when it has drained", () => {
    const outgoing = new Outgoing();
    outgoing.limit(64 * KIB, 0);
    for (let i = 0; i < 128; i++) outgoing.push(message(KIB - 8));
    expect(outgoing.over).toBe(false);
    outgoing.push(message(KIB));
    expect(outgoing.over).toBe(true);
    drain(outgoing, 500);
    expect([outgoing.over, outgoing.takeDrained()]).toEqual([true, false]);
    drain(outgoing, 1_500, 500);
    expect([outgoing.over, outgoing.takeDrained(), outgoing.takeDrained()]).toEqual([false, true, false]);
  });
});

describe("a link whose other end does not read", () => {
  it("[LNK14] is over its budget when what it holds of large messages exceeds it", () => {
    const outgoing = new Outgoing();
    const large = message(KIB * KIB);
    while (!outgoing.over) outgoing.push(large);
    expect(outgoing.waitingBytes).toBeGreaterThan(WAITING_BYTES_MAX);
    expect(outgoing.waitingBytes).toBeLessThanOrEqual(WAITING_BYTES_MAX + large.length);
    expect(outgoing.takeFrames(0)).toHaveLength(FRAGMENTS_IN_FLIGHT_MAX);
    drain(outgoing, 1);
    outgoing.fragmentTaken();
    while (outgoing.waitingBytes > 0) {
      outgoing.takeFrames(1);
      outgoing.fragmentTaken();
    }
    outgoing.takeFrames(1);
    expect([outgoing.over, outgoing.takeDrained()]).toEqual([false, true]);
  });

  it("[LNK15] takes no more answers when too much waits", () => {
    const outgoing = new Outgoing();
    const answer = message(250 * KIB);
    let answers = 0;
    for (; outgoing.takesAnswers; answers++) outgoing.push(answer);
    expect(answers * answer.length).toBeLessThanOrEqual(ANSWERS_BYTES_MAX + answer.length);
    outgoing.takeFrames(0);
    expect(outgoing.takesAnswers).toBe(true);
  });
});

const NOBODY = { peers: [], names: [] };

describe("limits by name", () => {
  it("[LNK16] the last word about a peer holds, whatever it was called", () => {
    const limits = new RateLimits();
    limits.set("ws://a", 10_000, NOBODY);
    limits.set("id", 20_000, { peers: ["id"], names: ["id", "ws://a"] });
    expect(limits.of(["id", "ws://a"])).toBe(20_000);
    limits.set("ws://a", undefined, { peers: ["id"], names: ["id", "ws://a"] });
    expect(limits.of(["id", "ws://a"])).toBeUndefined();
    expect(limits.of([undefined])).toBeUndefined();
  });

  it("[LNK16] set by an address, it holds when the peer is linked by another way, and is lifted for both", () => {
    const limits = new RateLimits();
    limits.set("ws://alias", 10_000, { peers: ["id"], names: ["id", "ws://alias"] });
    expect(limits.of(["id"])).toBe(10_000);
    limits.set("id", undefined, { peers: ["id"], names: ["id", "ws://announced"] });
    expect(limits.of(["id", "ws://alias"])).toBeUndefined();
  });

  it("[LNK16] are bounded in number and from below", () => {
    const limits = new RateLimits();
    for (let i = 0; i < 1_024; i++) limits.set(String(i), LINK_RATE_MIN, NOBODY);
    expect([limits.mayAdd("7"), limits.mayAdd("another")]).toEqual([true, false]);
    limits.set("another", LINK_RATE_MIN, NOBODY);
    expect(limits.of(["another"])).toBeUndefined();
    expect(() => limits.set("7", LINK_RATE_MIN - 1, NOBODY)).toThrow("4096");
  });
});
