/**
 * `npm run simulate -- --hours N --seed S [--peers P] [--trace]`: simulated cluster-hours, from seed S upwards; with `--backups N`
 * runs in which peers are backed up and restored.
 */
import { execFileSync } from "node:child_process";
import { parseArgs } from "node:util";
import { addCounters, createCounters } from "./counters.ts";
import { runHours } from "./run-hours.ts";
import type { HourOutcome } from "./run-hours.ts";
import { simulateBackups } from "./simulate-backups.ts";
import { simulateHour } from "./simulate-hour.ts";

/** Each run begins with a small cluster and ends with every check; in between, so many backups are restored into it. */
const CYCLES_PER_RUN = 5;

const USAGE = `Simulates hours of a cluster under faults, and checks every promise.

  npm run simulate -- --hours 10 --seed 1     ten hours, seeds 1 to 10
  npm run simulate -- --seed 7 --trace        one hour, every event on a line of its own
  npm run simulate -- --backups 1000          backups of small clusters, restored as new peers that join

  --hours N   how many hours (1)
  --seed S    the first seed (1)
  --peers P   peers in the cluster (3 to 5, drawn from the seed)
  --backups N runs of minutes instead of hours, with ${CYCLES_PER_RUN} backups each
  --trace     prints what happens; one run only`;

interface Options {
  /** Hours, or runs with backups. */
  readonly hours: number;
  readonly seed: number;
  readonly peers: number | undefined;
  /** Of one run; undefined for hours. */
  readonly backups: number | undefined;
  readonly trace: boolean;
}

process.exitCode = await main();

async function main(): Promise<number> {
  const options = readOptions();
  if (options === undefined) {
    console.error(USAGE);
    return 2;
  }
  const { hours, seed, peers, backups, trace } = options;
  if (trace) return runTraced(options);
  const startedAt = performance.now();
  let done = 0;
  const outcomes = await runHours({
    hours,
    seed,
    peers,
    backups,
    onHour: (outcome) => showProgress(++done, hours, outcome),
  });
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
  const failed = outcomes.filter(({ failure }) => failure !== undefined);
  printCounters(outcomes);
  const seconds = (performance.now() - startedAt) / 1_000;
  const what = backups === undefined ? "cluster-hours" : `runs with ${backups} backups each`;
  console.log(`${hours - failed.length} of ${hours} ${what} kept every promise, in ${seconds.toFixed(1)} s`);
  for (const { seed: broken, failure } of failed) {
    console.log(`\nseed ${broken} at commit ${commit()}: ${failure}\n  replay: ${replay(broken, options)}`);
  }
  return failed.length === 0 ? 0 : 1;
}

function readOptions(): Options | undefined {
  try {
    const { values } = parseArgs({
      options: {
        hours: { type: "string", default: "1" },
        seed: { type: "string", default: "1" },
        peers: { type: "string" },
        backups: { type: "string" },
        trace: { type: "boolean", default: false },
      },
    });
    const hours = Number(values.hours);
    const seed = Number(values.seed);
    const peers = values.peers === undefined ? undefined : Number(values.peers);
    const total = values.backups === undefined ? undefined : Number(values.backups);
    const sound = [hours, seed, peers ?? 2, total ?? 1].every((number) => Number.isInteger(number) && number >= 0);
    if (!sound || hours < 1 || (peers !== undefined && peers < 2)) return undefined;
    if (total === undefined) return { hours, seed, peers, backups: undefined, trace: values.trace };
    if (total < 1) return undefined;
    return { hours: Math.ceil(total / CYCLES_PER_RUN), seed, peers, backups: CYCLES_PER_RUN, trace: values.trace };
  } catch {
    return undefined;
  }
}

function runTraced({ seed, peers, backups }: Options): number {
  const print = (line: string): void => console.log(line);
  try {
    const { hash } =
      backups === undefined ? simulateHour({ seed, peers, print }) : simulateBackups({ seed, cycles: backups, print });
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
  process.stderr.write(`\r[${"#".repeat(filled)}${".".repeat(width - filled)}] ${done} of ${hours} runs`);
}

function printCounters(outcomes: readonly HourOutcome[]): void {
  const total = createCounters();
  for (const { report } of outcomes) if (report !== undefined) addCounters(total, report.counters);
  const rows = Object.entries(total);
  const width = Math.max(...rows.map(([name]) => name.length));
  for (const [name, count] of rows) console.log(`  ${name.padEnd(width)} ${String(count).padStart(9)}`);
}

function replay(seed: number, { peers, backups }: Options): string {
  if (backups !== undefined) return `npm run simulate -- --backups ${backups} --seed ${seed} --trace`;
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
