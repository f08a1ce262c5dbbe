/**
 * `npm run simulate -- --hours N --seed S [--peers P] [--trace]`: simulated cluster-hours, from seed S upwards; with `--backups N`
 * runs in which peers are backed up and restored; with `--planted` bugs in the production code that checkers must find.
 */
import { execFileSync } from "node:child_process";
import { addCounters, createCounters, shortfallsOfRun } from "./counters.ts";
import type { Counters } from "./counters.ts";
import { readOptions, USAGE } from "./options.ts";
import type { Options } from "./options.ts";
import { huntPlanted } from "./planted/hunt.ts";
import { runHours } from "./run-hours.ts";
import type { HourOutcome } from "./run-hours.ts";
import { simulateBackups } from "./simulate-backups.ts";
import { simulateHour } from "./simulate-hour.ts";

process.exitCode = await main();

async function main(): Promise<number> {
  const options = readOptions();
  if (options === undefined) {
    console.error(USAGE);
    return 2;
  }
  const { hours, seed, peers, backups, severe, workers, only, planted, trace } = options;
  if (planted) return (await huntPlanted({ seed, only, workers })) ? 0 : 1;
  if (trace) return runTraced(options);
  const startedAt = performance.now();
  let done = 0;
  const outcomes = await runHours({
    hours,
    seed,
    peers,
    backups,
    severe,
    workers,
    onHour: (outcome) => showProgress(++done, hours, outcome),
  });
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
  const failed = outcomes.filter(({ failure }) => failure !== undefined);
  const total = createCounters();
  for (const { report } of outcomes) if (report !== undefined) addCounters(total, report.counters);
  printCounters(total);
  const seconds = (performance.now() - startedAt) / 1_000;
  const what = backups === undefined ? "cluster-hours" : `runs with ${backups} backups each`;
  console.log(`${hours - failed.length} of ${hours} ${what} kept every promise, in ${seconds.toFixed(1)} s`);
  for (const { seed: broken, failure } of failed) {
    console.log(`\nseed ${broken} at commit ${commit()}: ${failure}\n  replay: ${replay(broken, options)}`);
  }
  const short = backups === undefined ? shortfallsOfRun(total, hours) : [];
  if (short.length > 0) console.log(`\nthe hours were too kind: ${short.join("; ")}`);
  return failed.length === 0 && short.length === 0 ? 0 : 1;
}

function runTraced({ seed, peers, backups, severe }: Options): number {
  const print = (line: string): void => console.log(line);
  try {
    const { hash } =
      backups === undefined
        ? simulateHour({ seed, peers, severe, print })
        : simulateBackups({ seed, cycles: backups, print });
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

function printCounters(total: Counters): void {
  const rows = Object.entries(total);
  const width = Math.max(...rows.map(([name]) => name.length));
  for (const [name, count] of rows) console.log(`  ${name.padEnd(width)} ${String(count).padStart(9)}`);
}

function replay(seed: number, { peers, backups, severe }: Options): string {
  if (backups !== undefined) return `npm run simulate -- --backups ${backups} --seed ${seed} --trace`;
  return `npm run simulate -- --hours 1 --seed ${seed}${peers === undefined ? "" : ` --peers ${peers}`}${severe ? " --severe" : ""} --trace`;
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
