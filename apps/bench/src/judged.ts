/** What is promised of a mesh, point by point: which workload shows it, and what the last runs of them found. */
import { runGossip } from "./gossip.ts";
import { runGrowth } from "./growth.ts";
import { runMembership } from "./membership.ts";
import type { Progress } from "./progress.ts";
import type { Result } from "./results.ts";
import { runSimulation } from "./simulation.ts";
import { runSize } from "./size/size.ts";
import { stormResult } from "./storm/judge.ts";
import { runStorm } from "./storm/storm.ts";
import type { Cell } from "./table.ts";

export interface JudgedWorkload {
  /** Also the name of its result's file. */
  readonly workload: string;
  /** What it shows, for a table's first column. */
  readonly point: string;
  readonly run: (small: boolean, progress: Progress, cache?: string) => Promise<Result>;
}

const DOCUMENTS = [1, 100_000, 250_000, 500_000, 1_000_000];

/** What `--small` runs, of each workload of the mesh. */
export const SMALL = {
  gossip: { peers: [10, 50], seconds: 2 },
  membership: { peers: 100 },
  size: { documents: 20_000, streamed: 20_000 },
  growth: { documents: [1, 20_000], starts: 1 },
  simulation: { hours: 1, severeHours: 1 },
  storm: { peers: 5, minutes: 1, rate: 40 },
} as const;

export const JUDGED: readonly JudgedWorkload[] = [
  {
    workload: "gossip",
    point: "live push, simulated",
    run: (small, progress) => runGossip({ peers: [10, 100, 1_000], ...(small ? SMALL.gossip : {}), progress }),
  },
  {
    workload: "membership",
    point: "views and dials, simulated",
    run: (small, progress) =>
      Promise.resolve(
        runMembership({ peers: 1_000, unreachable: 10, seed: 1, ...(small ? SMALL.membership : {}), progress }),
      ),
  },
  {
    workload: "size",
    point: "a million documents",
    run: (small, progress, cache) => runSize({ ...(small ? SMALL.size : {}), cache, progress }),
  },
  {
    workload: "growth",
    point: "a peer by its documents",
    run: (small, progress, cache) =>
      runGrowth({ documents: DOCUMENTS, ...(small ? SMALL.growth : {}), cache, progress }),
  },
  {
    workload: "simulation",
    point: "hours of faults, simulated",
    run: (small, progress) =>
      runSimulation({ hours: 1_000, severeHours: 100, seed: 1, ...(small ? SMALL.simulation : {}), progress }),
  },
  {
    workload: "storm",
    point: "faults and kill -9, real processes",
    run: async (small, progress) => stormResult(await runStorm({ ...(small ? SMALL.storm : {}), progress })),
  },
];

export const JUDGED_HEAD = ["point", "promise", "kept", "found"] as const;

/** A row for each promise; one that says so for a workload without a result. */
export function judgedRows(results: readonly Result[]): Cell[][] {
  return JUDGED.flatMap(({ workload, point }) => {
    const result = results.find((each) => each.workload === workload);
    if (result === undefined) return [[point, `see \`npm run bench -- ${workload}\``, "not measured", undefined]];
    const size = result.small === true ? ", at a small size" : "";
    return result.checks.map(({ name, good, found }) => [point, name, `${good ? "yes" : "no"}${size}`, found]);
  });
}

/** All of them as one result. */
export function meshResult(results: readonly Result[], small: boolean): Result {
  return {
    workload: "mesh",
    summary: `what is promised of a mesh, by ${results.map(({ workload }) => workload).join(", ")}${small ? ", at a small size that judges nothing" : ""}`,
    options: { small },
    tables: [{ title: "Promises", head: JUDGED_HEAD, rows: judgedRows(results) }],
    checks: results.flatMap(({ workload, checks }) =>
      checks.map((check) => ({ ...check, name: `${workload}: ${check.name}` })),
    ),
  };
}
