/**
 * Prints the closing line of a CI run, `N passed, N failed`, from the test runner's report. Runs on any Node from 20.
 * A test file that failed before its first test counts as one failure; a missing report counts as one failure.
 */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const path = process.argv[2] ?? fileURLToPath(new URL("../test-results/vitest.json", import.meta.url));
const { passed, failed } = existsSync(path) ? count(JSON.parse(readFileSync(path, "utf8"))) : { passed: 0, failed: 1 };
console.log(`${passed} passed, ${failed} failed`);

function count(report) {
  const brokenFiles = report.testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  );
  return { passed: report.numPassedTests, failed: report.numFailedTests + brokenFiles.length };
}
