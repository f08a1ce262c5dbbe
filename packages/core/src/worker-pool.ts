/**
 * Runs long jobs in one worker thread, one after the other, so that the loop goes on. The thread starts with the first
 * job, is replaced when it dies or hangs, and ends when there was nothing to do for a while: its heap, grown by the largest
 * documents it had, is the greater part of a quiet peer's memory.
 *
 * Buffers go to the worker as copies: the replica still reads those it handed over, and several may share one memory.
 */
import { Worker } from "node:worker_threads";
import type { Work, WorkResult } from "@yarrow/replica";
import { WORK_IDLE_MS, WORK_TIMEOUT_MS, WORK_YOUNG_HEAP_MIB } from "./limits.ts";
import type { DescribeWork, DescribeResult } from "./describe.ts";
import type { PastResult, PastWork } from "./past/past-work.ts";

export type Job = Work | DescribeWork | PastWork;
export type JobResult = WorkResult | DescribeResult | PastResult;

interface Waiting {
  readonly job: Job;
  readonly done: (result: JobResult) => void;
}

export class WorkerPool {
  readonly #timeoutMs: number;
  readonly #idleMs: number;
  #worker: Worker | undefined;
  #current: Waiting | undefined;
  #queue: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(timeoutMs: number = WORK_TIMEOUT_MS, idleMs: number = WORK_IDLE_MS) {
    this.#timeoutMs = timeoutMs;
    this.#idleMs = idleMs;
  }

  /** Does a job; never rejects. A job that fails, hangs or outlives the pool ends as a `failed` result. */
  run(job: Job): Promise<JobResult> {
    if (this.#closed) return Promise.resolve({ kind: "failed", detail: "the peer is closed" });
    return new Promise((done) => {
      this.#queue.push({ job, done });
      this.#next();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const waiting = this.#current === undefined ? this.#queue : [this.#current, ...this.#queue];
    this.#queue = [];
    this.#current = undefined;
    clearTimeout(this.#timer);
    for (const { done } of waiting) done({ kind: "failed", detail: "the peer is closed" });
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  #next(): void {
    if (this.#current !== undefined) return;
    const next = this.#queue.shift();
    if (next === undefined) return this.#rest();
    this.#current = next;
    const worker = (this.#worker ??= this.#start());
    worker.ref();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fail(worker, `no result after ${this.#timeoutMs} ms`), this.#timeoutMs);
    const copy = copyJob(next.job);
    worker.postMessage(copy, buffersOf(copy));
  }

  /** Nothing to do: the thread keeps nobody from ending, and ends itself if that lasts. */
  #rest(): void {
    const worker = this.#worker;
    if (worker === undefined || this.#closed) return;
    worker.unref();
    this.#timer = setTimeout(() => {
      this.#worker = undefined;
      worker.terminate().catch(() => undefined);
    }, this.#idleMs).unref();
  }

  #start(): Worker {
    // The sources run under type stripping with the workspace's own export condition; the built files need neither.
    const fromSource = import.meta.url.endsWith(".ts");
    const file = fromSource
      ? new URL("./work-thread.ts", import.meta.url)
      : new URL("./work-thread.js", import.meta.url);
    const worker = new Worker(file, {
      execArgv: fromSource ? ["--conditions=yarrow-src"] : [],
      name: "yarrow-work",
      resourceLimits: { maxYoungGenerationSizeMb: WORK_YOUNG_HEAP_MIB },
    });
    worker.on("message", (result: JobResult) => this.#finish(worker, result));
    worker.on("error", (error) => this.#fail(worker, error instanceof Error ? error.message : String(error)));
    worker.on("exit", (code) => this.#fail(worker, `the worker ended with code ${code}`));
    return worker;
  }

  #finish(worker: Worker, result: JobResult): void {
    if (worker !== this.#worker) return;
    clearTimeout(this.#timer);
    const current = this.#current;
    this.#current = undefined;
    current?.done(result);
    this.#next();
  }

  #fail(worker: Worker, detail: string): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    // The worker is given up whatever state it is in; how its end goes is of no interest.
    worker.terminate().catch(() => undefined);
    clearTimeout(this.#timer);
    const current = this.#current;
    this.#current = undefined;
    current?.done({ kind: "failed", detail });
    this.#next();
  }
}

/** Copies the bytes and only them: cloning a view would clone the whole buffer it looks into. */
function copyJob(job: Job): Job {
  switch (job.kind) {
    case "encode":
      return { ...job, parts: job.parts.map(copy), stateVector: copy(job.stateVector), deleteSet: copy(job.deleteSet) };
    case "compact":
    case "describe":
      return { ...job, parts: job.parts.map(copy), deleteSet: copy(job.deleteSet) };
    case "past":
      return job;
    case "merge":
      return { ...job, parts: job.parts.map(copy) };
    case "digest": {
      const documents = job.documents.map(({ parts, deleteSet }) => ({
        parts: parts.map(copy),
        deleteSet: copy(deleteSet),
      }));
      return { ...job, documents };
    }
  }
}

/** Buffers of a job made by {@link copyJob}, which nobody else holds. */
function buffersOf(job: Job): ArrayBuffer[] {
  if (job.kind === "past") return [];
  if (job.kind === "merge") return job.parts.map(({ buffer }) => buffer as ArrayBuffer);
  const inputs = job.kind === "digest" ? job.documents : [job];
  const views = inputs.flatMap(({ parts, deleteSet }) => [...parts, deleteSet]);
  if (job.kind === "encode") views.push(job.stateVector);
  return views.map(({ buffer }) => buffer as ArrayBuffer);
}

function copy(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}
