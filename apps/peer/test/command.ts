/**
 * The built command as a process: what the tests of this package talk to. Every process that was started is ended by its pid.
 */
import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { text } from "node:stream/consumers";

export const COMMAND = fileURLToPath(new URL("../bin/yarrow.js", import.meta.url));

if (!existsSync(fileURLToPath(new URL("../dist/main.js", import.meta.url)))) {
  throw new Error("these tests run the built command: run `tsc -b` first");
}

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The environment of a command: nothing of Yarrow's from outside, no colours. */
function environmentWith(variables: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !name.startsWith("YARROW_") && !/^(NO|FORCE)_COLOR$/.test(name),
  );
  return { ...Object.fromEntries(kept), ...variables };
}

/** Runs a command to its end. */
export async function run(
  words: readonly string[],
  variables: Readonly<Record<string, string>> = {},
  cwd?: string,
): Promise<Outcome> {
  const child = spawn(process.execPath, [COMMAND, ...words], {
    stdio: ["ignore", "pipe", "pipe"],
    env: environmentWith(variables),
    cwd,
  });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "exit") as Promise<[number | null]>,
  ]);
  return { code, stdout, stderr };
}

/** What a command that succeeds writes to stdout, untouched. */
export function runForBytes(words: readonly string[]): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [COMMAND, ...words],
      { encoding: "buffer", env: environmentWith({}) },
      (error, stdout) => {
        if (error === null) resolve(stdout);
        else reject(new Error(error.message));
      },
    );
  });
}

/** Folders and processes of one test file; `clean` in `afterAll`. */
export class Workbench {
  readonly folder = mkdtempSync(join(tmpdir(), "yarrow-cli-"));
  readonly #children = new Set<ChildProcess>();

  /** Starts a command that goes on, and waits for the first line of its stdout. */
  async start(words: readonly string[], variables: Readonly<Record<string, string>> = {}): Promise<Running> {
    const child = spawn(process.execPath, [COMMAND, ...words], {
      stdio: ["ignore", "pipe", "pipe"],
      env: environmentWith(variables),
    });
    this.#children.add(child);
    const running = new Running(child);
    await running.lines(1);
    return running;
  }

  async clean(): Promise<void> {
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export class Running {
  readonly child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #exited: Promise<number | null>;
  #wake = (): void => {};
  #stderr = "";

  constructor(child: ChildProcess) {
    this.child = child;
    this.#exited = new Promise((resolve) => child.once("close", (code) => resolve(code)));
    if (child.stdout !== null) {
      createInterface({ input: child.stdout }).on("line", (line) => {
        this.#lines.push(line);
        this.#wake();
      });
    }
    child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
      this.#stderr += chunk;
      this.#wake();
    });
    void this.#exited.then(() => this.#wake());
  }

  get stderr(): string {
    return this.#stderr;
  }

  get stdout(): readonly string[] {
    return this.#lines;
  }

  /** The first line of stdout as JSON. */
  get announced(): Record<string, string | null> {
    return JSON.parse(this.#lines[0] ?? "null") as Record<string, string | null>;
  }

  /** Waits until that many lines stand on stdout. */
  async lines(count: number): Promise<readonly string[]> {
    await this.until(() => this.#lines.length >= count);
    return this.#lines;
  }

  /** Waits until the output fulfils a condition; fails when the process ends before. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        if (condition()) return;
        throw new Error(
          `ended with ${this.child.exitCode ?? this.child.signalCode}\n${this.#lines.join("\n")}\n${this.#stderr}`,
        );
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Sends a signal and waits for the end; the exit code. */
  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    this.child.kill(signal);
    return this.#exited;
  }

  exited(): Promise<number | null> {
    return this.#exited;
  }
}

/** How soon the next question follows: a peer in the test's own process needs turns of the event loop to get anywhere. */
const ASK_AGAIN_MS = 20;

/** Asks again until the answer fulfils the condition. */
export async function eventually<T>(ask: () => Promise<T>, condition: (answer: T) => boolean): Promise<T> {
  for (const started = performance.now(); ;) {
    const answer = await ask();
    if (condition(answer)) return answer;
    if (performance.now() - started > 15_000) throw new Error(`never came true; last: ${JSON.stringify(answer)}`);
    await delay(ASK_AGAIN_MS);
  }
}
