/** One process that answers queries, as the peer sees it. It runs one query at a time, and is thrown away when that must end. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { YarrowError, assert } from "@yarrow/protocol";
import { QUERY_MEMORY_BYTES_MAX } from "./query-limits.ts";
import type { QueryReplyHead } from "./query-process.ts";
import type { QueryJob, QueryOutcome } from "./run-query.ts";

export interface QueryReply {
  readonly outcome: QueryOutcome;
  /** The text of a JSON array of arrays. */
  readonly rows: Buffer;
}

interface Running {
  readonly resolve: (reply: QueryReply) => void;
  readonly reject: (reason: unknown) => void;
}

const STDERR_KEPT_LENGTH = 2_000;
const NEWLINE = 10;

export class QueryChild {
  readonly #child: ChildProcess;
  readonly #onEnd: () => void;
  #running: Running | undefined;
  #received: Buffer[] = [];
  #head: QueryReplyHead | undefined;
  #stderr = "";
  #ended = false;

  /** `onEnd` is called once, whatever ended it. */
  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
    const fromSource = import.meta.url.endsWith(".ts");
    const url = fromSource
      ? new URL("./query-process.ts", import.meta.url)
      : new URL("./query-process.js", import.meta.url);
    const file = fileURLToPath(url);
    const words = fromSource ? ["--conditions=yarrow-src", file] : [file];
    this.#child = spawn(process.execPath, words, { stdio: ["pipe", "pipe", "pipe"] });
    const { stdin, stdout, stderr } = this.#child;
    assert(stdin !== null && stdout !== null && stderr !== null, "the streams of a child are pipes");
    stdin.on("error", () => undefined);
    stdout.on("data", (bytes: Buffer) => this.#take(bytes));
    stderr.on("data", (bytes: Buffer) => (this.#stderr = (this.#stderr + bytes.toString()).slice(-STDERR_KEPT_LENGTH)));
    this.#child.on("error", (error) => this.#end(error.message));
    // Not at its exit: what it wrote before may still be on its way.
    this.#child.on("close", (code, signal) => this.#end(String(signal ?? code), signal));
    this.#child.unref();
    for (const stream of [stdin, stdout, stderr]) (stream as { unref?: () => void }).unref?.();
  }

  get isFree(): boolean {
    return this.#running === undefined && !this.#ended;
  }

  /** Errors: YARROW_QUERY_TOO_LARGE when it takes too much memory, YARROW_QUERY_FAILED when the process ends otherwise. */
  run(job: QueryJob): Promise<QueryReply> {
    assert(this.isFree, "a process answers one query at a time");
    return new Promise((resolve, reject) => {
      this.#running = { resolve, reject };
      this.#child.stdin?.write(`${JSON.stringify(job)}\n`);
    });
  }

  /** Ends it at once, and rejects what it runs with the reason. */
  kill(reason: unknown): void {
    const running = this.#running;
    this.#running = undefined;
    this.#child.kill("SIGKILL");
    this.#end("killed");
    running?.reject(reason);
  }

  #take(bytes: Buffer): void {
    this.#received.push(bytes);
    if (this.#head === undefined) {
      const all = Buffer.concat(this.#received);
      const end = all.indexOf(NEWLINE);
      this.#received = [all];
      if (end === -1) return;
      this.#head = JSON.parse(all.subarray(0, end).toString()) as QueryReplyHead;
      this.#received = [all.subarray(end + 1)];
    }
    const { outcome, bytes: length, last } = this.#head;
    if (this.#received.reduce((sum, chunk) => sum + chunk.length, 0) < length) return;
    const rows = Buffer.concat(this.#received);
    this.#head = undefined;
    this.#received = [];
    const running = this.#running;
    this.#running = undefined;
    if (last) this.#end("it has ended itself");
    running?.resolve({ outcome, rows });
  }

  #end(detail: string, signal?: NodeJS.Signals | null): void {
    if (this.#ended) return;
    this.#ended = true;
    const running = this.#running;
    this.#running = undefined;
    running?.reject(
      signal === "SIGUSR2"
        ? tooLarge(`the query took more than ${QUERY_MEMORY_BYTES_MAX} bytes of memory`)
        : new YarrowError("YARROW_QUERY_FAILED", `the process that answers queries ended: ${detail} ${this.#stderr}`),
    );
    this.#onEnd();
  }
}

export function tooLarge(message: string): YarrowError {
  return new YarrowError("YARROW_QUERY_TOO_LARGE", message, {
    hint: "Ask for fewer or smaller columns, or sort and group less at once.",
  });
}
