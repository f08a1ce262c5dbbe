/** Watches how late the event loop runs. Long delays mean that something held it, and every client waited. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Counters } from "./counters.ts";
import { LOOP_DELAY_WINDOW_MS } from "./limits.ts";

const NS_PER_MS = 1_000_000;
/** How often the loop is looked at, in ms. The histogram holds the time between two looks: what is longer than this is delay. */
const RESOLUTION_MS = 20;

/** Sums up every window into the counters; `windowEnded` hears the longest delay of each. Returns how to stop. */
export function watchLoopDelay(
  counters: Counters,
  windowEnded: (ms: number) => void,
  windowMs: number = LOOP_DELAY_WINDOW_MS,
): () => void {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  const timer = setInterval(() => {
    counters.loopDelayP50Ms = delayMs(histogram.percentile(50));
    counters.loopDelayP99Ms = delayMs(histogram.percentile(99));
    counters.loopDelayMaxMs = delayMs(histogram.max);
    histogram.reset();
    windowEnded(counters.loopDelayMaxMs);
  }, windowMs);
  timer.unref();
  return () => {
    clearInterval(timer);
    histogram.disable();
  };
}

function delayMs(betweenNs: number): number {
  return Math.max(0, betweenNs / NS_PER_MS - RESOLUTION_MS);
}
