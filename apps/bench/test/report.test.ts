/** The docs' table is what was measured, and says with what. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { describeMachine } from "../src/machine.ts";
import { writeReport } from "../src/report.ts";
import type { SavedResult } from "../src/results.ts";
import { makeScratch } from "../src/scratch.ts";

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

test("a report shows every table and check, the machine, the versions and the commit", async () => {
  await using scratch = await makeScratch("report");
  await mkdir(scratch.inside("results"));
  await writeFile(scratch.inside("results/fanout.json"), JSON.stringify(result));
  const text = await readFile(await writeReport(scratch.inside("results"), scratch.inside("BENCHMARKS.md")), "utf8");
  expect(text).toContain("| a\\|b | 1.23 |\n| c | – |");
  expect(text).toContain("| fast | **no** | 9 ms |");
  for (const word of ["A processor", "commit abc123", `node ${process.version}`, "yjs 13."])
    expect(text).toContain(word);
});

test("without results there is no report", async () => {
  await using scratch = await makeScratch("report");
  await expect(writeReport(scratch.path, scratch.inside("BENCHMARKS.md"))).rejects.toThrow("There are no results");
});
