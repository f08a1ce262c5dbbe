/** The workloads against a stand-in that keeps its word, and one that does not: a check that cannot fail proves nothing. */
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { chaosResult, runChaos } from "../src/chaos.ts";
import { runFolders } from "../src/folders.ts";
import { endAllProcesses } from "../src/processes.ts";
import { runTrace } from "../src/trace.ts";

const path = fileURLToPath(new URL("./stand-in/peer.ts", import.meta.url));
const honest = { path };
const forgetful = { path, env: { FORGETFUL: "1" } };

afterAll(endAllProcesses);

test("chaos finds nothing missing where updates are stored before they are shown", { timeout: 60_000 }, async () => {
  const options = { kills: 10, program: honest };
  const report = await runChaos(options);
  expect(chaosResult(report, options).checks.filter((check) => !check.good)).toEqual([]);
});

test("chaos finds what is missing where updates are shown before they are stored", { timeout: 60_000 }, async () => {
  const report = await runChaos({ kills: 10, program: forgetful });
  expect(report.missing.length).toBeGreaterThan(0);
});

test("a trace that ends otherwise than recorded is found out", { timeout: 60_000 }, async () => {
  const trace = {
    agents: 2,
    transactions: [
      { parents: [], agent: 0, patches: [[0, 0, "ab"]] as const },
      { parents: [], agent: 1, patches: [[0, 0, "cd"]] as const },
      { parents: [0, 1], agent: 0, patches: [[4, 0, "!"]] as const },
    ],
    endContent: "abcd!",
  };
  const good = await runTrace({ trace, program: honest, timeoutMs: 20_000 });
  expect(good.checks.filter((check) => !check.good)).toEqual([]);
  const bad = await runTrace({ trace: { ...trace, endContent: "cdab!" }, program: honest, timeoutMs: 20_000 });
  expect(bad.checks.filter((check) => !check.good).map((check) => check.name)).toEqual([
    "the text is the recorded end",
  ]);
});

test("folders: a copy beside the first and a folder put back converge", { timeout: 60_000 }, async () => {
  const result = await runFolders({ program: honest });
  expect(result.checks.filter((check) => !check.good)).toEqual([]);
});
