/** What the simulator prints becomes a result: counts are added up, and a seed that failed is told. */
import { expect, test } from "vitest";
import { takeLine } from "../src/simulation.ts";

test("counts of several runs are added, and hours that failed are missing from those that kept every promise", () => {
  const tally = { kept: 0, seconds: 0, failures: [] as string[], counters: new Map<string, number>() };
  const printed = [
    "  crashes            12",
    "  links cut         3",
    "10 of 10 cluster-hours kept every promise, in 21.3 s",
    "  crashes             5",
    "9 of 10 cluster-hours kept every promise, in 20.0 s",
    "",
    "seed 17 at commit abc: two peers differ",
    "  replay: npm run simulate -- --hours 1 --seed 17 --trace",
  ];
  for (const line of printed) takeLine(tally, line);
  expect(tally.kept).toBe(19);
  expect([...tally.counters]).toEqual([
    ["crashes", 17],
    ["links cut", 3],
  ]);
  expect(tally.failures).toEqual(["seed 17 at commit abc: two peers differ"]);
});
