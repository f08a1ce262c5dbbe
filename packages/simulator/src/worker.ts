/** A worker thread that simulates the hours it is asked for, one after the other. */
import { parentPort } from "node:worker_threads";
import type { HourOutcome, HourRequest } from "./run-hours.ts";
import { simulateBackups } from "./simulate-backups.ts";
import { simulateHour } from "./simulate-hour.ts";
import { Violation } from "./witness.ts";

const port = parentPort;
port?.on("message", (request: HourRequest) => port.postMessage(simulate(request), []));

function simulate({ seed, peers, backups, severe }: HourRequest): HourOutcome {
  const startedAt = performance.now();
  const ms = (): number => Math.round(performance.now() - startedAt);
  try {
    const report =
      backups === undefined ? simulateHour({ seed, peers, severe }) : simulateBackups({ seed, cycles: backups });
    return { seed, report, ms: ms(), failure: undefined };
  } catch (error) {
    return { seed, report: undefined, ms: ms(), failure: describe(error) };
  }
}

/** A broken promise says all in its message; anything else is a bug whose place matters. */
function describe(error: unknown): string {
  if (error instanceof Violation) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
