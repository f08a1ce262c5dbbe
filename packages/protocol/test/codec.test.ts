import { describe, expect, it } from "vitest";
import type { Message } from "../src/index.ts";
import { decodeFrame, decodeMessage, encodeFrame, encodeMessage, fromHex, toHex } from "../src/index.ts";
import { GOLDEN } from "./golden.ts";
import { HELLO, SAMPLES } from "./samples.ts";

/** What later versions appended to a message, in bytes from its end; a sender of an earlier one stops short of it. */
const APPENDED_BYTES: { readonly [T in Message["type"]]?: readonly number[] } = {
  broadcast: [1, 3],
  pong: [2],
  digest: [2],
  "nodes-ask": [259],
  nodes: [1],
  "stream-ask": [9],
};

const TYPES = Object.keys(SAMPLES) as Message["type"][];

describe("messages as bytes", () => {
  it.each(TYPES)("[HND1] %s has its bytes, and they give it back", (type) => {
    expect(toHex(encodeMessage(SAMPLES[type]))).toBe(GOLDEN[type]);
    expect(decodeMessage(fromHex(GOLDEN[type]))).toEqual(SAMPLES[type]);
  });

  it.each(TYPES)("[HND2] %s with a field appended by a later release is read as far as it is known", (type) => {
    const longer = fromHex(`${GOLDEN[type]}01ff`);
    expect(decodeMessage(longer)).toEqual(SAMPLES[type]);
    expect(decodeFrame(encodeFrame([longer, encodeMessage(SAMPLES.ping)]))).toEqual([SAMPLES[type], SAMPLES.ping]);
  });

  it.each(TYPES)("[HND3] %s cut short anywhere is refused", (type) => {
    const whole = fromHex(GOLDEN[type]);
    for (let length = 0; length < whole.length; length++) {
      if (APPENDED_BYTES[type]?.includes(whole.length - length)) continue;
      expect(() => decodeMessage(whole.slice(0, length)), `${length} bytes`).toThrow(
        expect.objectContaining({ code: "YARROW_FRAME_INVALID" }),
      );
    }
  });

  it("a hello of an undecided writer has neither cluster nor role set", () => {
    const hello = { ...HELLO, clusterId: undefined, role: "writer", addresses: [] } as const;
    expect(decodeMessage(encodeMessage(hello))).toEqual(hello);
  });

  it("[HND20] a hello of version 1 is read without the fields that came later", () => {
    const hello = { ...HELLO, protocolMax: 1 };
    const whole = encodeMessage(hello);
    const expected = {
      ...hello,
      follows: false,
      lastSequence: 0,
      publicKey: new Uint8Array(),
      nonce: new Uint8Array(),
      wish: "keep",
    };
    expect(decodeMessage(whole.subarray(0, whole.length - 3 - 33 - 17 - 1))).toEqual(expected);
    expect(decodeMessage(whole)).toEqual(expected);
  });

  it("[HND20] a hello of version 2 is read without a wish, as a link to keep", () => {
    const hello = { ...HELLO, protocolMax: 2 };
    const whole = encodeMessage(hello);
    expect(decodeMessage(whole.subarray(0, -1))).toEqual({ ...hello, wish: "keep" });
    expect(decodeMessage(whole)).toEqual({ ...hello, wish: "keep" });
  });

  it("[HND3] a wish that nobody knows is refused", () => {
    const whole = encodeMessage(HELLO);
    whole[whole.length - 1] = 4;
    expect(() => decodeMessage(whole)).toThrow(/wish of value 4/);
  });

  it("[HND20] a broadcast and a pong of version 1 are read as of no age", () => {
    expect(decodeMessage(fromHex(GOLDEN.broadcast.slice(0, -6)))).toEqual({
      ...SAMPLES.broadcast,
      ageMs: 0,
      ordinal: 0,
    });
    expect(decodeMessage(fromHex(GOLDEN.pong.slice(0, -4)))).toEqual({ ...SAMPLES.pong, stopwatchMs: 0 });
  });

  it("[HND20] a broadcast of version 2 is read as one outside of the tree", () => {
    expect(decodeMessage(fromHex(GOLDEN.broadcast.slice(0, -2)))).toEqual({ ...SAMPLES.broadcast, ordinal: 0 });
  });

  it.each([
    ["from 0", "0001"],
    ["past the last number", "01ffffffffffffff0f"],
  ])("[HND3] ordinals %s are refused", (_, range) => {
    const head = GOLDEN.gone.slice(0, -4);
    expect(() => decodeMessage(fromHex(head + range))).toThrow(
      expect.objectContaining({ code: "YARROW_FRAME_INVALID" }),
    );
  });

  it("[HND20] questions and answers of version 2 are read as without sums, answered to the end, and without an end", () => {
    const short = (type: keyof typeof APPENDED_BYTES) =>
      decodeMessage(fromHex(GOLDEN[type].slice(0, -2 * (APPENDED_BYTES[type]?.[0] ?? 0))));
    expect(short("nodes-ask")).toEqual({ ...SAMPLES["nodes-ask"], sums: [] });
    expect(short("nodes")).toEqual({ ...SAMPLES.nodes, answered: 0 });
    expect(short("stream-ask")).toEqual({ ...SAMPLES["stream-ask"], through: "" });
  });
});

describe("frames", () => {
  it("[HND2] unknown types between known ones are skipped", () => {
    const frame = encodeFrame([
      encodeMessage(SAMPLES.ping),
      Uint8Array.of(200, 1, 2, 3),
      Uint8Array.of(0),
      encodeMessage(SAMPLES.pong),
    ]);
    expect(decodeFrame(frame)).toEqual([SAMPLES.ping, SAMPLES.pong]);
    expect(decodeMessage(Uint8Array.of(201))).toBeUndefined();
  });

  it.each([
    ["nothing", ""],
    ["a length and no message", "05"],
    ["an empty message", "00"],
    ["a length beyond the frame", "030301"],
    ["a length not in shortest form", "82000301"],
    ["a length that never ends", "ffffffffffffffffff"],
    ["a second message cut off", "020301020400".slice(0, 8)],
  ])("[HND3] %s is refused", (_, hex) => {
    expect(() => decodeFrame(fromHex(hex))).toThrow(expect.objectContaining({ code: "YARROW_FRAME_INVALID" }));
  });
});
