/** Simulated cluster-hours, as `npm run simulate` runs them, with its counts as a result. */
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { launch } from "./processes.ts";
import { type Progress, silent } from "./progress.ts";
import type { Check, Result } from "./results.ts";

const SIMULATOR = fileURLToPath(new URL("../../../packages/simulator/dist/main.js", import.meta.url));
/** Started one after the other, so that a long run shows how far it is; each warms its compilers up, and is judged by what luck brings (SIM23). */
const BLOCK_HOURS = 50;
const ERROR_CHARACTERS_MAX = 400;

export interface SimulationOptions {
  readonly hours: number;
  readonly seed: number;
  /** Of these, the part with more faults. */
  readonly severeHours: number;
  readonly progress?: Progress;
}

interface Tally {
  kept: number;
  seconds: number;
  /** Lines that say what went wrong, with its seed. */
  readonly failures: string[];
  readonly counters: Map<string, number>;
}

export async function runSimulation(options: SimulationOptions): Promise<Result> {
  const { hours, seed, severeHours, progress = silent } = options;
  const usual = await simulate(hours, seed, [], progress);
  const severe = await simulate(severeHours, seed, ["--severe"], progress);
  const names = [...new Set([...usual.counters.keys(), ...severe.counters.keys()])];
  return {
    workload: "simulation",
    summary: `${hours} simulated cluster-hours, seeds ${seed} to ${seed + hours - 1}, and ${severeHours} with more faults, of the production engine`,
    method: [
      "A simulated hour is a cluster of the production replica, relay and store on a simulated network, disk and clock, under random faults; a third of the hours, and all of those with more faults, also have broken frames, half-open connections, leaping clocks, storms of deletions and a hostile peer. Checkers look at all of it while it runs and when it has healed.",
      "The counts say how often each fault and each repair really happened, of all hours together; a seed that fails is printed with how to replay it.",
    ],
    options: { hours, seed, severeHours },
    tables: [
      {
        title: "What happened in them",
        head: ["", "hours", "hours with more faults"],
        rows: names.map((name) => [wordsOf(name), usual.counters.get(name) ?? 0, severe.counters.get(name) ?? 0]),
      },
      {
        title: "Pace",
        head: ["", "hours", "s", "hours in 90 s"],
        rows: [
          ["hours", hours, usual.seconds, (90 * hours) / usual.seconds],
          ["with more faults", severeHours, severe.seconds, (90 * severeHours) / severe.seconds],
        ],
      },
    ],
    checks: [checkOf("hours", hours, usual), checkOf("hours with more faults", severeHours, severe)],
  };
}

function checkOf(what: string, hours: number, { kept, failures }: Tally): Check {
  const [first = ""] = failures;
  return {
    name: `every one of ${hours} simulated ${what} keeps every promise`,
    good: kept === hours && failures.length === 0,
    found:
      failures.length === 0 ? `${kept} of ${hours}` : `${kept} of ${hours}; ${first.slice(0, ERROR_CHARACTERS_MAX)}`,
  };
}

async function simulate(hours: number, seed: number, words: readonly string[], progress: Progress): Promise<Tally> {
  const tally: Tally = { kept: 0, seconds: 0, failures: [], counters: new Map() };
  const startedMs = performance.now();
  for (let done = 0; done < hours; done += BLOCK_HOURS) {
    const block = Math.min(BLOCK_HOURS, hours - done);
    progress.at(done, hours, `${done} of ${hours} ${words.length === 0 ? "hours" : "hours with more faults"}`);
    await runBlock(tally, ["--hours", String(block), "--seed", String(seed + done), ...words]);
  }
  tally.seconds = (performance.now() - startedMs) / 1_000;
  return tally;
}

async function runBlock(tally: Tally, words: readonly string[]): Promise<void> {
  const child = launch(process.execPath, [SIMULATOR, ...words], {});
  const errors = text(child.stderr!);
  const before = tally.kept + tally.failures.length;
  for await (const line of createInterface({ input: child.stdout! })) takeLine(tally, line);
  if (tally.kept + tally.failures.length > before) return;
  tally.failures.push(
    `simulate ${words.join(" ")} ended without a result: ${(await errors).trim().split("\n").at(-1)}`,
  );
}

/** `linkFrames` as a table says it. */
function wordsOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** Reads a line that the simulator prints. */
export function takeLine(tally: Tally, line: string): void {
  const counter = /^ {2}(\S.*?) +(\d+)$/.exec(line);
  const kept = /^(\d+) of \d+ cluster-hours kept every promise/.exec(line);
  if (counter !== null) {
    const [, name = "", count] = counter;
    tally.counters.set(name, (tally.counters.get(name) ?? 0) + Number(count));
  } else if (kept !== null) tally.kept += Number(kept[1]);
  else if (/^seed \d+ at commit|^the hours were too kind/.test(line)) tally.failures.push(line);
}
