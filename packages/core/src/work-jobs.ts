/** What the thread of `worker-pool.ts` does: one job in, one result out. */
import { parentPort } from "node:worker_threads";
import { assert } from "@yarrow/protocol";
import { doWork } from "@yarrow/replica";
import { describe } from "./describe.ts";
import { doPastWork } from "./past/past-work.ts";
import type { Job, JobResult } from "./worker-pool.ts";

const port = parentPort;
assert(port !== null, "work-jobs runs in a worker only");

port.on("message", (job: Job) => {
  let result: JobResult;
  try {
    result = doJob(job);
  } catch (error) {
    result = { kind: "failed", detail: error instanceof Error ? error.message : String(error) };
  }
  port.postMessage(result);
});

function doJob(job: Job): JobResult {
  switch (job.kind) {
    case "describe":
      return describe(job);
    case "past":
      return doPastWork(job);
    default:
      return doWork(job);
  }
}
