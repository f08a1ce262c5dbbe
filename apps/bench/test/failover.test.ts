/** A short failover run with real peers. The long one is a command: `npm run bench -- failover`. */
import { afterAll, expect, test } from "vitest";
import { failoverResult, runFailover } from "../src/failover.ts";
import { endAllProcesses } from "../src/processes.ts";

afterAll(endAllProcesses);

test("[COP11] with copies nothing acknowledged is lost with the primary's disk", { timeout: 120_000 }, async () => {
  const options = { kills: 2, copies: 2 };
  const report = await runFailover(options);
  expect([report.lost, report.reachedNobody], `seed ${report.seed}`).toEqual([[], []]);
  const bad = failoverResult(report, options).checks.filter((check) => !check.good);
  expect(bad, `seed ${report.seed}`).toEqual([]);
});
