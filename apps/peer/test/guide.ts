/**
 * Runs the guides: every `sh` block of a page, in order, in one bash, as somebody would who follows it. The prose around the commands says
 * nothing to the runner, save for two things that a reader sees too:
 *
 * - `# exit code N` at the end of a command: it ends so, and not with 0.
 * - a `console` block behind an `sh` block: its lines are among what that block printed, in this order. A line of `…` stands for any
 *   lines, and `…` at the end of a line for the rest of it. What differs from run to run (ids, times, sizes, dates) is not compared.
 *
 * Ports of the page are replaced by free ones. What the page has started in the background is ended by its pid.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { COMMAND } from "./command.ts";

/** A page's commands, with what it shows of their output. */
interface Step {
  /** Of the opening fence, 1 is the first. */
  readonly line: number;
  readonly script: string;
  readonly shown: readonly string[];
}

interface Command {
  readonly text: string;
  readonly exitCode: number;
}

const PAGE_MS_MAX = 180_000;
const PORT = /(?<=127\.0\.0\.1:)4\d{3}\b/g;

function readSteps(markdown: string): Step[] {
  const steps: { line: number; script: string; shown: string[] }[] = [];
  for (const { 1: language, 2: body = "", index } of markdown.matchAll(/^```(\w*)\n([^]*?)^```$/gm)) {
    const line = markdown.slice(0, index).split("\n").length;
    if (language === "sh") steps.push({ line, script: body, shown: [] });
    if (language !== "console") continue;
    const step = steps.at(-1);
    if (step === undefined) throw new Error(`line ${line}: shows the output of nothing`);
    step.shown.push(...body.split("\n").filter((text) => text.trim() !== ""));
  }
  return steps;
}

/** Whole commands: a line that ends in `\` goes on, and so does one in quotes that are still open. */
function commandsOf(script: string): Command[] {
  const lines = script.replaceAll("\\\n", "").split("\n");
  return lines
    .filter((line) => line.trim() !== "")
    .map((text) => ({ text, exitCode: Number(/# exit code (\d+)$/.exec(text)?.[1] ?? 0) }));
}

/** What went wrong, one line each with where; empty when the page is right. */
export async function followGuide(markdown: string): Promise<string[]> {
  const steps = readSteps(markdown);
  if (steps.length === 0) return ["no commands"];
  const folder = mkdtempSync(join(tmpdir(), "yarrow-guide-"));
  try {
    const ports = await freePorts([...new Set(markdown.match(PORT))]);
    const ended = await runInBash(bashOf(steps, ports, folder), folder);
    return [...ended, ...steps.flatMap((step, index) => judge(step, readOutput(folder, index), ports))];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function bashOf(steps: readonly Step[], ports: ReadonlyMap<string, string>, folder: string): string {
  const blocks = steps.map(({ script, line }, index) => {
    const commands = commandsOf(script.replace(PORT, (port) => ports.get(port) ?? port));
    return [
      `exec > ${folder}/${index}.out 2>&1`,
      ...commands.flatMap(({ text, exitCode }) => [text, check(line, text, exitCode, folder)]),
    ];
  });
  return [...blocks.flat(), ""].join("\n");
}

/** The rest of a page makes no sense once a step has failed. */
function check(line: number, text: string, exitCode: number, folder: string): string {
  const what = `'line ${line}: ${text.replaceAll("'", "’")}'`;
  return `code=$?; [ $code = ${exitCode} ] || { echo ${what} "ended with $code, not ${exitCode}" > ${folder}/failure; exit; }`;
}

/** What failed; empty when everything ended as it should. */
async function runInBash(script: string, folder: string): Promise<string[]> {
  const place = join(folder, "page");
  const commands = join(folder, "bin");
  for (const made of [place, commands]) mkdirSync(made);
  symlinkSync(COMMAND, join(commands, "yarrow"));
  symlinkSync(process.execPath, join(commands, "node"));
  const endAll = `trap 'kill -9 $(jobs -p); wait' EXIT\n`;
  writeFileSync(join(folder, "script"), endAll + script);
  const variables = Object.entries(process.env).filter(
    ([name]) => !/^(YARROW_|NO_COLOR|FORCE_COLOR|BASH_ENV)/.test(name),
  );
  const child = spawn("bash", ["--noprofile", "--norc", join(folder, "script")], {
    cwd: place,
    env: { ...Object.fromEntries(variables), PATH: [commands, process.env["PATH"]].join(delimiter) },
    stdio: "ignore",
  });
  // SIGTERM runs the trap, so that nothing that was started outlives a page that hangs.
  const limit = setTimeout(() => child.kill("SIGTERM"), PAGE_MS_MAX);
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  clearTimeout(limit);
  const failure = readIfThere(join(folder, "failure"));
  if (failure !== undefined) return [failure.trim()];
  return code === 0 ? [] : [`the page ended with ${code ?? signal}`];
}

function readOutput(folder: string, index: number): string | undefined {
  return readIfThere(join(folder, `${index}.out`));
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

/** Looks for every shown line behind the one before it. */
function judge({ line, shown }: Step, output: string | undefined, ports: ReadonlyMap<string, string>): string[] {
  if (output === undefined) return [`line ${line}: was not reached`];
  let said = output;
  for (const [onPage, real] of ports) said = said.replaceAll(`127.0.0.1:${real}`, `127.0.0.1:${onPage}`);
  const lines = said.split("\n").map(steady);
  let from = 0;
  for (const wanted of shown) {
    if (wanted.trim() === "…") continue;
    const beginning = steady(wanted.replace(/…$/, ""));
    const isIt = (text: string): boolean => (wanted.endsWith("…") ? text.startsWith(beginning) : text === beginning);
    const at = lines.findIndex((text, index) => index >= from && isIt(text));
    if (at < 0) return [`line ${line}: "${wanted}" is not in what was printed:\n${said}`];
    from = at + 1;
  }
  return [];
}

/** Without what differs from run to run, and however wide the columns are. */
function steady(text: string): string {
  return text
    .replaceAll(/ed25519:[\w-]{43}/g, "ed25519:KEY")
    .replaceAll(/\b[0-9a-f]{12,64}\b/g, "ID")
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, "DATE")
    .replaceAll(/\b[\d.,]+ (?:ms|s|min|h|d)\b/g, "TIME")
    .replaceAll(/\b[\d.,]+ (?:B|[KMG]iB)\b/g, "SIZE")
    .replaceAll(/\s+/g, " ")
    .trim();
}

/** A free port for each port of the page; all are held until all are found, so that they differ. */
async function freePorts(wanted: readonly string[]): Promise<Map<string, string>> {
  const held: Server[] = [];
  const ports = new Map<string, string>();
  for (const port of wanted) {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    held.push(server);
    ports.set(port, String((server.address() as AddressInfo).port));
  }
  for (const server of held) {
    server.close();
    await once(server, "close");
  }
  return ports;
}
