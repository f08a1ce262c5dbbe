/**
 * A second thread of the process that answers queries. SQLite cannot be interrupted from JavaScript, so this one watches the
 * other, and ends the whole process when a query takes too much memory, or too long although nobody is left to end it.
 */
import { performance } from "node:perf_hooks";
import { workerData } from "node:worker_threads";
import type { QueryWatch } from "./query-process.ts";

const { turn, bytesMax } = workerData as QueryWatch;
const LOOK_MS = 20;

for (;;) {
  // Asleep between queries: the number is even.
  Atomics.wait(turn, 0, even(Atomics.load(turn, 0)));
  watch(Atomics.load(turn, 0));
}

function watch(query: number): void {
  if (query % 2 === 0) return;
  const started = performance.now();
  while (Atomics.load(turn, 0) === query) {
    if (process.memoryUsage.rss() > bytesMax) process.kill(process.pid, "SIGUSR2");
    if (performance.now() - started > Atomics.load(turn, 1)) process.kill(process.pid, "SIGKILL");
    Atomics.wait(turn, 0, query, LOOK_MS);
  }
}

function even(value: number): number {
  return value - (value % 2);
}
