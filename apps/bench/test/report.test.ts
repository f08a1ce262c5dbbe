/** The docs' table is what was measured, and says with what. */
import { existsSync } from "node:fs";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { describeMachine } from "../src/machine.ts";
import { JUDGED, judgedRows, meshResult } from "../src/judged.ts";
import { figuresOf } from "../src/plots/figures.ts";
import { RESULTS, type ReportPlaces, writeReport } from "../src/report.ts";
import { type SavedResult, isGood } from "../src/results.ts";
import { type Scratch, makeScratch } from "../src/scratch.ts";

const result: SavedResult = {
  workload: "fanout",
  summary: "one writer",
  options: {},
  tables: [
    {
      title: "Medians",
      head: ["server", "p50 ms"],
      rows: [
        ["a|b", 1.234],
        ["c", undefined],
      ],
    },
  ],
  checks: [{ name: "fast", good: false, found: "9 ms" }],
  machine: { ...describeMachine(), cpu: "A processor", commit: "abc123" },
};

function placesIn(scratch: Scratch): ReportPlaces {
  return {
    results: scratch.inside("results"),
    report: scratch.inside("BENCHMARKS.md"),
    images: scratch.inside("images"),
  };
}

test("a report shows every table and check, the machine, the versions and the commit", async () => {
  await using scratch = await makeScratch("report");
  await mkdir(scratch.inside("results"));
  await writeFile(scratch.inside("results/fanout.json"), JSON.stringify(result));
  const text = await readFile(await writeReport(placesIn(scratch)), "utf8");
  expect(text).toContain("| a\\|b | 1.23 |\n| c | – |");
  expect(text).toContain("| fast | **no** | 9 ms |");
  for (const word of ["A processor", "commit abc123", `node ${process.version}`, "yjs 13."])
    expect(text).toContain(word);
});

const storm: SavedResult = {
  ...result,
  workload: "storm",
  summary: "3 peers; run it again with --seed 1",
  options: { minutes: 1 },
  checks: [{ name: "nothing is missing", good: true, found: "0 missing" }],
  series: [
    {
      name: "memory of peer 0",
      x: "seconds",
      y: "MiB resident",
      points: [
        [0, 100],
        [60, 101],
        [70, 900],
      ],
    },
    {
      name: "dials of all peers",
      x: "seconds",
      y: "dials per second",
      points: [
        [0, 3],
        [59, 1],
      ],
    },
  ],
  spans: [{ lane: "outage", fromSeconds: 10, toSeconds: 14 }],
};

test("the docs' report and figures are those that follow from the committed results, none of which is of a small size", async () => {
  const docs = fileURLToPath(new URL("../../../docs/", import.meta.url));
  const names = existsSync(RESULTS) ? (await readdir(RESULTS)).filter((name) => name.endsWith(".json")) : [];
  expect(existsSync(join(docs, "BENCHMARKS.md"))).toBe(names.length > 0);
  if (names.length === 0) return;
  for (const name of names) {
    const saved = JSON.parse(await readFile(join(RESULTS, name), "utf8")) as SavedResult;
    expect([name, saved.small ?? false]).toEqual([name, false]);
  }
  await using scratch = await makeScratch("report");
  const images = scratch.inside("images/benchmarks");
  await writeReport({ report: scratch.inside("BENCHMARKS.md"), images });
  for (const path of [
    "BENCHMARKS.md",
    ...(existsSync(images) ? await readdir(images) : []).map((name) => `images/benchmarks/${name}`),
  ]) {
    expect(await readFile(join(docs, path), "utf8"), path).toBe(await readFile(scratch.inside(path), "utf8"));
  }
});

test("promises of a mesh stand in one table, and what was not measured is said to be so", () => {
  expect(judgedRows([storm])).toContainEqual([
    "faults and kill -9, real processes",
    "nothing is missing",
    "yes",
    "0 missing",
  ]);
  expect(judgedRows([result]).map(([, promise, kept]) => [promise, kept])).toEqual(
    JUDGED.map(({ workload }) => [`see \`npm run bench -- ${workload}\``, "not measured"]),
  );
  const mesh = meshResult([{ ...storm, checks: result.checks }], true);
  expect(isGood(mesh)).toBe(false);
  expect(mesh.summary).toContain("judges nothing");
});

