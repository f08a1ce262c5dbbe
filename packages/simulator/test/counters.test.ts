/** Hours that were too kind prove nothing. */
import { describe, expect, test } from "vitest";
import { createCounters, shortfalls, shortfallsOfRun } from "../src/counters.ts";

describe("an hour", () => {
  test("[SIM9] that was too kind is no proof", () => {
    expect(shortfalls(createCounters())).toContain("writes: 0, at least 3600 are due");
    expect(shortfalls(createCounters()).join()).toContain("deletions and recreations: 0, at least 10 are due");
  });

  test("[SIM23] may lack what luck brings, and sixty may not", () => {
    const total = createCounters();
    expect(shortfallsOfRun(total, 29)).toEqual([]);
    expect(shortfallsOfRun(total, 30)).toContain("failovers: 0 in 30 hours, at least 1 are due");
    for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] = 2;
    total.followersAhead = 1;
    expect(shortfallsOfRun(total, 60)).toEqual(["followersAhead: 1 in 60 hours, at least 2 are due"]);
  });

  test("[SIM16] with followers in which no role changed is no proof", () => {
    const short = shortfalls(createCounters(), { followers: true });
    expect(short).toContain("roleChanges: 0, at least 4 are due");
    expect(shortfalls(createCounters()).join()).not.toContain("roleChanges");
  });
});
