/** Thirty hours of a cluster in which things go wrong, and the proof that a seed is all one needs to see one of them again. */
import { describe, expect, test } from "vitest";
import { addCounters, createCounters, shortfallsOfRun } from "../src/counters.ts";
import { runHours } from "../src/run-hours.ts";
import { simulateHour } from "../src/simulate-hour.ts";

const HOURS = 30;
const FIRST_SEED = 1;

describe("cluster-hours", () => {
  test("[SIM1, SIM2, SIM3, SIM4, SIM5, SIM6, SIM12, SIM13, SIM14, SIM15, SIM18, SIM19, SIM23] keep every promise while peers crash, part, forget, fill up and change their roles", async () => {
    const outcomes = await runHours({ hours: HOURS, seed: FIRST_SEED });
    const failures = outcomes.flatMap(({ seed, failure }) =>
      failure === undefined ? [] : [`npm run simulate -- --hours 1 --seed ${seed}: ${failure}`],
    );
    expect(failures).toEqual([]);
    const total = createCounters();
    for (const { report } of outcomes) if (report !== undefined) addCounters(total, report.counters);
    expect(shortfallsOfRun(total, HOURS)).toEqual([]);
  }, 180_000);

  test("[SIM20, SIM21] have their half-open links, cut frames, slow links, leaping clocks, storms and a member that lies", () => {
    const { counters } = simulateHour({ seed: 11, severe: true, lengthMs: 360_000 });
    for (const fault of [
      "halfOpenConnections",
      "midFrameCuts",
      "slowLinks",
      "clockLeaps",
      "storms",
      "hostileLies",
    ] as const) {
      expect(counters[fault], fault).toBeGreaterThan(0);
    }
  });

  test("[SIM7] are the same for the same seed, down to the last byte", () => {
    const once = simulateHour({ seed: 42, lengthMs: 240_000 });
    const again = simulateHour({ seed: 42, lengthMs: 240_000 });
    const other = simulateHour({ seed: 43, lengthMs: 240_000 });
    expect(again).toEqual(once);
    expect(other.hash).not.toBe(once.hash);
  });
});
