/** A short chaos run with real peers. The long one is a command: `npm run bench -- chaos`. */
import { afterAll, expect, test } from "vitest";
import { chaosResult, runChaos } from "../src/chaos.ts";
import { endAllProcesses } from "../src/processes.ts";

const KILLS = 20;

afterAll(endAllProcesses);

test("20 kills under eight writing clients lose nothing that anyone was shown", { timeout: 120_000 }, async () => {
  const report = await runChaos({ kills: KILLS });
  expect(report.missing, `seed ${report.seed}`).toEqual([]);
  expect(report.invented, `seed ${report.seed}`).toEqual([]);
  const bad = chaosResult(report, { kills: KILLS }).checks.filter((check) => !check.good);
  expect(bad, `seed ${report.seed}`).toEqual([]);
  // The storm must have been one.
  expect(report.killsInFlight).toBeGreaterThanOrEqual(KILLS / 2);
});
