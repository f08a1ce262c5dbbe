/** A run in pieces: what failed or is missing is said, and is what the next piece runs. */
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import type { JudgedWorkload } from "../src/judged.ts";
import { type Result, isGood } from "../src/results.ts";
import { runMesh } from "../src/run-mesh.ts";
import { makeScratch } from "../src/scratch.ts";

const good: Result = {
  workload: "size",
  summary: "documents",
  method: ["They are counted."],
  options: {},
  tables: [],
  checks: [{ name: "equal", good: true, found: "by root" }],
};

/** Two workloads, of which the second fails as long as it is told to; and what was run. */
function workloads() {
  const ran: string[] = [];
  const state = { fails: true };
  const one = (workload: string, run: () => Result): JudgedWorkload => ({
    workload,
    point: `the point of ${workload}`,
    run: () => {
      ran.push(workload);
      return Promise.resolve().then(() => ({ ...run(), workload }));
    },
  });
  const failing = () => {
    if (state.fails) throw new Error("no room on the disk\nmore");
    return good;
  };
  return { ran, state, all: [one("size", () => good), one("storm", failing)] };
}

test("a workload that fails is in the report as that, ends the run badly, and is run again with --missing", async () => {
  await using scratch = await makeScratch("mesh");
  const { ran, state, all } = workloads();
  const first = await runMesh({ results: scratch.path }, all);
  expect(isGood(first.result)).toBe(false);
  expect(first.result.checks).toContainEqual({
    name: "storm: runs to its end",
    good: false,
    found: "no room on the disk",
  });
  const told = await readFile(first.report!, "utf8");
  expect(told).toContain("| runs to its end | **no** | no room on the disk |");
  expect(told).toContain("**not measured**");
  expect(told).toContain("How it is measured: They are counted.");
  state.fails = false;
  const second = await runMesh({ results: scratch.path, missing: true }, all);
  expect(ran).toEqual(["size", "storm", "storm"]);
  expect(isGood(second.result)).toBe(true);
  expect(second.result.checks.map(({ name }) => name)).toEqual(["size: equal", "storm: equal"]);
  expect(await readFile(second.report!, "utf8")).not.toContain("runs to its end");
});

test("a failure takes the place of what an earlier run found", async () => {
  await using scratch = await makeScratch("mesh");
  const { state, all } = workloads();
  state.fails = false;
  await runMesh({ results: scratch.path }, all);
  state.fails = true;
  const { report } = await runMesh({ results: scratch.path, only: ["storm"] }, all);
  expect(await readFile(report!, "utf8")).toContain("| runs to its end | **no** |");
});

test("a result of a small size is told as that, and is missing from a full run", async () => {
  await using scratch = await makeScratch("mesh");
  const { ran, state, all } = workloads();
  state.fails = false;
  const { report } = await runMesh({ results: scratch.path, small: true, only: ["size"] }, all);
  const told = await readFile(report!, "utf8");
  expect(told).toContain("| equal | **yes, at a small size** | by root |");
  expect(told).toContain("judges nothing");
  await runMesh({ results: scratch.path, missing: true, only: ["size"] }, all);
  await runMesh({ results: scratch.path, missing: true, only: ["size"] }, all);
  expect(ran).toEqual(["size", "size"]);
});

test("a workload that is none of the mesh is refused", async () => {
  await using scratch = await makeScratch("mesh");
  const { ran, all } = workloads();
  await expect(runMesh({ results: scratch.path, only: ["fanout"] }, all)).rejects.toThrow("no workload fanout");
  expect(ran).toEqual([]);
});
