/** The thread that `worker-pool.ts` starts: one job in, one result out. */
import { parentPort } from "node:worker_threads";
import { assert } from "@yarrow/protocol";
import { doWork } from "@yarrow/replica";
import { describe } from "./describe.ts";
import type { Job, JobResult } from "./worker-pool.ts";

const port = parentPort;
assert(port !== null, "work-thread runs as a worker only");

port.on("message", (job: Job) => {
  let result: JobResult;
  try {
    result = job.kind === "describe" ? describe(job) : doWork(job);
  } catch (error) {
    result = { kind: "failed", detail: error instanceof Error ? error.message : String(error) };
  }
  port.postMessage(result);
});
