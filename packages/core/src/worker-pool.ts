/**
 * Runs long jobs in one worker thread, one after the other, so that the loop goes on. The thread starts with the first
 * job or when told to, is replaced when it dies or hangs, and ends when there was nothing to do for a while: its heap, grown
 * by the largest documents it had, is the greater part of a quiet peer's memory.
 *
 * Buffers go to the worker as copies: the replica still reads those it handed over, and several may share one memory.
 */
import { Worker } from "node:worker_threads";
import type { Work, WorkResult } from "@yarrow/replica";
import { WORK_EARLY_MS, WORK_IDLE_MS, WORK_TIMEOUT_MS, WORK_YOUNG_HEAP_MIB } from "./limits.ts";
import type { DescribeWork, DescribeResult } from "./describe.ts";
import type { PastResult, PastWork } from "./past/past-work.ts";

export type Job = Work | DescribeWork | PastWork;
export type JobResult = WorkResult | DescribeResult | PastResult;

export interface PoolOptions {
  readonly timeoutMs?: number;
  readonly idleMs?: number;
  /** The thread starts after `earlyMs` even if there is nothing to do yet. */
  readonly early?: boolean;
  readonly earlyMs?: number;
}

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
  readonly #starting: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: PoolOptions = {}) {
    this.#timeoutMs = options.timeoutMs ?? WORK_TIMEOUT_MS;
    this.#idleMs = options.idleMs ?? WORK_IDLE_MS;
    if (options.early !== true) return;
    this.#starting = setTimeout(() => {
      this.#worker ??= this.#start();
      if (this.#current === undefined) this.#worker.unref();
    }, options.earlyMs ?? WORK_EARLY_MS).unref();
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
    clearTimeout(this.#starting);
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
    const { packed, buffers } = packJob(next.job);
    worker.postMessage(packed, buffers);
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

/**
 * Copies the bytes and only them (cloning a view would clone the whole buffer it looks into), all into one buffer: a document
 * may consist of thousands of pieces, and each buffer that changes hands costs by itself.
 */
function packJob(job: Job): { readonly packed: Job; readonly buffers: ArrayBuffer[] } {
  const buffer = new ArrayBuffer(piecesOf(job).reduce((bytes, piece) => bytes + piece.length, 0));
  let used = 0;
  const copy = (piece: Uint8Array): Uint8Array => {
    const copied = new Uint8Array(buffer, used, piece.length);
    copied.set(piece);
    used += piece.length;
    return copied;
  };
  return { packed: mapPieces(job, copy), buffers: [buffer] };
}

function piecesOf(job: Job): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  mapPieces(job, (piece) => {
    pieces.push(piece);
    return piece;
  });
  return pieces;
}

function mapPieces(job: Job, map: (piece: Uint8Array) => Uint8Array): Job {
  switch (job.kind) {
    case "encode":
      return { ...job, parts: job.parts.map(map), stateVector: map(job.stateVector), deleteSet: map(job.deleteSet) };
    case "compact":
    case "describe":
      return { ...job, parts: job.parts.map(map), deleteSet: map(job.deleteSet) };
    case "past":
      return job;
    case "merge":
      return { ...job, parts: job.parts.map(map) };
    case "digest": {
      const documents = job.documents.map(({ parts, deleteSet }) => ({
        parts: parts.map(map),
        deleteSet: map(deleteSet),
      }));
      return { ...job, documents };
    }
  }
}
