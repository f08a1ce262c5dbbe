/**
 * The process that answers queries: a line of JSON in, a line of JSON and the rows out, one query after the other. It ends with its
 * parent, and can be killed at any moment: it holds nothing.
 */
import os from "node:os";
import { createInterface } from "node:readline";
import { Worker } from "node:worker_threads";
import { QUERY_MEMORY_BYTES_MAX } from "./query-limits.ts";
import { runQuery } from "./run-query.ts";
import type { QueryJob, QueryOutcome } from "./run-query.ts";

/** The line in front of the rows of an answer. */
export interface QueryReplyHead {
  readonly outcome: QueryOutcome;
  readonly bytes: number;
  /** The process ends behind this answer: it must not be asked again. */
  readonly last: boolean;
}

export interface QueryWatch {
  /** Odd while a query runs, and another number for each; then how many ms it may take. */
  readonly turn: Int32Array;
  readonly bytesMax: number;
}

/** Queries come after whatever serves people, where processors are few: so much nicer than the peer. */
const NICENESS = 10;

const turn = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));

try {
  os.setPriority(Math.min(19, os.getPriority() + NICENESS));
} catch {
  // Not everywhere allowed, nowhere needed.
}
startWatch({ turn, bytesMax: QUERY_MEMORY_BYTES_MAX });

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => answer(JSON.parse(line) as QueryJob));
lines.on("close", () => process.exit());

function startWatch(watch: QueryWatch): Worker {
  const file = import.meta.url.endsWith(".ts")
    ? new URL("./query-watch.ts", import.meta.url)
    : new URL("./query-watch.js", import.meta.url);
  return new Worker(file, { workerData: watch, execArgv: [] });
}

function answer(job: QueryJob): void {
  Atomics.store(turn, 1, job.timeoutMs);
  Atomics.add(turn, 0, 1);
  Atomics.notify(turn, 0);
  const { outcome, rows } = runQuery(job);
  Atomics.add(turn, 0, 1);
  Atomics.notify(turn, 0);
  const body = Buffer.from(rows);
  // What a large query leaves behind would be held against those that come after it.
  const last = process.memoryUsage.rss() > QUERY_MEMORY_BYTES_MAX / 2;
  const head: QueryReplyHead = { outcome, bytes: body.length, last };
  process.stdout.write(`${JSON.stringify(head)}\n`);
  process.stdout.write(body, () => {
    if (last) process.exit();
  });
}
