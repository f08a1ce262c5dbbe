/**
 * `npm test`: installs, builds, runs every check the project is held to, then the tests, and ends with a table.
 *
 * It starts on whatever Node the machine has (20 is enough) and therefore uses no dependency and no newer syntax; every
 * step then runs on the project's own Node, which the install brings. `--checks-only` leaves the tests out.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";

const root = fileURLToPath(new URL("..", import.meta.url));
const results = join(root, "test-results");
const binaries = join(root, "node_modules", ".bin");
const env = {
  ...process.env,
  PATH: [binaries, process.env.PATH].join(delimiter),
  // Processes and threads that tests start would each compile the same sources anew: a third of the processor time.
  NODE_COMPILE_CACHE: join(results, "compile-cache"),
  ...(colour() ? { FORCE_COLOR: "1" } : { NO_COLOR: "1" }),
};
/** Of a failed step's output, the lines that are shown; all of them are kept in test-results. */
const shownLinesMax = 300;
const stepLimitMs = 15 * 60_000;

const install = { name: "install", command: "npm", args: ["run", "--silent", "setup"] };
const build = { name: "build", command: "npm", args: ["run", "--silent", "build"] };
const checks = [
  { name: "types of tests", command: "tsc", args: ["-p", "tsconfig.test.json"] },
  { name: "format", command: "oxfmt", args: ["--check"] },
  { name: "lint", command: "npm", args: ["run", "--silent", "lint"] },
  { name: "unused code", command: "knip", args: [] },
  { name: "house rules", command: "node", args: ["scripts/tidy.ts"] },
  { name: "packages", command: "node", args: ["scripts/packages.ts"] },
];
const testsReport = join(results, "vitest.json");
const tests = {
  name: "tests",
  command: "vitest",
  args: ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${testsReport}`],
  streams: true,
  judge: judgeTests,
};

process.exitCode = await main(process.argv.slice(2));

async function main(args) {
  const unknown = args.find((arg) => arg !== "--checks-only");
  if (unknown !== undefined) {
    console.error(`unknown argument ${unknown}; usage: npm test [-- --checks-only]`);
    return 2;
  }
  rmSync(results, { recursive: true, force: true });
  mkdirSync(results, { recursive: true });
  const startedAt = performance.now();
  const done = [await run(install)];
  // Without an install nothing else can say anything true; after it, every step runs, so that one run tells all.
  if (done[0].ok) {
    done.push(await run(build));
    for (const check of checks) done.push(await run(check));
    if (!args.includes("--checks-only")) done.push(await run(tests));
  }
  const failed = done.filter((step) => !step.ok);
  report(done, performance.now() - startedAt);
  writeFileSync(join(results, "steps.json"), `${JSON.stringify(done, undefined, 2)}\n`);
  return failed.length === 0 ? 0 : 1;
}

/** Runs one step. Its output streams through, or is kept and shown only when the step fails. */
async function run(step) {
  const startedAt = performance.now();
  const elapsedMs = () => performance.now() - startedAt;
  const stop = announce(step, elapsedMs);
  const { code, output } = await execute(step);
  let verdict = { ok: code === 0, note: code === 0 ? "" : `exit ${code}` };
  if (step.judge !== undefined) verdict = step.judge(verdict);
  stop();
  console.log(`${mark(verdict.ok)} ${step.name} ${paint(2, `${seconds(elapsedMs())} ${verdict.note}`)}`);
  if (!verdict.ok && !step.streams) show(step, output);
  return { name: step.name, ok: verdict.ok, note: verdict.note, ms: Math.round(elapsedMs()) };
}

function show(step, output) {
  const path = join("test-results", `${step.name.replaceAll(" ", "-")}.log`);
  writeFileSync(join(root, path), output);
  // Some tools paint whenever CI is set, whatever NO_COLOR says.
  const plain = colour() ? output : stripVTControlCharacters(output);
  const lines = plain.trimEnd().split("\n");
  if (lines.length > shownLinesMax) console.log(`    … ${lines.length - shownLinesMax} lines before these: ${path}`);
  console.log(
    lines
      .slice(-shownLinesMax)
      .map((line) => `    ${line}`)
      .join("\n"),
  );
}

function execute(step) {
  return new Promise((resolve) => {
    const stdio = ["ignore", step.streams ? "inherit" : "pipe", step.streams ? "inherit" : "pipe"];
    const child = spawn(step.command, step.args, { cwd: root, env, stdio, detached: true });
    const chunks = [];
    // A step has its own process group, so that nothing it started outlives it, whether it hangs or we are stopped.
    const end = () => killGroup(child.pid);
    const onSignal = () => {
      end();
      process.exit(130);
    };
    const limit = setTimeout(() => {
      chunks.push(Buffer.from(`\nstopped: over the limit of ${stepLimitMs / 60_000} minutes\n`));
      end();
    }, stepLimitMs);
    process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
    child.stdout?.on("data", (chunk) => chunks.push(chunk));
    child.stderr?.on("data", (chunk) => chunks.push(chunk));
    const finish = (code, text) => {
      clearTimeout(limit);
      process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
      resolve({ code, output: text });
    };
    child.once("error", (error) => finish(127, `${step.command}: ${error.message}`));
    child.once("close", (code, signal) => finish(code ?? signal, Buffer.concat(chunks).toString()));
  });
}

function killGroup(pid) {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // The group is gone already, which is what was wanted.
  }
}

/** Reads the verdict out of the runner's report: no test at all, and with CI set a skipped test, are failures too. */
function judgeTests(verdict) {
  if (!existsSync(testsReport)) return { ok: false, note: "the runner wrote no report" };
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, numTotalTests } = JSON.parse(
    readFileSync(testsReport, "utf8"),
  );
  const left = numPendingTests + numTodoTests;
  const note = `${numPassedTests} passed, ${numFailedTests} failed${left > 0 ? `, ${left} skipped` : ""}`;
  const skipped = left > 0 && Boolean(process.env.CI);
  return { ok: verdict.ok && numTotalTests > 0 && !skipped, note: verdict.note ? `${note}; ${verdict.note}` : note };
}

function report(done, totalMs) {
  const width = Math.max(...done.map((step) => step.name.length));
  console.log("");
  for (const step of done) {
    console.log(`  ${mark(step.ok)} ${step.name.padEnd(width)}  ${seconds(step.ms).padStart(7)}  ${step.note}`);
  }
  console.log(`    ${"total".padEnd(width)}  ${seconds(totalMs).padStart(7)}`);
  const failed = done.filter((step) => !step.ok).map((step) => step.name);
  console.log(failed.length === 0 ? paint(32, "\nEverything holds.") : paint(31, `\nFailed: ${failed.join(", ")}.`));
}

/** Says that a step runs: a line that counts seconds on a terminal, a plain line elsewhere. */
function announce(step, elapsedMs) {
  if (step.streams || !process.stdout.isTTY) {
    console.log(`… ${step.name}`);
    return () => {};
  }
  const show = () => process.stdout.write(`\r… ${step.name} ${paint(2, seconds(elapsedMs()))}`);
  show();
  const ticker = setInterval(show, 200);
  return () => {
    clearInterval(ticker);
    process.stdout.write("\r\x1b[K");
  };
}

function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`;
}

function mark(ok) {
  return ok ? paint(32, "✓") : paint(31, "✗");
}

function paint(code, text) {
  return colour() ? `\x1b[${code}m${text}\x1b[0m` : text;
}

function colour() {
  return Boolean(process.stdout.isTTY) && !process.env.NO_COLOR;
}
