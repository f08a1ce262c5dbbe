/** Runs many simulated hours, one worker thread for each core, and hands over each as it ends. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { HourReport } from "./simulate-hour.ts";

export interface HoursOptions {
  /** The first seed; the others follow it. */
  readonly seed: number;
  readonly hours: number;
  readonly peers?: number | undefined;
  /** Instead of hours: runs with so many backups that are taken, restored and joined. */
  readonly backups?: number | undefined;
  readonly severe?: boolean | undefined;
  /** Threads at once; one for each processor when undefined. */
  readonly workers?: number | undefined;
  readonly onHour?: (outcome: HourOutcome) => void;
}

export type HourOutcome =
  | { readonly seed: number; readonly ms: number; readonly report: HourReport; readonly failure: undefined }
  | { readonly seed: number; readonly ms: number; readonly report: undefined; readonly failure: string };

/** What a worker is asked. */
export interface HourRequest {
  readonly seed: number;
  readonly peers: number | undefined;
  readonly backups: number | undefined;
  readonly severe: boolean | undefined;
}

/** Nearly all that an hour makes is short-lived: with more room for it, less is looked at by the collector again and again. */
const YOUNG_MB = 96;

/** By ascending seed. A failed hour does not stop the others. */
export async function runHours({
  seed,
  hours,
  peers,
  backups,
  severe,
  workers,
  onHour,
}: HoursOptions): Promise<HourOutcome[]> {
  const seeds = Array.from({ length: hours }, (_, index) => seed + index);
  const outcomes: HourOutcome[] = [];
  const crew = Array.from({ length: Math.min(hours, workers ?? availableParallelism()) }, () =>
    work(seeds, { peers, backups, severe }, (outcome) => {
      outcomes.push(outcome);
      onHour?.(outcome);
    }),
  );
  await Promise.all(crew);
  return outcomes.sort((left, right) => left.seed - right.seed);
}

/** One worker takes seeds until none is left. */
function work(
  seeds: number[],
  options: Omit<HourRequest, "seed">,
  done: (outcome: HourOutcome) => void,
): Promise<void> {
  const source = import.meta.url.endsWith(".ts");
  const file = source ? new URL("./worker.ts", import.meta.url) : new URL("./worker.js", import.meta.url);
  const worker = new Worker(file, {
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    ...(source ? { execArgv: ["--conditions=yarrow-src"] } : {}),
  });
  return new Promise((resolve, reject) => {
    const next = (): void => {
      const seed = seeds.shift();
      if (seed !== undefined) worker.postMessage({ seed, ...options } satisfies HourRequest, []);
      else void worker.terminate().then(() => resolve(), reject);
    };
    worker.on("message", (outcome: HourOutcome) => {
      done(outcome);
      next();
    });
    worker.once("error", reject);
    next();
  });
}
