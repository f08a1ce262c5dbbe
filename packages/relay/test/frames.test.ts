/** What a client may say, byte by byte, and how the relay's own frames look. */
import { describe, expect, it } from "vitest";
import { closeReason } from "../src/close-code.ts";
import { buildBinaryFrame } from "../src/websocket-frame.ts";
import { Desk, awareness, step1, update } from "./desk.ts";

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.replaceAll(" ", "").match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

const DEEP = `${'{"a":'.repeat(17)}1${"}".repeat(17)}`;
const DEEPEST_ALLOWED = `${'{"a":'.repeat(16)}1${"}".repeat(16)}`;

describe("hostile frames", () => {
  const table: readonly (readonly [string, Uint8Array])[] = [
    ["no bytes", hex("")],
    ["an unknown type", hex("04")],
    ["a type of y-protocols that is none", hex("00 03 00")],
    ["a sync message without a kind", hex("00")],
    ["a SyncStep1 without its length", hex("00 00")],
    ["a SyncStep1 cut short", hex("00 00 02 00")],
    ["an update cut short", hex("00 02 05 00 00")],
    ["a type not in its shortest form", hex("80 00 82 00 02 00 00")],
    ["a kind not in its shortest form", hex("00 82 00 02 00 00")],
    ["a length not in its shortest form", hex("00 02 82 00 00 00")],
    ["a length of 2^53", hex("00 02 80 80 80 80 80 80 80 10")],
    ["a length that never ends", hex("00 02 ff ff ff ff ff ff ff ff ff ff 01")],
    ["bytes after the last message", join(update(hex("00 00")), hex("00"))],
    ["a bad message after a good one", join(update(hex("00 00")), hex("09"))],
    ["more messages than a frame may hold", new Uint8Array(257).fill(3)],
    ["awareness without a count", hex("01 00")],
    ["awareness with fewer states than its count", hex("01 01 01")],
    ["awareness with more than its states", hex("01 02 00 00")],
    ["an awareness count beyond the limit", join(hex("01 02"), hex("81 08"))],
    ["an awareness clock beyond the limit", awareness([7, 2 ** 31 + 1, "{}"])],
    ["an awareness state cut short", hex("01 05 01 07 01 05 7b")],
    ["an awareness state that is not UTF-8", hex("01 06 01 07 01 02 22 ff")],
    ["an awareness state that is not JSON", awareness([7, 1, "{"])],
    ["an awareness state of no characters", awareness([7, 1, ""])],
    ["an awareness state that is a number", awareness([7, 1, "1"])],
    ["an awareness state that is an array", awareness([7, 1, "[]"])],
  ];

  it.each(table)("[REL15] %s closes the session with 4400 and does nothing", (_what, bytes) => {
    const desk = new Desk();
    desk.join(1);
    desk.join(2);
    const effects = desk.frame(1, bytes);
    expect(effects.closes).toEqual([{ session: 1, code: 4400, reason: expect.stringMatching(/./) }]);
    expect(effects.to(2)).toEqual([]);
    expect(desk.replica.lastBatch).toEqual([{ type: "detach", subscriber: 1 }]);
    expect(desk.relay.sessions()).toBe(1);
  });

  it("[REL15] a bad frame of a session that has not attached needs no detach", () => {
    const desk = new Desk();
    desk.open(1);
    expect(desk.frame(1, hex("ff")).closes).toMatchObject([{ session: 1, code: 4400 }]);
    expect(desk.replica.lastBatch).toEqual([]);
  });

  it("[REL15] what comes after a bad frame in the batch is ignored", () => {
    const desk = new Desk();
    desk.join(1);
    const effects = desk.step(
      { type: "session-frame", session: 1, bytes: hex("ff") },
      { type: "session-frame", session: 1, bytes: update(hex("00 00")) },
      { type: "session-congested", session: 1 },
      { type: "session-closed", session: 1, abnormal: false },
    );
    expect(effects.closes).toHaveLength(1);
    expect(desk.replica.lastBatch).toEqual([{ type: "detach", subscriber: 1 }]);
  });

  it("[REL16] several messages in one frame are heard in order", () => {
    const desk = new Desk();
    desk.open(1);
    desk.frame(1, join(step1(), update(hex("00 00")), awareness([7, 1, "{}"])));
    expect(desk.replica.lastBatch.map(({ type }) => type)).toEqual(["attach", "edit"]);
    expect(desk.relay.presenceOf("note")).toEqual([{ clientId: 7, clock: 1, state: "{}" }]);
  });

  it("[REL17] an auth message is ignored, whatever it holds", () => {
    const desk = new Desk();
    desk.join(1);
    expect(desk.frame(1, hex("02 00 03 61 62 63")).all).toEqual([]);
    expect(desk.frame(1, hex("02 ff ff")).all).toEqual([]);
  });

  it("[REL18] an awareness state too large or too deep is left out, and the others of its message are kept", () => {
    const desk = new Desk();
    desk.join(1);
    const large = JSON.stringify({ avatar: "x".repeat(4_096) });
    const effects = desk.frame(1, awareness([5, 1, large], [6, 1, DEEP], [7, 1, '{"a":"[[[[[[[[[[[[[[[[[[[[\\""}']));
    expect(effects.closes).toEqual([]);
    expect(desk.relay.presenceOf("note").map(({ clientId }) => clientId)).toEqual([7]);
    desk.frame(1, awareness([8, 1, DEEPEST_ALLOWED]));
    expect(desk.relay.presenceOf("note").map(({ clientId }) => clientId)).toEqual([7, 8]);
  });

  it("[REL15] random bytes never do more than close their session", () => {
    let seed = 42;
    const random = () => (seed = (seed * 48271) % 2147483647);
    const desk = new Desk();
    desk.join(1_000);
    let closed = 0;
    for (let session = 1; session <= 500; session++) {
      desk.join(session, "note", `${session}`);
      const bytes = Uint8Array.from({ length: random() % 40 }, () => random() % (session % 2 ? 256 : 6));
      const effects = desk.frame(session, bytes);
      closed += effects.closes.length;
      expect(effects.closes.every((close) => close.session === session)).toBe(true);
      desk.close(session);
    }
    // Both outcomes were met.
    expect(closed).toBeGreaterThan(100);
    expect(closed).toBeLessThan(500);
    expect(desk.relay.sessions()).toBe(1);
  });
});

describe("frames of the relay", () => {
  it.each([
    [0, "8200"],
    [1, "8201"],
    [125, "827d"],
    [126, "827e007e"],
    [65_535, "827effff"],
    [65_536, "827f0000000000010000"],
    [16_909_060, "827f0000000001020304"],
  ])("[REL19] %i bytes follow the header of RFC 6455", (bytes, header) => {
    const payload = new Uint8Array(bytes).fill(0xab);
    const half = bytes >> 1;
    const frame = buildBinaryFrame(payload.subarray(0, half), payload.subarray(half));
    const headerBytes = header.length / 2;
    expect(Array.from(frame.subarray(0, headerBytes), (byte) => byte.toString(16).padStart(2, "0")).join("")).toBe(
      header,
    );
    expect(frame.length).toBe(headerBytes + bytes);
    expect(frame.subarray(headerBytes).every((byte) => byte === 0xab)).toBe(true);
  });

  it("[REL21] a close reason is cut to 123 bytes, in whole characters", () => {
    expect(closeReason("short")).toBe("short");
    expect(closeReason("é".repeat(100))).toBe("é".repeat(61));
    expect(closeReason("a😀".repeat(50))).toBe(`${"a😀".repeat(24)}a`);
    expect(closeReason("\ud800!")).toBe("\ufffd!");
  });
});
