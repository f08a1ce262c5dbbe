/**
 * The projection as the peer's own thread sees it: tells its thread that something was committed, never more often than
 * PROJECTION_INTERVAL_MS, hears how far it has come, and replaces it when it dies.
 *
 * 1. At most one `follow` is under way, and while nothing is committed there is neither timer nor message.
 * 2. A thread that died or hangs over a document has that document recorded as unreadable by the next one.
 */
import { performance } from "node:perf_hooks";
import { Worker } from "node:worker_threads";
import type { ArrivalSequence, DocumentId } from "@yarrow/replica";
import type { LogLine } from "../peer-api.ts";
import { CommitMarks } from "./commit-marks.ts";
import type { ProjectionCommand, ProjectionReport, ProjectionSetup } from "./projection-message.ts";
import {
  PROJECTION_HEAP_MIB,
  PROJECTION_INTERVAL_MS,
  PROJECTION_RETRY_MAX_MS,
  PROJECTION_RETRY_MIN_MS,
  PROJECTION_STUCK_MS,
} from "./query-limits.ts";

export interface ProjectionOptions {
  readonly folder: string;
  readonly lastSequence: ArrivalSequence;
  readonly log: (line: LogLine) => void;
  readonly onProgress: (documents: number, ms: number) => void;
}

export type ProjectionState =
  /** `through` of `last`: how far, by the numbers of documents. */
  | { readonly state: "building"; readonly through: number; readonly last: number }
  | { readonly state: "ready" }
  | { readonly state: "failing"; readonly detail: string };

