/**
 * Real peers as child processes: started on a folder, killed without warning, restarted on the same folder and port, asked
 * through their command line and their admin address. Everything started here ends with this process, by its pid.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { threadId } from "node:worker_threads";
import { waitUntil } from "./waiting.ts";

const STDERR_KEPT_CHARS = 16_384;
const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 20_000;
/** Below the range from which Linux takes ports for outgoing connections: a port of ours stays free while its peer is down. */
const PORTS = { first: 20_000, each: 200, shares: 60 } as const;
/**
 * A process keeps to one share, and takes one after the other: a port that looks free to another process may be that of a peer
 * that was killed and is about to start again.
 */
const firstPort = PORTS.first + PORTS.each * ((process.pid + 31 * threadId) % PORTS.shares);
let portsTaken = 0;

const YARROW = fileURLToPath(new URL("../../peer/bin/yarrow.js", import.meta.url));
const YARROW_BUILT = fileURLToPath(new URL("../../peer/dist/", import.meta.url));

const live = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of live) child.kill("SIGKILL");
});

/** The line a peer prints when it is ready. */
export interface Listening {
  readonly url: string;
  readonly admin: string | undefined;
  readonly peerId: string;
  readonly clusterId: string | undefined;
}

export interface PeerOptions {
  readonly data: string;
  /** Port of the listener; the same one at every restart. */
  readonly port: number;
  /** Addresses of other peers. */
  readonly peers?: readonly string[];
  readonly cluster?: string;
  readonly discovery?: boolean;
  readonly role?: "writer" | "follower";
  readonly durability?: "full" | "normal";
  /** Other peers that must have an edit before it is acknowledged. */
  readonly copies?: number;
  /** Told of each line on its stdout. */
  readonly onLine?: (line: string) => void;
  /** Further words of `serve`. */
  readonly words?: readonly string[];
  /** Words before `node`, for example a tracer and its options. */
  readonly before?: readonly string[];
  readonly nodeOptions?: string;
  /** What is run in place of the daemon; for tests of the workloads themselves. */
  readonly program?: Program;
}

/** A script that takes the words of `yarrow`, and what it finds in its environment. */
export interface Program {
  readonly path: string;
  readonly env?: Readonly<Record<string, string>>;
  /** It runs a peer and nothing else; the other commands are those of the daemon. */
  readonly servesOnly?: boolean;
}

/** What a finished command said. */
export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The parts of `GET /status` that the workloads look at. */
export interface Status {
  readonly clusterId?: string;
  readonly root: string;
  readonly state: string;
  readonly documents: { readonly alive: number; readonly deleted: number; readonly pending: number };
  readonly links: readonly {
    readonly state: string;
    readonly equal: boolean;
    readonly catchUp?: { readonly documents: number; readonly total: number; readonly perSecond: number } | null;
  }[];
  readonly sessions: number;
  readonly merged: readonly {
    readonly peerId: string;
    readonly documents: number;
    readonly bytes: number;
    readonly sinceMs?: number;
  }[];
  readonly query: { readonly state: string };
  readonly store: { readonly bytes: number };
}

/** Fails with the command to run when the daemon has not been built. */
export function assertBuilt(): void {
  if (existsSync(YARROW) && existsSync(YARROW_BUILT)) return;
  throw new Error(`The daemon is not built: ${YARROW} or its dist folder is missing. Run "npm run build" first.`);
}

/** A port that is free now and is not handed out to outgoing connections. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = firstPort + (portsTaken++ % PORTS.each);
    const probe = createServer();
    const free = await new Promise<boolean>((resolve) => {
      probe.once("error", () => resolve(false));
      probe.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!free) continue;
    probe.close();
    await once(probe, "close");
    return port;
  }
}

/** Runs `yarrow` with the given words; never throws for an exit code. */
function runYarrow(words: readonly string[], program?: Program, timeoutMs = 60_000): Promise<Outcome> {
  if (program === undefined) assertBuilt();
  const child = launch(process.execPath, [program?.path ?? YARROW, ...words], { ...program?.env });
  return collect(child, timeoutMs);
}

