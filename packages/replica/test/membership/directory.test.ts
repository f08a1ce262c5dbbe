import type { PeerId, ProcessId } from "@yarrow/protocol";
import { describe, expect, it } from "vitest";
import { createConfig } from "../../src/config.ts";
import { Directory, isPeerUrl } from "../../src/membership/directory.ts";

const A = "ws://a:1";
const PEER = "aa".repeat(16) as PeerId;
const PROCESS = "bb".repeat(8) as ProcessId;
const config = createConfig();
const { redialMinMs, redialMaxMs } = config;
const always = (): boolean => true;

function directory(random = 0.5): Directory {
  const made = new Directory(config, () => random);
  made.add(A, { configured: true, now: 0 });
  return made;
}

describe("when an address is dialled", () => {
  it("at once, and then not again while the dial is out", () => {
    const one = directory();
    expect(one.takeDue(0, always)).toEqual([A]);
    expect(one.takeDue(1e9, always)).toEqual([]);
    expect(one.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
  });

  it("[MEM2] each failure doubles the wait up to the cap", () => {
    const one = directory();
    const waits: number[] = [];
    for (let i = 0; i < 2_000; i++) {
      one.lost(A, 0, "failed");
      waits.push(one.nextDeadline());
    }
    expect(waits.slice(0, 4)).toEqual([2, 4, 8, 16].map((times) => redialMinMs * times));
    expect(waits.at(-1)).toBe(redialMaxMs);
    expect(waits.toSorted((a, b) => a - b)).toEqual(waits);
  });

  it("[MEM2] every wait is jittered between half and one and a half of itself", () => {
    for (const reason of ["failed", "ended", "passing"] as const) {
      const waits = [0, 0.5, 0.999_999].map((random) => {
        const one = directory(random);
        one.lost(A, 0, reason);
        return one.nextDeadline();
      });
      expect(waits[0]).toBe(waits[1]! / 2);
      expect(waits[2]).toBeCloseTo(waits[1]! * 1.5, 0);
    }
  });

  it("[MEM2] a hundred peers that lost the same one do not come back at once", () => {
    let seed = 7;
    const random = (): number => (seed = (seed * 16807) % 2147483647) / 2147483647;
    const dues = Array.from({ length: 100 }, () => {
      const one = new Directory(config, random);
      one.add(A, { configured: true, now: 0 });
      for (let i = 0; i < 6; i++) one.lost(A, 0, "failed");
      return Math.floor(one.nextDeadline() / 1_000);
    });
    const perSecond = new Map<number, number>();
    for (const due of dues) perSecond.set(due, (perSecond.get(due) ?? 0) + 1);
    expect(Math.max(...perSecond.values())).toBeLessThan(25);
  });

  it("a link that ended, or a refusal that passes, forgets the failures before", () => {
    const one = directory();
    for (let i = 0; i < 9; i++) one.lost(A, 0, "failed");
    one.lost(A, 0, "passing");
    expect(one.nextDeadline()).toBe(1_000);
    one.lost(A, 0, "ended");
    expect(one.nextDeadline()).toBe(redialMinMs);
  });

  it("[HND9] an address that leads to ourselves is left alone", () => {
    const one = directory();
    one.isSelf(A);
    one.lost(A, 0, "failed");
    expect(one.takeDue(1e9, always)).toEqual([]);
  });

  it("one that may not be dialled now is looked at again later", () => {
    const one = directory();
    expect(one.takeDue(0, () => false)).toEqual([]);
    expect(one.nextDeadline()).toBeGreaterThan(redialMaxMs / 2);
    expect(one.nextDeadline()).toBeLessThanOrEqual(redialMaxMs);
  });

  it("a lost link brings its other addresses forward, known by peer or by what it announced", () => {
    for (const [peer, addresses] of [
      [PEER, []],
      ["cc".repeat(16) as PeerId, [A]],
    ] as const) {
      const one = directory();
      one.linked(A, PEER, PROCESS);
      one.lost(A, 0, "ended");
      one.takeDue(redialMinMs, () => false);
      one.peerLost(peer, addresses, redialMinMs);
      expect(one.nextDeadline()).toBe(2 * redialMinMs);
    }
  });

  it("but one that keeps failing keeps waiting", () => {
    const one = directory();
    for (let i = 0; i < 9; i++) one.lost(A, 0, "failed");
    one.peerLost(PEER, [A], 0);
    expect(one.nextDeadline()).toBe(redialMaxMs);
  });

  it("a healed cut dials everything now", () => {
    const one = directory();
    for (let i = 0; i < 9; i++) one.lost(A, 0, "failed");
    one.hurry(5);
    expect(one.takeDue(5, always)).toEqual([A]);
  });
});

describe("what is remembered", () => {
  it("[MEM3] learned addresses are bounded; those of the operator are not", () => {
    const one = new Directory(createConfig({ addressesMax: 2 }), () => 0.5);
    for (let i = 0; i < 5; i++) one.add(`ws://learned-${i}`, { configured: false, now: 0 });
    expect(one.targets().length).toBe(2);
    for (let i = 0; i < 5; i++) one.add(`ws://given-${i}`, { configured: true, now: 0 });
    expect(one.targets().length).toBe(7);
  });

  it.each([
    ["ws://host:1", true],
    ["wss://host", true],
    ["ws://[::1]:9/", true],
    ["http://host", false],
    ["wss://proxy/path", true],
    ["ws://user@host", false],
    ["ws://host?x", false],
    ["ws://a b", false],
    ["ws://", false],
    [`ws://${"x".repeat(600)}`, false],
  ])("%s is an address of a peer: %s", (url, good) => {
    expect(isPeerUrl(url)).toBe(good);
  });
});
