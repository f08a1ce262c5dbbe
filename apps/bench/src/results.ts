/** What a workload found, in one shape for the terminal, for `--json`, and for the committed results behind the docs. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { type Machine, formatMachine } from "./machine.ts";
import { type Cell, formatTable } from "./table.ts";

/** One statement that a run proves or refutes. */
export interface Check {
  readonly name: string;
  readonly good: boolean;
  /** What was found, for example `p50 1.12 ms, allowed 2.06 ms`. */
  readonly found: string;
}

interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/** Measured points behind a plot, in ascending order of x. */
export interface Series {
  readonly name: string;
  /** What is on the axes, with units: `peers`, `bytes per document`. */
  readonly x: string;
  readonly y: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** Something that lasted, for a plot along time. */
export interface Span {
  readonly lane: string;
  readonly fromSeconds: number;
  readonly toSeconds: number;
}

export interface Result {
  readonly workload: string;
  /** One sentence on what was run. */
  readonly summary: string;
  /** How each figure is made, in sentences; for the docs, not printed. */
  readonly method?: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
  readonly tables: readonly Table[];
  readonly checks: readonly Check[];
  /** For plots; not printed. */
  readonly series?: readonly Series[];
  readonly spans?: readonly Span[];
  /** Of a size that shows only that everything runs. */
  readonly small?: boolean;
  /** It did not come to its end. */
  readonly failed?: boolean;
}

export interface SavedResult extends Result {
  readonly machine: Machine;
}

export function isGood(result: Result): boolean {
  return result.checks.every((check) => check.good);
}

/** Prints a result for people and, with a path, writes it for programs. `machine`: as it was when the run began. */
export async function publish(result: Result, machine: Machine, jsonPath?: string): Promise<void> {
  const saved: SavedResult = { ...result, machine };
  const lines = [`${result.workload}: ${result.summary}`, formatMachine(saved.machine), ""];
  for (const table of result.tables) lines.push(table.title, formatTable(table.head, table.rows), "");
  for (const check of result.checks) lines.push(`${check.good ? "ok  " : "FAIL"}  ${check.name}: ${check.found}`);
  process.stdout.write(`${lines.join("\n")}\n`);
  if (jsonPath === undefined) return;
  await mkdir(dirname(jsonPath), { recursive: true });
  await writeFile(jsonPath, `${JSON.stringify(saved, undefined, 2)}\n`);
}
