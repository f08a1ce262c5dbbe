/** A storm's plan, what is made of its report, and a short storm with real peers. The long one: `npm run bench -- storm`. */
import { afterAll, expect, test } from "vitest";
import { endAllProcesses } from "../src/processes.ts";
import { isGood } from "../src/results.ts";
import { seededRandom } from "../src/statistics.ts";
import { stormResult } from "../src/storm/judge.ts";
import { FAULT_KINDS, planStorm, survivorsOf } from "../src/storm/plan.ts";
import type { StormReport } from "../src/storm/storm.ts";

afterAll(endAllProcesses);

const MIB = 1024 * 1024;

function plan(seed: number) {
  return planStorm({ peers: 12, durationMs: 600_000, everyMs: 500, killEveryMs: 8_000, random: seededRandom(seed) });
}

test("a plan follows from its seed, has every kind of fault, and ends in time", () => {
  expect(plan(1)).toEqual(plan(1));
  expect(plan(1)).not.toEqual(plan(2));
  for (const { atMs, forMs, from, to } of plan(3)) {
    expect(atMs + forMs).toBeLessThanOrEqual(600_000);
    expect(from).not.toBe(to);
  }
  expect(new Set(plan(3).map(({ kind }) => kind))).toEqual(new Set(FAULT_KINDS));
  expect(plan(3).length).toBeGreaterThan(1_000);
});

test("a third of the peers is never killed", () => {
  const killed = plan(4).filter(({ kind }) => kind === "kill -9");
  expect(killed.length).toBeGreaterThan(50);
  expect(killed.every(({ from }) => from >= survivorsOf(12))).toBe(true);
});

const good: StormReport = {
  options: { peers: 3, minutes: 1, rate: 10, faultEveryMs: 500, killEveryMs: 8_000, seed: 1 },
  spans: FAULT_KINDS.map((lane, at) => ({ lane, fromSeconds: at, toSeconds: at + 1 })),
  felt: {
    delayedBytes: 1,
    stalledWrites: 1,
    swallowedBytes: 1,
    oneWayConnections: 1,
    halfClosed: 1,
    cutShort: 1,
    reset: 1,
    refused: 1,
  },
  kills: 1,
  written: 10,
  large: 1,
  echoed: 10,
  seen: 10,
  missing: [],
  invented: [],
  equalAfterMs: 900,
  unequal: undefined,
  links: [2, 2, 2],
  verifyCodes: [0, 0, 0],
  disagreement: undefined,
  deaths: [],
  memory: Array.from({ length: 31 }, (_, at) => ({
    atMs: at * 2_000,
    residentBytes: [100 * MIB, 90 * MIB, undefined],
  })),
  kept: { warmBytes: [30 * MIB], endBytes: [40 * MIB] },
  dials: [{ atMs: 10, from: 0, to: 1 }],
  unknownDials: 1,
  stormMs: 60_000,
};

test("a storm is good only when every promise was kept and every fault was felt", () => {
  expect(stormResult(good).checks.filter((check) => !check.good)).toEqual([]);
  const edit = { clientId: 1, from: 0, to: 1, token: "<1.0>", document: "storm/0" };
  const leak = good.memory.map(({ atMs }) => ({ atMs, residentBytes: [(100 + atMs / 150) * MIB, 1, 1] }));
  const flood = Array.from({ length: 7 }, () => ({ atMs: 10, from: 0, to: 1 }));
  const spoilt: Partial<StormReport>[] = [
    { missing: [edit] },
    { invented: ["<2.0>"] },
    { equalAfterMs: undefined, unequal: "never" },
    { verifyCodes: [0, 3, 0] },
    { deaths: ["a bug"] },
    { links: [2, 1, 1] },
    { memory: leak },
    { kept: { warmBytes: [30 * MIB], endBytes: [60 * MIB] } },
    { dials: flood },
    { unknownDials: 361 },
    { felt: { ...good.felt, cutShort: 0 } },
    { spans: good.spans.slice(1) },
  ];
  for (const change of spoilt) {
    const bad = stormResult({ ...good, ...change }).checks.filter((check) => !check.good);
    expect(bad.length, JSON.stringify(Object.keys(change))).toBe(1);
  }
  expect(isGood(stormResult(good))).toBe(true);
});
