/**
 * One peer of the demo: a `yarrow serve` of its own, watched from its start to its end.
 *
 * Invariants
 * 1. `ended` resolves exactly once, however the process ends.
 * 2. A process that was started is either running, or its end was told.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { YarrowError } from "@yarrow/core/command";
import { commandName } from "./command-name.ts";

const COMMAND = fileURLToPath(new URL("../../bin/yarrow.js", import.meta.url));

/** A peer that does not end by itself within this time is killed. */
const STOP_TIMEOUT_MS = 5_000;

/** Lines of a peer's log kept to tell why it died. */
const LOG_LINES_MAX = 10;

export interface PeerProcessOptions {
  /** One letter. */
  readonly name: string;
  readonly data: string;
  readonly port: number;
  readonly adminPort: number;
  /** The peer it dials first; undefined for the first of the demo. */
  readonly peerUrl: string | undefined;
}

export interface PeerEnd {
  /** In words: `signal SIGKILL`, `exit code 1`. */
  readonly how: string;
  readonly expected: boolean;
}

export class PeerProcess {
  readonly name: string;
  readonly data: string;
  readonly url: string;
  readonly adminUrl: string;
  readonly ended: Promise<PeerEnd>;
  readonly #child: ChildProcess;
  readonly #command: readonly string[];
  readonly #logLines: string[] = [];
  #running = true;
  #stopping = false;

  constructor(options: PeerProcessOptions) {
    this.name = options.name;
    this.data = options.data;
    this.url = `ws://127.0.0.1:${options.port}`;
    this.adminUrl = `http://127.0.0.1:${options.adminPort}`;
    this.#command = serveArguments(options);
    // A process group of its own: Ctrl-C in the terminal must reach the demo alone, which then ends its peers in order.
    this.#child = spawn(process.execPath, [COMMAND, ...this.#command, "--end-with-parent"], {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      detached: true,
      env: ownEnvironment(),
    });
    this.#keepLog();
    this.ended = this.#watch();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get running(): boolean {
    return this.#running;
  }

  /** The command that starts this peer again, for people. */
  get command(): string {
    return [commandName(), ...this.#command].join(" ");
  }

  /** The last lines of its log. */
  get lastLog(): readonly string[] {
    return this.#logLines;
  }

  /** Resolves when it listens. Errors: YARROW_LISTEN_FAILED when it ended before. */
  async listening(): Promise<void> {
    const { stdout } = this.#child;
    if (stdout === null) return;
    const line = await Promise.race([once(stdout, "data"), this.ended]);
    if (Array.isArray(line)) return;
    const log = this.#logLines.map((text) => `\n    ${text}`).join("");
    throw new YarrowError("YARROW_LISTEN_FAILED", `peer ${this.name} did not start: ${line.how}${log}`);
  }

  /** Resolves when `GET /readyz` says so, false when the peer ended or the time was up. */
  async ready(signal: AbortSignal): Promise<boolean> {
    const address = `${this.url.replace("ws:", "http:")}/readyz`;
    while (this.#running && !signal.aborted) {
      const answer = await fetch(address, { signal }).catch(() => undefined);
      await answer?.body?.cancel();
      if (answer?.ok) return true;
      await pause(50, signal);
    }
    return false;
  }

  /** Asks it to end, and kills it when it does not. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (!this.#running) return;
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await this.ended;
    clearTimeout(timer);
  }

  /** Ends it without asking. */
  kill(): void {
    this.#stopping = true;
    if (this.#running) this.#child.kill("SIGKILL");
  }

  async #watch(): Promise<PeerEnd> {
    const how = await new Promise<string>((resolve) => {
      this.#child.once("exit", (code, signal) => resolve(signal === null ? `exit code ${code}` : `signal ${signal}`));
      this.#child.once("error", (error) => resolve(error.message));
    });
    this.#running = false;
    return { how, expected: this.#stopping };
  }

  #keepLog(): void {
    if (this.#child.stderr === null) return;
    createInterface({ input: this.#child.stderr }).on("line", (line) => {
      this.#logLines.push(line);
      if (this.#logLines.length > LOG_LINES_MAX) this.#logLines.shift();
    });
  }
}

function serveArguments(options: PeerProcessOptions): string[] {
  const { data, port, adminPort, peerUrl } = options;
  const own = ["serve", "--data", data, "--listen", `127.0.0.1:${port}`, "--admin", `127.0.0.1:${adminPort}`];
  return peerUrl === undefined ? own : [...own, "--peer", peerUrl];
}

/** Settings meant for another peer on this machine must not reach the demo's. */
function ownEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("YARROW_") || name === "YARROW_DEBUG");
  return Object.fromEntries(kept);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => resolve(clearTimeout(timer)), { once: true });
  });
}