export class Projection {
  readonly #options: ProjectionOptions;
  readonly #working = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  readonly #unreadable = new Set<DocumentId>();
  readonly #touched = new Set<string>();
  #worker: Worker | undefined;
  readonly #marks: CommitMarks;
  #sequence: ArrivalSequence = 0;
  #state: ProjectionState = { state: "building", through: 0, last: 0 };
  /** A `follow` or `rebuild` was sent, and its end not heard yet. */
  #following = false;
  #dirty = false;
  #timer: NodeJS.Timeout | undefined;
  #stuck: NodeJS.Timeout | undefined;
  #retryMs = PROJECTION_RETRY_MIN_MS;
  readonly #waiting: (() => void)[] = [];
  #builds = 0;
  #seen: ArrivalSequence = 0;
  /** When the last `follow` was sent, on the performance clock. */
  #followedMs = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(options: ProjectionOptions) {
    this.#options = options;
    this.#marks = new CommitMarks(options.lastSequence, 0, performance.now());
    this.#follow();
  }

  /** Everything through this one is in. */
  get sequence(): ArrivalSequence {
    return this.#sequence;
  }

  /** What was read of one version is what would be read of it again. */
  get version(): string {
    return `${this.#builds}.${Math.max(this.#sequence, this.#seen)}`;
  }

  /** An answer held everything through `sequence`, which the thread may not have told of yet. */
  seen(sequence: ArrivalSequence): void {
    this.#seen = Math.max(this.#seen, sequence);
  }

  get state(): ProjectionState {
    return this.#state;
  }

  /** How old the projection is, or one that holds everything through `sequence` was at `nowMs` (of the performance clock). */
  lagMs(sequence: ArrivalSequence = this.#sequence, nowMs: number = performance.now()): number {
    return this.#marks.lagMs(sequence, nowMs);
  }

  /** Everything through `sequence` is committed. */
  committed(sequence: ArrivalSequence): void {
    if (!this.#marks.committed(sequence, performance.now())) return;
    this.#dirty = true;
    this.#arm();
  }

  /** The rows of a document changed although nothing arrived. */
  touch(name: string): void {
    this.#touched.add(name);
    this.#dirty = true;
    this.#arm();
  }

  /** Begins anew from the documents' bytes. */
  rebuild(): void {
    this.#builds++;
    this.#seen = 0;
    this.#unreadable.clear();
    this.#state = { state: "building", through: 0, last: 0 };
    this.#send({ kind: "rebuild" });
  }

  /** Resolves at the next report, or when `signal` is aborted. */
  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearInterval(this.#stuck);
    const worker = this.#worker;
    this.#worker = undefined;
    this.#wake();
    await worker?.terminate();
  }

  /** At once, if the last time was long enough ago. */
  #arm(delayMs: number = this.#followedMs + PROJECTION_INTERVAL_MS - performance.now()): void {
    if (this.#timer !== undefined || this.#following || this.#closed) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#follow();
      },
      Math.max(0, delayMs),
    ).unref();
  }

  #follow(): void {
    this.#followedMs = performance.now();
    this.#dirty = false;
    const touched = [...this.#touched];
    this.#touched.clear();
    this.#send({ kind: "follow", touched });
  }

  #send(command: ProjectionCommand): void {
    if (this.#closed) return;
    this.#following = true;
    this.#worker ??= this.#start();
    this.#worker.postMessage(command, []);
  }

  #start(): Worker {
    const fromSource = import.meta.url.endsWith(".ts");
    const file = fromSource
      ? new URL("./projection-thread.ts", import.meta.url)
      : new URL("./projection-thread.js", import.meta.url);
    Atomics.store(this.#working, 0, 0);
    const { folder } = this.#options;
    const setup: ProjectionSetup = { folder, working: this.#working, unreadable: [...this.#unreadable] };
    const worker = new Worker(file, {
      execArgv: fromSource ? ["--conditions=yarrow-src"] : [],
      name: "yarrow-projection",
      resourceLimits: { maxOldGenerationSizeMb: PROJECTION_HEAP_MIB },
      workerData: setup,
    });
    worker.unref();
    worker.on("message", (report: ProjectionReport) => this.#take(worker, report));
    worker.on("error", (error) => this.#died(worker, error instanceof Error ? error.message : String(error)));
    worker.on("exit", (code) => this.#died(worker, `the thread ended with code ${code}`));
    this.#watch(worker);
    return worker;
  }

  /** A document that the thread works on since the last look, too, is one that it does not come to an end with. */
  #watch(worker: Worker): void {
    let seen: { readonly id: DocumentId; readonly reports: number } = { id: 0, reports: 0 };
    let reports = 0;
    worker.on("message", () => reports++);
    clearInterval(this.#stuck);
    this.#stuck = setInterval(() => {
      const id = Atomics.load(this.#working, 0);
      if (id !== 0 && seen.id === id && seen.reports === reports) this.#died(worker, "it does not come to an end");
      seen = { id, reports };
    }, PROJECTION_STUCK_MS).unref();
  }

  #take(worker: Worker, report: ProjectionReport): void {
    if (worker !== this.#worker) return;
    if (report.kind === "failed") return this.#died(worker, report.detail);
    const { sequence, building, documents, ms, done } = report;
    this.#retryMs = PROJECTION_RETRY_MIN_MS;
    this.#sequence = sequence;
    this.#marks.projected(sequence, performance.now());
    this.#state =
      building === undefined
        ? { state: "ready" }
        : { state: "building", through: building.through, last: building.last };
    this.#options.onProgress(documents, ms);
    this.#following = !done;
    if (done && this.#dirty) this.#arm();
    this.#wake();
  }

  #died(worker: Worker, detail: string): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    clearInterval(this.#stuck);
    worker.terminate().catch(() => undefined);
    const document = Atomics.load(this.#working, 0);
    if (document !== 0) this.#unreadable.add(document);
    this.#state = { state: "failing", detail };
    this.#options.log({
      level: "error",
      message: "the projection for queries failed; it is tried again",
      fields: { detail, document: document === 0 ? undefined : document, inMs: this.#retryMs },
    });
    this.#following = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#arm(this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, PROJECTION_RETRY_MAX_MS);
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
