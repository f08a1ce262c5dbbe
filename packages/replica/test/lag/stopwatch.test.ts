import { expect, it } from "vitest";
import { Stopwatch } from "../../src/lag/stopwatch.ts";

it("[LAG9] how long ago something was said is known within half the quickest round trip, whatever the clocks say", () => {
  const stopwatch = new Stopwatch();
  expect(stopwatch.ageMs(0, 1_000)).toBeUndefined();
  // The other's stopwatch stood at 0 when our clock said 5,000; there takes 3 ms, back 1 ms.
  stopwatch.sample(6_000, 1_003, 6_004);
  expect(stopwatch.ageMs(2_000, 7_050)).toBeCloseTo(50 + 1, 0);
  // An answer that took long says less, and changes nothing.
  stopwatch.sample(8_000, 3_400, 8_410);
  expect(stopwatch.ageMs(2_000, 7_050)).toBeCloseTo(50 + 1, 0);
  stopwatch.sample(9_000, 4_001, 9_002);
  expect(stopwatch.ageMs(2_000, 7_050)).toBe(50);
  expect(stopwatch.ageMs(2_100, 7_050)).toBe(0);
});

it("[LAG9] a stopwatch that was held up is believed again once the answers from before are forgotten", () => {
  const stopwatch = new Stopwatch();
  stopwatch.sample(1_000, 500, 1_002);
  for (let i = 0; i < 8; i++) stopwatch.sample(10_000 + i, 1_000 + i, 10_010 + i);
  expect(stopwatch.ageMs(1_100, 10_125)).toBe(20);
});