test("a run of a small size says of each promise that it was of a small size", () => {
  expect(judgedRows([{ ...storm, small: true }]).map(([, , kept]) => kept)).toContain("yes, at a small size");
});

test("a result with series has its figure beside the report, and one without has none", async () => {
  await using scratch = await makeScratch("report");
  await mkdir(scratch.inside("results"));
  await writeFile(scratch.inside("results/storm.json"), JSON.stringify(storm));
  const text = await readFile(await writeReport(placesIn(scratch)), "utf8");
  expect(text).toContain("](images/storm.svg)");
  const svg = await readFile(scratch.inside("images/storm.svg"), "utf8");
  for (const words of ["outage", "peer 0", "dials of all peers", "MiB resident"])
    expect(svg).toContain(`>${words}</text>`);
  expect(figuresOf({ ...storm, series: [] })).toEqual([]);
  expect(figuresOf(result)).toEqual([]);
});

test("live push is drawn against the best there can be", () => {
  const series = [
    {
      name: "no loss",
      x: "peers",
      y: "sends per update, times the optimum",
      points: [
        [10, 1],
        [1_000, 1.02],
      ],
    },
    {
      name: "10 peers, no loss",
      x: "ms",
      y: "share of deliveries",
      points: [
        [0, 0],
        [90, 1],
      ],
    },
    {
      name: "1000 peers, no loss",
      x: "ms",
      y: "share of deliveries",
      points: [
        [0, 0],
        [300, 1],
      ],
    },
  ] as const;
  const [[name, figure] = []] = figuresOf({ ...result, workload: "gossip", series });
  expect([name, figure?.panels.map(({ title }) => title)]).toEqual([
    "gossip",
    ["Cost of an update", "Time to arrive, 1000 peers"],
  ]);
  expect(figuresOf({ ...result, workload: "gossip" })).toEqual([]);
});

test("dials are drawn while there is no network, and after", () => {
  const series = ["no network for 60 s", "after 60 s without"].map((name) => ({
    name,
    x: "seconds",
    y: "dials per second",
    points: [[0, 900] as const, [30, 70] as const],
  }));
  const [[, figure] = []] = figuresOf({ ...result, workload: "membership", series });
  expect(figure?.panels.map(({ title }) => title)).toEqual([
    "While there is no network: the first two minutes",
    "When it is back",
  ]);
  expect(figuresOf({ ...result, workload: "membership", series: series.slice(1) })).toEqual([]);
});

test("without results there is no report", async () => {
  await using scratch = await makeScratch("report");
  await expect(writeReport({ ...placesIn(scratch), results: scratch.path })).rejects.toThrow("There are no results");
});

test("what belongs to the mesh comes first, in the order of its table, and nothing else is lost", async () => {
  await using scratch = await makeScratch("report");
  await mkdir(scratch.inside("results"));
  for (const workload of ["fanout", "size", "gossip", "chaos", "mesh"]) {
    const one = { ...result, workload, summary: `about ${workload}` };
    await writeFile(scratch.inside(`results/${workload}.json`), JSON.stringify(one));
  }
  const text = await readFile(await writeReport(placesIn(scratch)), "utf8");
  const headings = [...text.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
  expect(headings).toEqual(["What is promised of a mesh", "Workloads", "gossip", "size", "chaos", "fanout"]);
  expect(text).toContain("| [gossip](#gossip) | abc123 |");
  expect(text).toContain("- [chaos](#chaos): about chaos");
});

test("a peer is drawn by the number of its documents, against what is promised", () => {
  const points = [
    [1, 110],
    [1_000_000, 240],
  ] as const;
  const series = [
    { name: "memory", x: "documents", y: "MB resident", points },
    { name: "start", x: "documents", y: "ms", points },
  ];
  const [[name, figure] = []] = figuresOf({ ...result, workload: "growth", series });
  expect([name, figure?.panels.map(({ title }) => title)]).toEqual(["growth", ["Resident memory", "Time to start"]]);
  expect(figuresOf({ ...result, workload: "growth", series: [] })).toEqual([]);
});
