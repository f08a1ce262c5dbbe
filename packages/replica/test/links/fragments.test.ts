import type { Fragment } from "@yarrow/protocol";
import {
  decodeFrame,
  decodeMessage,
  encodeMessage,
  FRAGMENTS_IN_FLIGHT_MAX,
  LINK_FRAME_BYTES,
  LINK_FRAME_BYTES_MAX,
  LINK_MESSAGE_BYTES_MAX,
} from "@yarrow/protocol";
import { describe, expect, it } from "vitest";
import { Incoming } from "../../src/links/incoming.ts";
import { Outgoing } from "../../src/links/outgoing.ts";

const KIB = 1024;
const ping = encodeMessage({ type: "ping", sequence: 1 });

function noise(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 2654435761) >>> 24);
}

function piece(overrides: Partial<Fragment> = {}): Fragment {
  return { type: "fragment", transfer: 1, total: 10, bytes: new Uint8Array(4), ...overrides };
}

/** Takes all there is to send, checks the frames, and returns the messages. */
function sent(outgoing: Outgoing) {
  const frames = outgoing.takeFrames(0);
  for (const frame of frames) expect(frame.length).toBeLessThanOrEqual(LINK_FRAME_BYTES_MAX);
  return frames.flatMap((frame) => decodeFrame(frame));
}

describe("sending", () => {
  it("small messages of a batch share a frame", () => {
    const outgoing = new Outgoing();
    for (let i = 0; i < 100; i++) outgoing.push(ping);
    const frames = outgoing.takeFrames(0);
    expect(frames.length).toBe(1);
    expect(decodeFrame(frames[0]!).length).toBe(100);
    expect(outgoing.takeFrames(0)).toEqual([]);
  });

  it("middling messages do not make a frame too large", () => {
    const outgoing = new Outgoing();
    const middling = encodeMessage({ type: "fragment", transfer: 9, total: 1, bytes: noise(200 * KIB) });
    for (let i = 0; i < 5; i++) outgoing.push(middling);
    const frames = outgoing.takeFrames(0);
    expect(frames.length).toBe(5);
    for (const frame of frames) expect(frame.length).toBeLessThanOrEqual(LINK_FRAME_BYTES);
  });

  it("[HND13] a large message goes in pieces, four at a time, and others pass between them", () => {
    const outgoing = new Outgoing();
    const incoming = new Incoming();
    const large = noise(3 * KIB * KIB + 17);
    let whole: Uint8Array | undefined;
    let most = 0;
    outgoing.push(large);
    for (let turn = 0; whole === undefined && turn < 50; turn++) {
      outgoing.push(ping);
      const messages = sent(outgoing);
      const pieces = messages.filter((message) => message.type === "fragment");
      expect(messages.filter((message) => message.type === "ping").length).toBe(1);
      most = Math.max(most, pieces.length);
      for (const fragment of pieces) whole = incoming.take(fragment) ?? whole;
      for (const _ of pieces) outgoing.fragmentTaken();
    }
    expect(most).toBe(FRAGMENTS_IN_FLIGHT_MAX);
    expect(whole).toEqual(large);
    expect(outgoing.waitingBytes).toBe(0);
  });

  it("[HND13] nothing more of it goes until the other side has taken a piece", () => {
    const outgoing = new Outgoing();
    outgoing.push(noise(3 * KIB * KIB));
    expect(sent(outgoing).length).toBe(FRAGMENTS_IN_FLIGHT_MAX);
    expect(sent(outgoing)).toEqual([]);
    outgoing.fragmentTaken();
    expect(sent(outgoing).length).toBe(1);
  });

  it("[HND13] two large messages go one after the other, whole", () => {
    const outgoing = new Outgoing();
    const incoming = new Incoming();
    const first = encodeMessage({
      type: "cover-ask",
      origin: "00".repeat(8) as never,
      sequence: 1,
      subject: 1,
      name: "a",
      incarnation: 1,
      contribution: noise(KIB * KIB),
    });
    const second = noise(700 * KIB);
    outgoing.push(first);
    outgoing.push(second);
    const received: Uint8Array[] = [];
    for (let messages = sent(outgoing); messages.length > 0; messages = sent(outgoing)) {
      for (const message of messages) {
        if (message.type !== "fragment") continue;
        const whole = incoming.take(message);
        if (whole !== undefined) received.push(whole);
        outgoing.fragmentTaken();
      }
    }
    expect(received).toEqual([first, second]);
    expect(decodeMessage(received[0]!)?.type).toBe("cover-ask");
  });

  it("acknowledgements of nothing open no further window", () => {
    const outgoing = new Outgoing();
    for (let i = 0; i < 9; i++) outgoing.fragmentTaken();
    outgoing.push(noise(3 * KIB * KIB));
    expect(sent(outgoing).length).toBe(FRAGMENTS_IN_FLIGHT_MAX);
  });
});

describe("receiving", () => {
  it.each<[string, Fragment[], string]>([
    ["more than was announced", [piece(), piece({ bytes: new Uint8Array(7) })], "YARROW_FRAME_INVALID"],
    ["another transfer in between", [piece(), piece({ transfer: 2 })], "YARROW_FRAME_INVALID"],
    ["another total", [piece(), piece({ total: 11 })], "YARROW_FRAME_INVALID"],
    ["an empty piece", [piece({ bytes: new Uint8Array(0) })], "YARROW_FRAME_INVALID"],
    ["an empty message", [piece({ total: 0, bytes: new Uint8Array(0) })], "YARROW_FRAME_INVALID"],
    ["a message over the limit", [piece({ total: LINK_MESSAGE_BYTES_MAX + 1 })], "YARROW_FRAME_TOO_LARGE"],
  ])("[HND14] %s is refused", (_, pieces, code) => {
    const incoming = new Incoming();
    expect(() => pieces.forEach((one) => incoming.take(one))).toThrow(expect.objectContaining({ code }));
  });

  it("[HND14] the next transfer may begin when one is complete", () => {
    const incoming = new Incoming();
    expect(incoming.take(piece({ total: 4 }))).toEqual(new Uint8Array(4));
    expect(incoming.take(piece({ transfer: 2, total: 4 }))).toEqual(new Uint8Array(4));
  });
});
