/** `npm run simulate -- --hours N --seed S [--peers P] [--trace]`: simulated cluster-hours, from seed S upwards. */
import { execFileSync } from "node:child_process";
import { parseArgs } from "node:util";
import { addCounters, createCounters } from "./counters.ts";
import { runHours } from "./run-hours.ts";
import type { HourOutcome } from "./run-hours.ts";
import { simulateHour } from "./simulate-hour.ts";

const USAGE = `Simulates hours of a cluster under faults, and checks every promise.

  npm run simulate -- --hours 10 --seed 1     ten hours, seeds 1 to 10
  npm run simulate -- --seed 7 --trace        one hour, every event on a line of its own

  --hours N   how many hours (1)
  --seed S    the first seed (1)
  --peers P   peers in the cluster (3 to 5, drawn from the seed)
  --trace     prints what happens; one hour only`;

process.exitCode = await main();

async function main(): Promise<number> {
  const options = readOptions();
  if (options === undefined) {
    console.error(USAGE);
    return 2;
  }
  const { hours, seed, peers, trace } = options;
  if (trace) return runTraced(seed, peers);
  const startedAt = performance.now();
  let done = 0;
  const outcomes = await runHours({
    hours,
    seed,
    peers,
    onHour: (outcome) => showProgress(++done, hours, outcome),
  });
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
  const failed = outcomes.filter(({ failure }) => failure !== undefined);
  printCounters(outcomes);
  const seconds = (performance.now() - startedAt) / 1_000;
  console.log(`${hours - failed.length} of ${hours} cluster-hours kept every promise, in ${seconds.toFixed(1)} s`);
  for (const { seed: broken, failure } of failed) {
    console.log(`\nseed ${broken} at commit ${commit()}: ${failure}\n  replay: ${replay(broken, peers)}`);
  }
  return failed.length === 0 ? 0 : 1;
}

function readOptions(): { hours: number; seed: number; peers: number | undefined; trace: boolean } | undefined {
  try {
    const { values } = parseArgs({
      options: {
        hours: { type: "string", default: "1" },
        seed: { type: "string", default: "1" },
        peers: { type: "string" },
        trace: { type: "boolean", default: false },
      },
    });
    const hours = Number(values.hours);
    const seed = Number(values.seed);
    const peers = values.peers === undefined ? undefined : Number(values.peers);
    const sound = [hours, seed, peers ?? 2].every((number) => Number.isInteger(number) && number >= 0);
    if (!sound || hours < 1 || (peers !== undefined && peers < 2)) return undefined;
    return { hours, seed, peers, trace: values.trace };
  } catch {
    return undefined;
  }
}

function runTraced(seed: number, peers: number | undefined): number {
  try {
    const { hash } = simulateHour({ seed, peers, print: (line) => console.log(line) });
    console.log(`seed ${seed}: every promise kept, trace ${hash}`);
    return 0;
  } catch (error) {
    console.log(`seed ${seed} at commit ${commit()}: ${error instanceof Error ? error.stack : String(error)}`);
    return 1;
  }
}

function showProgress(done: number, hours: number, { seed, ms, failure }: HourOutcome): void {
  if (!process.stderr.isTTY) {
    if (failure !== undefined) console.error(`seed ${seed} failed after ${ms} ms`);
    return;
  }
  const width = 30;
  const filled = Math.round((done / hours) * width);
  process.stderr.write(`\r[${"#".repeat(filled)}${".".repeat(width - filled)}] ${done} of ${hours} hours`);
}

function printCounters(outcomes: readonly HourOutcome[]): void {
  const total = createCounters();
  for (const { report } of outcomes) if (report !== undefined) addCounters(total, report.counters);
  const rows = Object.entries(total);
  const width = Math.max(...rows.map(([name]) => name.length));
  for (const [name, count] of rows) console.log(`  ${name.padEnd(width)} ${String(count).padStart(9)}`);
}

function replay(seed: number, peers: number | undefined): string {
  return `npm run simulate -- --hours 1 --seed ${seed}${peers === undefined ? "" : ` --peers ${peers}`} --trace`;
}

function commit(): string {
  try {
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return "unknown";
  }
}
