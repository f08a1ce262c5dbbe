/** Writes docs/BENCHMARKS.md and its figures from the committed results: no figure in the docs is typed or drawn by hand. */
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { JUDGED, JUDGED_HEAD, judgedRows } from "./judged.ts";
import { formatMachine } from "./machine.ts";
import { drawFigure } from "./plots/figure.ts";
import { figuresOf } from "./plots/figures.ts";
import type { SavedResult } from "./results.ts";
import { type Cell, formatMarkdown } from "./table.ts";

/** Where committed results are. */
export const RESULTS = fileURLToPath(new URL("../results/", import.meta.url));
const REPORT = fileURLToPath(new URL("../../../docs/BENCHMARKS.md", import.meta.url));
const IMAGES = fileURLToPath(new URL("../../../docs/images/benchmarks/", import.meta.url));

/** All promises of a mesh in one result: its table is made anew from their own. */
const COMPOSED = "mesh.json";

const HEAD = [
  "# Benchmarks",
  "",
  "Written by `npm run bench -- report` from `apps/bench/results/`; do not edit by hand. Each section names the machine, the",
  "versions and the commit it was measured with.",
].join("\n");

export interface ReportPlaces {
  readonly results?: string;
  readonly report?: string;
  readonly images?: string;
}

/** A folder that holds results, and takes the report and its figures; undefined = those of the repository. */
export function placesIn(results: string | undefined): ReportPlaces {
  if (results === undefined) return {};
  return { results, report: join(results, "BENCHMARKS.md"), images: join(results, "images") };
}

/** Returns the path that was written. Errors: no results. */
export async function writeReport(places: ReportPlaces = {}): Promise<string> {
  const { results = RESULTS, report = REPORT, images = IMAGES } = places;
  const names = (await readdir(results)).filter((name) => name.endsWith(".json") && name !== COMPOSED).sort();
  if (names.length === 0) throw new Error(`There are no results in ${results}; run a workload with --json first.`);
  const saved = await Promise.all(
    names.map(async (name) => JSON.parse(await readFile(join(results, name), "utf8")) as SavedResult),
  );
  const sections = [HEAD, describeMesh(saved)];
  const ordered = [...saved].sort((a, b) => placeOf(a) - placeOf(b));
  sections.push(contentsOf(ordered));
  for (const result of ordered) sections.push(describe(result, await drawFigures(result, images, dirname(report))));
  await writeFile(report, `${sections.join("\n\n")}\n`);
  return report;
}

/** The promises of a mesh in one table, before the sections that say how each was measured. */
function describeMesh(results: readonly SavedResult[]): string {
  const measured = JUDGED.flatMap(({ workload }) => {
    const machine = results.find((result) => result.workload === workload)?.machine;
    if (machine === undefined) return [];
    return [
      [`[${workload}](#${workload})`, machine.commit, machine.measuredAt.slice(0, 10), machine.cpu, machine.node],
    ];
  });
  const rows = judgedRows(results);
  const kept = rows.filter(([, , word]) => word === "yes").length;
  return [
    "## What is promised of a mesh",
    `${kept} of ${rows.length} are kept, by the runs below. Run it again: \`npm run bench -- mesh\`, or \`-- mesh --missing\` for what is not there yet.`,
    formatMarkdown(JUDGED_HEAD, rows.map(emphasized)),
    ...(measured.length === 0 ? [] : [formatMarkdown(["workload", "commit", "on", "processor", "node"], measured)]),
  ].join("\n\n");
}

/** A row whose third word is not a plain yes stands out. */
function emphasized([point, promise, kept, found]: readonly Cell[]): Cell[] {
  return [point, promise, kept === "yes" ? kept : `**${kept}**`, found];
}

/** What belongs to the mesh first and in its order, then the others by name. */
function placeOf({ workload }: SavedResult): number {
  const place = JUDGED.findIndex((judged) => judged.workload === workload);
  return place === -1 ? JUDGED.length : place;
}

function contentsOf(results: readonly SavedResult[]): string {
  const lines = results.map(({ workload, summary }) => `- [${workload}](#${workload}): ${summary}`);
  return ["## Workloads", lines.join("\n")].join("\n\n");
}

/** Writes the figures of a result, and returns the lines that show them. */
async function drawFigures(result: SavedResult, images: string, from: string): Promise<string[]> {
  const lines: string[] = [];
  for (const [name, figure] of figuresOf(result)) {
    await mkdir(images, { recursive: true });
    const path = join(images, `${name}.svg`);
    await writeFile(path, drawFigure(figure));
    lines.push(`![${figure.title}. ${figure.description}](${relative(from, path)})`);
  }
  return lines;
}

function sentence(words: string): string {
  return `${words.slice(0, 1).toUpperCase()}${words.slice(1)}.`;
}

function describe(result: SavedResult, figures: readonly string[]): string {
  const parts = [
    `## ${result.workload}`,
    `${sentence(result.summary)} Run it again: \`npm run bench -- ${result.workload}\`.`,
    ...(result.small === true
      ? ["**A run of a small size: it shows that everything works, and judges nothing.**"]
      : []),
    ...(result.method === undefined ? [] : [`How it is measured: ${result.method.join(" ")}`]),
    formatMachine(result.machine)
      .split("\n")
      .map((line) => `> ${line}`)
      .join("\\\n"),
    ...figures,
  ];
  for (const table of result.tables) parts.push(`**${table.title}**`, formatMarkdown(table.head, table.rows));
  const rows = result.checks.map((check) => [check.name, check.good ? "yes" : "**no**", check.found]);
  if (rows.length > 0) parts.push("**Promises**", formatMarkdown(["promise", "kept", "found"], rows));
  return parts.join("\n\n");
}
