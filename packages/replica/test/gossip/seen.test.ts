import type { ProcessId } from "@yarrow/protocol";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createConfig } from "../../src/config.ts";
import { Seen } from "../../src/gossip/seen.ts";

const A = "aa".repeat(8) as ProcessId;

describe("seen message ids", () => {
  it("[GOS3] an id is new once, in whatever order ids come", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(Array.from({ length: 40 }, (_, i) => i + 2)), (order) => {
        const seen = new Seen(createConfig());
        seen.add(A, 1, 0);
        for (const sequence of order) expect(seen.add(A, sequence, 0)).toBe(true);
        for (const sequence of order) expect(seen.add(A, sequence, 0)).toBe(false);
      }),
    );
  });

  it("[GOS3] what overtook the others on its way does not make them old", () => {
    const seen = new Seen(createConfig());
    expect(seen.add(A, 5_000, 0)).toBe(true);
    expect(seen.add(A, 4_999, 0)).toBe(true);
    expect(seen.add(A, 4_999, 0)).toBe(false);
    expect(seen.add(A, 4_000, 0)).toBe(false);
  });

  it("[GOS3] beyond its window it gives up on gaps, never on what it has seen", () => {
    const seen = new Seen(createConfig({ seenWindowMax: 4 }));
    seen.add(A, 1, 0);
    for (const sequence of [3, 5, 7, 9]) expect(seen.add(A, sequence, 0)).toBe(true);
    expect(seen.add(A, 2, 0)).toBe(true);
    expect(seen.add(A, 11, 0)).toBe(true);
    expect(seen.add(A, 13, 0)).toBe(true);
    expect(seen.add(A, 4, 0)).toBe(false);
    for (const sequence of [3, 5, 7, 9, 11, 13]) expect(seen.add(A, sequence, 0)).toBe(false);
  });

  it("[GOS3] origins are bounded, the longest silent go first", () => {
    const seen = new Seen(createConfig({ originsMax: 2 }));
    const [b, c] = ["bb".repeat(8) as ProcessId, "cc".repeat(8) as ProcessId];
    seen.add(A, 1, 0);
    seen.add(b, 1, 0);
    seen.add(A, 2, 1);
    seen.add(c, 1, 2);
    expect(seen.size).toBe(2);
    expect(seen.add(A, 2, 3)).toBe(false);
    expect(seen.add(b, 1, 3)).toBe(true);
  });

  it("[GOS3] an origin that fell silent is forgotten when another comes", () => {
    const seen = new Seen(createConfig({ originIdleMs: 100 }));
    seen.add(A, 1, 0);
    seen.add("bb".repeat(8) as ProcessId, 1, 101);
    expect(seen.size).toBe(1);
  });
});
