/** Plants one bug after the other and has the checkers look for each, a thread of its own for every bug. */
import { Worker } from "node:worker_threads";
import type { PlantedBug } from "./bug.ts";
import type { PlantedRequest, PlantedResult } from "./worker.ts";

export interface PlantedOptions {
  readonly bugs: readonly PlantedBug[];
  /** The first seed. */
  readonly seed: number;
  /** How many seeds a bug may survive. */
  readonly seeds: number;
  /** Bugs at once. */
  readonly workers: number;
  readonly onBug?: (outcome: PlantedOutcome) => void;
}

export interface PlantedOutcome {
  readonly bug: PlantedBug;
  readonly caughtBy: string | undefined;
  /** What the checker said, or why the bug could not be planted. */
  readonly message: string;
  readonly seed: number;
  readonly simulatedMs: number;
  readonly ms: number;
  /** Found, and by one of the checkers that answer for it. */
  readonly ok: boolean;
}

/** In the order of the bugs. */
export async function runPlanted({ bugs, seed, seeds, workers, onBug }: PlantedOptions): Promise<PlantedOutcome[]> {
  const outcomes = new Map<PlantedBug, PlantedOutcome>();
  const waiting = [...bugs];
  const crew = Array.from({ length: Math.min(workers, bugs.length) }, async () => {
    for (let bug = waiting.shift(); bug !== undefined; bug = waiting.shift()) {
      const outcome = await hunt({ bug, seed, seeds });
      outcomes.set(bug, outcome);
      onBug?.(outcome);
    }
  });
  await Promise.all(crew);
  return bugs.map((bug) => outcomes.get(bug) as PlantedOutcome);
}

async function hunt(request: PlantedRequest): Promise<PlantedOutcome> {
  const { bug } = request;
  const startedAt = performance.now();
  const { caughtBy, ...result } = await ask(request).catch((error: unknown): PlantedResult => {
    const message = error instanceof Error ? error.message : String(error);
    return { caughtBy: undefined, message, seed: request.seed, simulatedMs: 0 };
  });
  const ms = Math.round(performance.now() - startedAt);
  return { bug, caughtBy, ...result, ms, ok: caughtBy !== undefined && bug.checkers.includes(caughtBy) };
}

/** The thread runs on the sources, built or not: that is where the bug is planted. */
function ask(request: PlantedRequest): Promise<PlantedResult> {
  const file = import.meta.url.endsWith(".ts") ? "./worker.ts" : "../../src/planted/worker.ts";
  const worker = new Worker(new URL(file, import.meta.url), {
    execArgv: ["--conditions=yarrow-src"],
    workerData: request,
  });
  return new Promise<PlantedResult>((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", () => reject(new Error("the thread ended without a result")));
  }).finally(() => void worker.terminate());
}
