/** `npm run simulate -- --planted`: every planted bug must be found, by a checker that answers for it; prints who found which. */
import { PLANTED_BUGS } from "./bugs.ts";
import { runPlanted } from "./run-planted.ts";
import type { PlantedOutcome } from "./run-planted.ts";

/** Seeds that a bug may survive. The seventh is the first in which peers know one address and learn all others. */
const SEEDS_MAX = 8;
const MINUTE_MS = 60_000;

export interface HuntOptions {
  readonly seed: number;
  /** Only bugs whose name holds one of these, with commas between them. */
  readonly only: string;
  readonly workers: number;
}

/** Returns true when all were found. */
export async function huntPlanted({ seed, only, workers }: HuntOptions): Promise<boolean> {
  const bugs = PLANTED_BUGS.filter(({ name }) => only.split(",").some((part) => name.includes(part)));
  const startedAt = performance.now();
  let done = 0;
  const outcomes = await runPlanted({
    bugs,
    seed,
    seeds: SEEDS_MAX,
    workers,
    onBug: ({ bug, ok, ms }) =>
      console.error(
        `[${++done} of ${bugs.length}] ${ok ? "found" : "NOT FOUND"} in ${(ms / 1_000).toFixed(1)} s: ${bug.name}`,
      ),
  });
  console.log(table(outcomes));
  const found = outcomes.filter(({ ok }) => ok).length;
  const seconds = (performance.now() - startedAt) / 1_000;
  console.log(`\n${found} of ${outcomes.length} planted bugs found, in ${seconds.toFixed(1)} s`);
  for (const { bug, ok, caughtBy, message } of outcomes) {
    if (ok) continue;
    const found = caughtBy === undefined ? "nobody" : `${caughtBy} instead of ${bug.checkers.join(" or ")}`;
    console.log(`\n${bug.name}, found by ${found}: ${message}`);
  }
  return found === outcomes.length && found > 0;
}

/** In Markdown, so that the page of record is made of it. */
function table(outcomes: readonly PlantedOutcome[]): string {
  const rows = outcomes.map(({ bug, caughtBy, seed, simulatedMs, ms }) => {
    const simulated = `${(simulatedMs / MINUTE_MS).toFixed(1)} min`;
    return `| ${bug.name} | ${bug.breaks} | ${caughtBy ?? "nobody"} | ${seed} | ${simulated} | ${(ms / 1_000).toFixed(1)} s |`;
  });
  return ["| Bug | What it breaks | Found by | Seed | Simulated | Took |", "|---|---|---|---|---|---|", ...rows].join(
    "\n",
  );
}
