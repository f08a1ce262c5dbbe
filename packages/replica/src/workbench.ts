/** Work that is away from the loop: a bounded number of jobs at once, the rest in line, each with what to do when it is back. */
import type { ReplicaConfig } from "./config.ts";
import type { Effect } from "./effect.ts";
import type { WorkId } from "./event.ts";
import type { Work, WorkResult } from "./work.ts";

type Done = (result: WorkResult, now: number) => void;

export class Workbench {
  readonly #config: ReplicaConfig;
  readonly #emit: (effect: Effect) => void;
  readonly #away = new Map<WorkId, Done>();
  readonly #line: { readonly id: WorkId; readonly prepare: () => Work; readonly done: Done }[] = [];
  #nextId = 1;

  constructor(config: ReplicaConfig, emit: (effect: Effect) => void) {
    this.#config = config;
    this.#emit = emit;
  }

  /** Jobs away and in line. */
  get size(): number {
    return this.#away.size + this.#line.length;
  }

  /** True when a job given now starts at once. */
  get hasRoom(): boolean {
    return this.#line.length === 0 && this.#away.size < this.#config.workInFlightMax;
  }

  /** `prepare` gathers the job's input when its turn comes, so that jobs in line hold no bytes. */
  run(prepare: () => Work, done: Done): void {
    this.#line.push({ id: this.#nextId++, prepare, done });
    this.#startNext();
  }

  finished(id: WorkId, result: WorkResult, now: number): void {
    const done = this.#away.get(id);
    this.#away.delete(id);
    done?.(result, now);
    this.#startNext();
  }

  #startNext(): void {
    while (this.#away.size < this.#config.workInFlightMax) {
      const next = this.#line.shift();
      if (next === undefined) return;
      this.#away.set(next.id, next.done);
      this.#emit({ type: "work", work: next.id, job: next.prepare() });
    }
  }
}
