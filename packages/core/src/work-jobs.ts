/** What the thread of `worker-pool.ts` does: one job in, one result out. */
import { parentPort } from "node:worker_threads";
import { assert } from "@yarrow/protocol";
import { doWork } from "@yarrow/replica/content";
import { describe } from "./describe.ts";
import type { Job, JobResult } from "./worker-pool.ts";

const port = parentPort;
assert(port !== null, "work-jobs runs in a worker only");

port.on("message", async (job: Job) => {
  let result: JobResult;
  try {
    result = await doJob(job);
  } catch (error) {
    result = { kind: "failed", detail: error instanceof Error ? error.message : String(error) };
  }
  port.postMessage(result);
});

/** Loads what reads the past, and with it most of the engine, only where the past is asked for. */
async function doJob(job: Job): Promise<JobResult> {
  switch (job.kind) {
    case "describe":
      return describe(job);
    case "past":
      return (await import("./past/past-work.ts")).doPastWork(job);
    default:
      return doWork(job);
  }
}
