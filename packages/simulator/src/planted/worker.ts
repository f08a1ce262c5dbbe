/** A thread in which one bug is planted, and which runs seeds until a checker finds it. */
import { parentPort, workerData } from "node:worker_threads";
import type { PlantedBug } from "./bug.ts";
import { plant } from "./plant.ts";

/** What the thread is told. */
export interface PlantedRequest {
  readonly bug: PlantedBug;
  readonly seed: number;
  readonly seeds: number;
}

/** What it tells in the end. `simulatedMs` until it was found, or of all seeds. */
export interface PlantedResult {
  readonly caughtBy: string | undefined;
  readonly message: string;
  readonly seed: number;
  readonly simulatedMs: number;
}

const MINUTE_MS = 60_000;
const MINUTES = 20;

parentPort?.postMessage(await run(workerData as PlantedRequest), []);

async function run({ bug, seed, seeds }: PlantedRequest): Promise<PlantedResult> {
  const wasPlanted = plant(bug);
  // Loaded only now, so that the bug is in it.
  const { simulateHour } = await import("../simulate-hour.ts");
  const { Violation } = await import("../witness.ts");
  if (!wasPlanted()) throw new Error(`${bug.name} cannot be planted: nothing loads ${bug.file}`);
  const lengthMs = (bug.minutes ?? MINUTES) * MINUTE_MS;
  let simulatedMs = 0;
  for (let current = seed; current < seed + seeds; current++) {
    let reachedMs = 0;
    try {
      simulateHour({ seed: current, lengthMs, severe: bug.severe, reached: (ms) => (reachedMs = ms) });
      simulatedMs += lengthMs;
    } catch (error) {
      simulatedMs += reachedMs;
      const found = error instanceof Violation;
      const message = error instanceof Error ? error.message : String(error);
      return {
        caughtBy: found ? message.slice(0, message.indexOf(":")) : "assert",
        message,
        seed: current,
        simulatedMs,
      };
    }
  }
  return { caughtBy: undefined, message: "", seed: seed + seeds - 1, simulatedMs };
}