/** True when a command of this release knows an option. */
export async function takesWord(command: string, option: string): Promise<boolean> {
  return (await runYarrow([command, "--help"])).stdout.includes(option);
}

/** Starts a child that ends with this process. */
export function launch(command: string, words: readonly string[], env: NodeJS.ProcessEnv, cwd?: string): ChildProcess {
  const child = spawn(command, [...words], {
    cwd,
    env: { ...cleanEnvironment(), NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  track(child);
  return child;
}

/** Ends `child` with this process, whatever happens. */
export function track(child: ChildProcess): void {
  live.add(child);
  child.once("exit", () => live.delete(child));
  child.once("error", () => live.delete(child));
}

/** Ends every process that is still running, and waits for their end. */
export async function endAllProcesses(): Promise<void> {
  await Promise.all([...live].map((child) => kill(child, "SIGKILL")));
}

/** Sends a signal and waits for the end of the process. */
export async function kill(child: ChildProcess, signal: "SIGKILL" | "SIGTERM"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, "exit");
  child.kill(signal);
  const last = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
  await ended;
  clearTimeout(last);
}

/** One peer: a folder and a port that outlive the process. */
export class PeerProcess implements AsyncDisposable {
  readonly options: PeerOptions;
  private child: ChildProcess | undefined;
  private listening: Listening | undefined;
  private stderr = "";

  private constructor(options: PeerOptions) {
    this.options = options;
  }

  /** Starts a peer and resolves when it listens. Rejects with its last words when it ends instead. */
  static async start(options: PeerOptions): Promise<PeerProcess> {
    const peer = new PeerProcess(options);
    await peer.restart();
    return peer;
  }

  /** `ws://host:port`. */
  get url(): string {
    return `ws://127.0.0.1:${this.options.port}`;
  }

  get pid(): number {
    const pid = this.child?.pid;
    if (pid === undefined) throw new Error("The peer was never started.");
    return pid;
  }

  get peerId(): string {
    return this.listening?.peerId ?? "";
  }

  get isReady(): boolean {
    return this.listening !== undefined && this.isRunning;
  }

  get isRunning(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** The last of what the peer wrote to stderr since it was started. */
  get lastWords(): string {
    return this.stderr;
  }

  /** Starts the process again on the same folder and port. */
  async restart(): Promise<void> {
    const { program, nodeOptions } = this.options;
    if (program === undefined) assertBuilt();
    if (this.isRunning) throw new Error("The peer is running already.");
    const [command, ...words] = [
      ...(this.options.before ?? []),
      process.execPath,
      program?.path ?? YARROW,
      ...serveWords(this.options),
    ];
    const environment = { ...program?.env, ...(nodeOptions === undefined ? {} : { NODE_OPTIONS: nodeOptions }) };
    const child = launch(command ?? process.execPath, words, environment);
    this.child = child;
    this.listening = undefined;
    this.stderr = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      if (this.child === child) this.stderr = (this.stderr + text).slice(-STDERR_KEPT_CHARS);
    });
    if (this.options.onLine !== undefined) readLines(child, this.options.onLine);
    const listening = await firstLine(child, () => this.stderr);
    if (this.child === child) this.listening = listening;
  }

  /** kill -9, and the end of the process. */
  async kill(): Promise<void> {
    this.listening = undefined;
    if (this.child !== undefined) await kill(this.child, "SIGKILL");
  }

  /** SIGTERM, and the end of the process. */
  async stop(): Promise<void> {
    this.listening = undefined;
    if (this.child !== undefined) await kill(this.child, "SIGTERM");
  }

  /** Fetches a path of the admin address. */
  async admin(path: string): Promise<string> {
    const base = this.listening?.admin;
    if (base === undefined) throw new Error("The peer is not ready, or has no admin address.");
    const answer = await fetch(new URL(path, base));
    if (!answer.ok) throw new Error(`GET ${path} of ${base} answered ${answer.status}.`);
    return answer.text();
  }

  /** Posts JSON to a path of the admin address. */
  async post(path: string, body: unknown): Promise<Response> {
    const base = this.listening?.admin;
    if (base === undefined) throw new Error("The peer is not ready, or has no admin address.");
    const headers = { "content-type": "application/json" };
    return fetch(new URL(path, base), { method: "POST", headers, body: JSON.stringify(body) });
  }

  async status(): Promise<Status> {
    return JSON.parse(await this.admin("/status")) as Status;
  }

  /** Runs a command of `yarrow` against this peer's folder. */
  run(...words: string[]): Promise<Outcome> {
    const { data, program } = this.options;
    return runYarrow([...words, "--data", data], program?.servesOnly === true ? undefined : program);
  }

  /** The same for a command that may take longer; a `--data` among the words is another folder. */
  runFor(timeoutMs: number, ...words: string[]): Promise<Outcome> {
    const data = words.includes("--data") ? [] : ["--data", this.options.data];
    return runYarrow([...words, ...data], this.options.program, timeoutMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/**
 * Resolves when all peers name the same root. Rejects at the deadline with what each said last. What is pending is no part of
 * a root, and may be pending for good: an edit whose predecessor died with its client.
 */
export async function rootsEqual(peers: readonly PeerProcess[], timeoutMs = 60_000): Promise<string> {
  let last: Status[] = [];
  const describe = () => JSON.stringify(last);
  await waitUntil(
    async () => {
      last = await Promise.all(peers.map((peer) => peer.status()));
      const [first] = last;
      return last.every((status) => status.root === first?.root);
    },
    { timeoutMs, describe: () => `equal roots of ${peers.length} peers; last seen ${describe()}` },
  );
  return last[0]?.root ?? "";
}

function serveWords(options: PeerOptions): string[] {
  const words = ["serve", "--data", options.data, "--listen", `127.0.0.1:${options.port}`, "--admin", "127.0.0.1:0"];
  for (const peer of options.peers ?? []) words.push("--peer", peer);
  if (options.role !== undefined) words.push("--role", options.role);
  if (options.discovery === false) words.push("--no-discovery");
  if (options.cluster !== undefined) words.push("--cluster", options.cluster);
  if (options.copies !== undefined) words.push("--copies", String(options.copies));
  if (options.durability !== undefined) words.push("--durability", options.durability);
  words.push(...(options.words ?? []));
  return words;
}

/** Settings of the caller's shell must not reach the peers that are measured. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("YARROW_") && name !== "NODE_OPTIONS");
  return Object.fromEntries(kept);
}

function firstLine(child: ChildProcess, stderr: () => string): Promise<Listening> {
  return new Promise((resolve, reject) => {
    let text = "";
    const fail = (why: string) => {
      clearTimeout(deadline);
      reject(new Error(`The peer ${why}. Its last words:\n${stderr() || text || "(none)"}`));
    };
    const deadline = setTimeout(() => {
      child.kill("SIGKILL");
      fail(`did not listen within ${START_TIMEOUT_MS} ms`);
    }, START_TIMEOUT_MS);
    child.once("error", (error) => fail(`could not be started: ${error.message}`));
    child.once("exit", (code, signal) => fail(`ended with ${signal ?? `exit code ${code}`} before it listened`));
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      const line = text.split("\n").find((candidate) => candidate.includes('"listening"'));
      if (line === undefined || !text.includes(`${line}\n`)) return;
      clearTimeout(deadline);
      resolve(JSON.parse(line) as Listening);
    });
  });
}

function readLines(child: ChildProcess, onLine: (line: string) => void): void {
  let rest = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  });
}

async function collect(child: ChildProcess, timeoutMs: number): Promise<Outcome> {
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const deadline = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  const [code] = (await once(child, "close")) as [number | null];
  clearTimeout(deadline);
  return { code, stdout, stderr };
}
