/**
 * Tells what held the event loop. The delay itself is measured from outside (`loop-delay.ts`); this remembers the longest batch of
 * the same window, so that a line in the log says which events of which document it was, and in which part of the turn.
 *
 * One line a window at most, and nothing is kept of batches that are quick.
 */
import type { Counters } from "./counters.ts";
import { LOOP_BLOCKED_MS } from "./limits.ts";
import type { Batch } from "./loop.ts";
import type { LogLine } from "./peer-api.ts";

/** A batch that took less than this part of the delay is not what held the loop. */
const BLAME_SHARE = 0.5;
/** Kinds of events that a line names; the most frequent ones. */
const KINDS_MAX = 4;

interface Suspect {
  readonly ms: number;
  readonly stepMs: number;
  readonly commitMs: number;
  readonly performMs: number;
  readonly events: string;
  readonly document: string | undefined;
}

export interface WatchdogOptions {
  readonly counters: Counters;
  /** Milliseconds that commits have taken since the start. */
  readonly commitMs: () => number;
  readonly log: (line: LogLine) => void;
}

export class Watchdog {
  readonly #options: WatchdogOptions;
  #commitMsBefore = 0;
  #longest: Suspect | undefined;

  constructor(options: WatchdogOptions) {
    this.#options = options;
  }

  /** Call after every batch. */
  batch(batch: Batch): void {
    const commitMsNow = this.#options.commitMs();
    const commitMs = commitMsNow - this.#commitMsBefore;
    this.#commitMsBefore = commitMsNow;
    const ms = batch.stepMs + batch.performMs;
    if (ms < LOOP_BLOCKED_MS * BLAME_SHARE) return;
    const stepMs = Math.max(0, batch.stepMs - commitMs);
    if (ms >= LOOP_BLOCKED_MS) {
      const { heldMs } = this.#options.counters;
      heldMs.step += stepMs;
      heldMs.commit += commitMs;
      heldMs.perform += batch.performMs;
    }
    if (ms <= (this.#longest?.ms ?? 0)) return;
    const { performMs } = batch;
    this.#longest = { ms, stepMs, commitMs, performMs, events: countKinds(batch), document: documentOf(batch) };
  }

  /** Ends a window, in which the longest delay was this; above the limit it is told, with what is to blame. */
  windowEnded(delayMs: number): void {
    const suspect = this.#longest;
    this.#longest = undefined;
    if (delayMs <= LOOP_BLOCKED_MS) return;
    const { counters, log } = this.#options;
    counters.loopBlocked += 1;
    const held = suspect !== undefined && suspect.ms >= delayMs * BLAME_SHARE ? suspect : undefined;
    if (held === undefined) counters.heldMs.elsewhere += delayMs;
    log({
      level: "warn",
      message: "the event loop was held up",
      fields: { ms: Math.round(delayMs), ...(held === undefined ? ELSEWHERE : describe(held)) },
    });
  }
}

const ELSEWHERE = {
  heldBy: "nothing of the engine: other code of this process, its garbage collection, or a busy machine",
};

function describe({ stepMs, commitMs, performMs, events, document }: Suspect): Record<string, unknown> {
  const parts = { stepMs: Math.round(stepMs), commitMs: Math.round(commitMs), performMs: Math.round(performMs) };
  return { heldBy: events, ...(document === undefined ? {} : { document }), ...parts };
}

/** `3 session-frame, 1 link-frame`; a wake-up at a deadline has no events. */
function countKinds({ events }: Batch): string {
  const counts = new Map<string, number>();
  for (const { type } of events) counts.set(type, (counts.get(type) ?? 0) + 1);
  const named = [...counts].sort(([, a], [, b]) => b - a).map(([type, count]) => `${count} ${type}`);
  if (named.length === 0) return "a deadline";
  const rest = named.length - KINDS_MAX;
  return named.slice(0, KINDS_MAX).join(", ") + (rest > 0 ? ` and ${rest} other kinds` : "");
}

/** The document, where the batch was about one. */
function documentOf({ events, effects }: Batch): string | undefined {
  const names = new Set<string>();
  for (const one of [...events, ...effects]) if ("name" in one) names.add(one.name);
  const [only] = names;
  return names.size === 1 ? only : undefined;
}
