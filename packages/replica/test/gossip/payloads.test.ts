import { encodeMessage } from "@yarrow/protocol";
import { describe, expect, it } from "vitest";
import { createConfig } from "../../src/config.ts";
import { Payloads } from "../../src/gossip/payloads.ts";
import { Author } from "./puppet.ts";

describe("kept broadcasts", () => {
  const author = new Author();
  const broadcasts = Array.from({ length: 4 }, () => author.write());
  const encoded = broadcasts.map((broadcast) => encodeMessage(broadcast));
  const size = encoded[0]!.length;

  function filled(bytes: number) {
    const payloads = new Payloads(createConfig({ payloadsBytesMax: bytes }));
    encoded.forEach((one, i) => payloads.add(author.origin, i + 1, one, i));
    return payloads;
  }

  it("[GOS15] are given back as they came, older by the time they were kept", () => {
    expect(filled(10_000).get(author.origin, 2, 501)).toEqual({ ...broadcasts[1]!, ageMs: 500 });
  });

  it("[GOS15] are bounded by bytes, the oldest go first", () => {
    const exact = encoded.slice(1).reduce((sum, one) => sum + one.length, 0);
    const payloads = filled(exact);
    expect(payloads.bytes).toBe(exact);
    expect(payloads.get(author.origin, 1, 5)).toBeUndefined();
    expect(payloads.get(author.origin, 2, 5)).toBeDefined();
    expect(filled(exact + size).get(author.origin, 1, 5)).toBeDefined();
    expect(filled(0).bytes).toBe(0);
  });

  it("[GOS15] are bounded by time, and leave the memory even if nothing more comes", () => {
    const payloads = filled(10_000);
    expect(payloads.get(author.origin, 4, 30_003)).toBeDefined();
    expect(payloads.get(author.origin, 4, 30_004)).toBeUndefined();
    expect(payloads.nextDeadline()).toBe(30_000);
    payloads.wake(30_000);
    expect(payloads.bytes).toBeGreaterThan(0);
    payloads.wake(60_000);
    expect(payloads.bytes).toBe(0);
    expect(payloads.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
  });
});
