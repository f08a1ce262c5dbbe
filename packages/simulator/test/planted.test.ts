/** Bugs planted in the production code: `npm run simulate -- --planted` has them all found; here a few, so that the command cannot rot. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { PLANTED_BUGS } from "../src/planted/bugs.ts";
import { runPlanted } from "../src/planted/run-planted.ts";

const QUICK = ["fence-without-writers", "follower-takes-writes"];

describe("a planted bug", () => {
  test("[SIM17] is found by a checker that answers for it", async () => {
    const bugs = PLANTED_BUGS.filter(({ name }) => QUICK.includes(name));
    const outcomes = await runPlanted({ bugs, seed: 1, seeds: 3, workers: 2 });
    expect(outcomes.map(({ bug, ok }) => [bug.name, ok])).toEqual(QUICK.map((name) => [name, true]));
  }, 60_000);

  test("[SIM17] that can no longer be planted is not found", async () => {
    const [first] = PLANTED_BUGS;
    const bug = { ...first!, from: "this line is nowhere" };
    const [outcome] = await runPlanted({ bugs: [bug], seed: 1, seeds: 1, workers: 1 });
    expect(outcome).toMatchObject({ ok: false, caughtBy: undefined });
    expect(outcome!.message).toContain("cannot be planted");
  }, 60_000);

  test.each(PLANTED_BUGS.map((bug) => [bug.name, bug] as const))("[SIM17] has its place in the code: %s", (_, bug) => {
    const text = readFileSync(new URL(`../../${bug.file}`, import.meta.url), "utf8");
    expect(text.split(bug.from)).toHaveLength(2);
    expect(bug.to).not.toBe(bug.from);
  });
});
