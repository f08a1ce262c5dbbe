/** Where a figure was measured: without this a figure says nothing. */
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { arch, cpus, platform, release, totalmem } from "node:os";
import { fileURLToPath } from "node:url";

export interface Machine {
  readonly measuredAt: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  readonly commit: string;
  readonly versions: Readonly<Record<string, string>>;
}

/** What earlier parts of a run have written is no change of what is measured. */
const WRITTEN_HERE = ["apps/bench/results", "docs"].map((path) => `:(top,exclude)${path}`);
const HERE = fileURLToPath(new URL(".", import.meta.url));

/** As it is now: called before a run, because nobody knows what is checked out when it ends. */
export function describeMachine(): Machine {
  const processors = cpus();
  return {
    measuredAt: new Date().toISOString(),
    cpu: processors[0]?.model.trim() ?? "unknown",
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    commit: describeCommit(),
    versions: Object.fromEntries(["yjs", "y-websocket", "ws"].map((name) => [name, versionOf(name)])),
  };
}

export function formatMachine(machine: Machine): string {
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`);
  return [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}`,
    `node ${machine.node}, ${versions.join(", ")}, commit ${machine.commit}, ${machine.measuredAt}`,
  ].join("\n");
}

function describeCommit(): string {
  const git = (...words: string[]) =>
    execFileSync("git", words, { cwd: HERE, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    const commit = git("rev-parse", "--short=12", "HEAD");
    const changes = git("status", "--porcelain", "--untracked-files=no", "--", ":(top)", ...WRITTEN_HERE);
    return changes === "" ? commit : `${commit} with local changes`;
  } catch {
    return "unknown";
  }
}

function versionOf(name: string): string {
  try {
    const entry = createRequire(import.meta.url).resolve(name);
    const folder = entry.slice(0, entry.lastIndexOf(`node_modules/${name}/`) + `node_modules/${name}/`.length);
    return (JSON.parse(readFileSync(`${folder}package.json`, "utf8")) as { version: string }).version;
  } catch {
    return "unknown";
  }
}
