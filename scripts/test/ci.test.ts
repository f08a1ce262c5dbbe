import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";

const PASSED = { status: "passed", assertionResults: [{ status: "passed" }, { status: "passed" }] };
const FAILED = { status: "failed", assertionResults: [{ status: "passed" }, { status: "failed" }] };
/** A file that threw before its first test: the runner counts it among no tests. */
const BROKEN = { status: "failed", assertionResults: [] };

const good = reportOf(2, 0, [PASSED]);

test.for([
  { name: "all passed", script: writing(good, 0), line: "2 passed, 0 failed", exit: 0 },
  { name: "a check failed, the tests did not", script: writing(good, 1), line: "2 passed, 0 failed", exit: 1 },
  { name: "a test failed", script: writing(reportOf(1, 1, [FAILED]), 1), line: "1 passed, 1 failed", exit: 1 },
  {
    name: "a test failed, and nobody noticed",
    script: writing(reportOf(1, 1, [FAILED]), 0),
    line: "1 passed, 1 failed",
    exit: 1,
  },
  {
    name: "a file could not be loaded",
    script: writing(reportOf(2, 0, [PASSED, BROKEN]), 0),
    line: "2 passed, 1 failed",
    exit: 1,
  },
  { name: "no test ran", script: writing(reportOf(0, 0, []), 0), line: "0 passed, 0 failed", exit: 1 },
  { name: "it died before the tests", script: "exit 3", line: "0 passed, 1 failed", exit: 3 },
  { name: "it lied about having run", script: "exit 0", line: "0 passed, 1 failed", exit: 1 },
  { name: "the report is cut short", script: writing(good.slice(0, 20), 0), line: "0 passed, 1 failed", exit: 1 },
])("the CI run ends with the count and an honest exit code: $name", ({ script, line, exit }) => {
  const { status, stdout } = runCi(script);
  expect(stdout.trimEnd().split("\n").at(-1)).toBe(line);
  expect(status).toBe(exit);
});

test("a report of an earlier run is not counted", () => {
  const { stdout } = runCi("exit 3", good);
  expect(stdout.trimEnd().split("\n").at(-1)).toBe("0 passed, 1 failed");
});

test("the tests of a CI run know that it is one", () => {
  expect(runCi('echo "CI is $CI"').stdout).toContain("CI is true\n");
});

/** Runs `.ci/run` in a folder of its own, where `npm test` is the given shell script. */
function runCi(script: string, staleReport?: string): { status: number | null; stdout: string } {
  const root = mkdtempSync(join(tmpdir(), "yarrow-ci-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const path of [".ci/run", "scripts/count.mjs"]) {
    cpSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), join(root, path));
  }
  writeFileSync(join(root, "package.json"), JSON.stringify({ scripts: { test: "sh ./pretend.sh" } }));
  writeFileSync(join(root, "pretend.sh"), script);
  if (staleReport !== undefined) {
    mkdirSync(join(root, "test-results"));
    writeFileSync(join(root, "test-results/vitest.json"), staleReport);
  }
  const { CI: _ci, ...env } = process.env;
  return spawnSync("bash", [join(root, ".ci/run")], { cwd: tmpdir(), env, encoding: "utf8" });
}

function writing(report: string, exit: number): string {
  return `mkdir -p test-results\ncat > test-results/vitest.json <<'END'\n${report}\nEND\nexit ${exit}\n`;
}

function reportOf(passed: number, failed: number, testResults: unknown[]): string {
  return JSON.stringify({ numPassedTests: passed, numFailedTests: failed, testResults });
}
