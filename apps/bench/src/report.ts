/** Writes docs/BENCHMARKS.md from the committed results: no figure in the docs is typed by hand. */
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { formatMachine } from "./machine.ts";
import type { SavedResult } from "./results.ts";
import { formatMarkdown } from "./table.ts";

const RESULTS = fileURLToPath(new URL("../results/", import.meta.url));
const REPORT = fileURLToPath(new URL("../../../docs/BENCHMARKS.md", import.meta.url));

const HEAD = [
  "# Benchmarks",
  "",
  "Written by `npm run bench -- report` from `apps/bench/results/`; do not edit by hand. Each section names the machine, the",
  "versions and the commit it was measured with. Measure again with the command under the heading.",
].join("\n");

/** Returns the path that was written. Errors: no results. */
export async function writeReport(results = RESULTS, report = REPORT): Promise<string> {
  const names = (await readdir(results)).filter((name) => name.endsWith(".json")).sort();
  if (names.length === 0) throw new Error(`There are no results in ${results}; run a workload with --json first.`);
  const sections = [HEAD];
  for (const name of names)
    sections.push(describe(JSON.parse(await readFile(join(results, name), "utf8")) as SavedResult));
  await writeFile(report, `${sections.join("\n\n")}\n`);
  return report;
}

function describe(result: SavedResult): string {
  const parts = [
    `## ${result.workload}`,
    `${result.summary}.`,
    formatMachine(result.machine)
      .split("\n")
      .map((line) => `> ${line}`)
      .join("\\\n"),
  ];
  for (const table of result.tables) parts.push(`**${table.title}**`, formatMarkdown(table.head, table.rows));
  const rows = result.checks.map((check) => [check.name, check.good ? "yes" : "**no**", check.found]);
  parts.push("**Promises**", formatMarkdown(["promise", "kept", "found"], rows));
  return parts.join("\n\n");
}
