/**
 * The only driver of the engine. Whatever happens is queued; once per turn of the event loop the whole queue is one step,
 * so a commit in progress gathers the next batch by itself and an idle peer adds no delay.
 *
 * Invariants
 * 1. `step` and `perform` never run inside each other, nor inside a caller's `submit`: a document's listener may submit.
 * 2. Effects are performed in order, all of them, before the next step.
 * 3. A throw out of either is a bug or a failed disk. Nothing runs after it; `onFailed` is told once.
 * 4. While anything has a deadline, a timer stands at it or earlier.
 */
import { performance } from "node:perf_hooks";
import type { Effect, Event } from "@yarrow/replica";
import type { SessionEffect, SessionEvent } from "@yarrow/relay";
import { BACKLOG_BYTES_MAX } from "./limits.ts";

export type Input = Event | SessionEvent;
export type Output = Effect | SessionEffect;

/** The pure machine that the loop drives. */
export interface Engine {
  step(events: Input[], now: number): Output[];
  /** When it wants to be woken, on the clock of `now`; 0 = in the next turn, behind what has come meanwhile; Infinity = never. */
  nextDeadline(): number;
}

/** A turn that has run. */
export interface Batch {
  readonly events: readonly Input[];
  readonly effects: readonly Output[];
  /** How long its step took, its commit included; and its effects, with what `onBatch` did. */
  readonly stepMs: number;
  readonly performMs: number;
}

export interface LoopOptions {
  readonly engine: Engine;
  readonly clock: () => number;
  readonly perform: (effect: Output) => void;
  /** Called after the effects of a batch; `ms` is how long its step took. */
  readonly onBatch: (events: number, ms: number) => void;
  /** Called last, with how long all of it took. */
  readonly watch?: (batch: Batch) => void;
  readonly onFailed: (error: unknown) => void;
}

/** Longest wait a Node timer can hold. */
export const TIMER_MS_MAX = 2 ** 31 - 1;

export class Loop {
  readonly #options: LoopOptions;
  #queue: Input[] = [];
  #queuedBytes = 0;
  #immediate: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;
  #running = false;
  #stopped = false;
  #settled: (() => void)[] = [];

  constructor(options: LoopOptions) {
    this.#options = options;
  }

  /** Queues an event. Safe to call from anywhere, even from inside an effect. */
  submit(event: Input): void {
    if (this.#stopped) return;
    this.#queue.push(event);
    this.#schedule();
  }

  /** Queues an event that holds bytes from a socket. Bounds what can pile up within one turn: see BACKLOG_BYTES_MAX. */
  receive(event: Input, bytes: number): void {
    this.submit(event);
    this.#queuedBytes += bytes;
    if (this.#queuedBytes > BACKLOG_BYTES_MAX && !this.#running) this.runNow();
  }

  /** Resolves when everything submitted so far has been stepped and performed (or the loop has stopped). */
  settled(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    this.#schedule();
    return new Promise((resolve) => this.#settled.push(resolve));
  }

  /** Runs the queue at once. Not from inside an effect. */
  runNow(): void {
    if (this.#running || this.#stopped) return;
    if (this.#immediate !== undefined) clearImmediate(this.#immediate);
    this.#immediate = undefined;
    const settled = this.#settled;
    this.#settled = [];
    this.#run();
    for (const resolve of settled) resolve();
  }

  /** Nothing is stepped from here on. */
  stop(): void {
    this.#stopped = true;
    this.#queue = [];
    if (this.#immediate !== undefined) clearImmediate(this.#immediate);
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    for (const resolve of this.#settled.splice(0)) resolve();
  }

  #schedule(): void {
    if (this.#immediate !== undefined) return;
    this.#immediate = setImmediate(() => {
      this.#immediate = undefined;
      this.runNow();
    });
  }

  #run(): void {
    const batch = this.#queue;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#running = true;
    try {
      const started = performance.now();
      const effects = this.#options.engine.step(batch, this.#options.clock());
      const stepped = performance.now();
      const stepMs = stepped - started;
      for (const effect of effects) this.#options.perform(effect);
      this.#options.onBatch(batch.length, stepMs);
      this.#options.watch?.({ events: batch, effects, stepMs, performMs: performance.now() - stepped });
    } catch (error) {
      this.stop();
      this.#options.onFailed(error);
      return;
    } finally {
      this.#running = false;
    }
    this.#arm();
  }

  /** Leaves an earlier timer alone: waking for nothing costs less than a new timer for every batch. */
  #arm(): void {
    if (this.#stopped) return;
    const deadline = this.#options.engine.nextDeadline();
    if (deadline === Infinity) return;
    // The shortest timer takes a millisecond, which a peer that is being filled would spend after every batch.
    if (deadline === 0) return this.#schedule();
    if (this.#timerAt <= deadline) return;
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    const wait = Math.min(TIMER_MS_MAX, Math.max(0, Math.ceil(deadline - this.#options.clock())));
    this.#timerAt = deadline;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#timerAt = Infinity;
      this.runNow();
    }, wait);
  }
}
