import type { ProcessId } from "@yarrow/protocol";
import { ORIGINS_PER_MESSAGE_MAX, RANGES_PER_ORIGIN_MAX } from "@yarrow/protocol";
import { describe, expect, it } from "vitest";
import { createConfig } from "../../src/config.ts";
import { countOrdinals, lastOf, Ordinals } from "../../src/gossip/ordinals.ts";
import { Wanted } from "../../src/gossip/wanted.ts";

const A = "aa".repeat(8) as ProcessId;
const B = "bb".repeat(8) as ProcessId;

describe("wanted broadcasts", () => {
  const wanted = (config = {}) => new Wanted(createConfig(config));

  it("[GOS21] are as many as may be wanted, and one more is left out", () => {
    const wants = wanted({ wantedMax: 2 });
    expect(wants.add(A, 1, { link: 1, waitMs: 250 }, 0)).toBe(true);
    expect(wants.add(B, 1, { link: 1, waitMs: 250 }, 0)).toBe(true);
    expect(wants.add(B, 2, { link: 1, waitMs: 250 }, 0)).toBe(false);
    expect(wants.add(B, 1, { link: 2, waitMs: 250 }, 0)).toBe(true);
    wants.delete(A, 1);
    wants.delete(A, 1);
    expect(wants.size).toBe(1);
    expect(wants.add(B, 2, { link: 1, waitMs: 250 }, 0)).toBe(true);
    wants.forget(B);
    expect(wants.size).toBe(0);
  });

  it("[GOS21] remember eight links that have one, and no link twice", () => {
    const wants = wanted();
    for (const link of [1, 1, 2, 3, 4, 5, 6, 7, 8, 9]) wants.add(A, 1, { link, waitMs: 250 }, 0);
    expect(wants.takeDue(250, false)[0]!.announcers).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it("[GOS14] each has its own time, and again half of it", () => {
    const wants = wanted();
    wants.add(A, 1, { link: 1, waitMs: 250 }, 0);
    wants.add(A, 2, { link: 1, waitMs: 600 }, 10);
    const due = (now: number) => wants.takeDue(now, false).map(({ ordinal, tries }) => [ordinal, tries]);
    expect(due(249)).toEqual([]);
    expect(due(250)).toEqual([[1, 0]]);
    expect(wants.nextDeadline()).toBe(375);
    expect(due(375)).toEqual([[1, 1]]);
    expect(due(610)).toEqual([
      [1, 2],
      [2, 0],
    ]);
    expect(due(909)).toEqual([[1, 3]]);
    expect(due(910)).toEqual([[2, 1]]);
    wants.delete(A, 1);
    wants.delete(A, 2);
    expect(due(5_000)).toEqual([]);
    expect(wants.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("ordinals", () => {
  it("[GOS13] one after the other are one range", () => {
    const ordinals = new Ordinals();
    for (const ordinal of [1, 2, 4, 5, 6, 9]) ordinals.add(A, ordinal);
    ordinals.touch(B);
    const ranges = [
      { from: 1, to: 2 },
      { from: 4, to: 6 },
      { from: 9, to: 9 },
    ];
    const origins = [
      { origin: A, ranges },
      { origin: B, ranges: [] },
    ];
    expect([...ordinals.messages()]).toEqual([origins]);
    expect(countOrdinals(origins)).toBe(6);
    expect([...ordinals.messages((origin) => origin === B)]).toEqual([[{ origin: B, ranges: [] }]]);
    ordinals.clear();
    expect([...ordinals.messages()]).toEqual([]);
  });

  it("[GOS21] more origins or ranges than a message may hold go as several", () => {
    const many = new Ordinals();
    for (let i = 0; i <= ORIGINS_PER_MESSAGE_MAX; i++) many.add(i.toString(16).padStart(16, "0") as ProcessId, 1);
    expect([...many.messages()].map((origins) => origins.length)).toEqual([ORIGINS_PER_MESSAGE_MAX, 1]);
    const torn = new Ordinals();
    for (let i = 0; i <= RANGES_PER_ORIGIN_MAX; i++) torn.add(A, 1 + 2 * i);
    const [origins] = [...torn.messages()];
    expect(origins!.map(({ ranges }) => ranges.length)).toEqual([RANGES_PER_ORIGIN_MAX, 1]);
  });

  it("[GOS21] a range counts by its end", () => {
    expect(lastOf({ from: 1, to: 8 }, 8)).toEqual({ from: 1, to: 8 });
    expect(lastOf({ from: 1, to: 9 }, 8)).toEqual({ from: 2, to: 9 });
  });
});
