/** Watches how late the event loop runs. Long delays mean that something held it, and every client waited. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Counters } from "./counters.ts";
import { LOOP_BLOCKED_MS, LOOP_DELAY_WINDOW_MS } from "./limits.ts";

const NS_PER_MS = 1_000_000;

/** Sums up every window into the counters; `onBlocked` hears of windows whose longest delay was too long. Returns how to stop. */
export function watchLoopDelay(counters: Counters, onBlocked: (ms: number) => void): () => void {
  const histogram = monitorEventLoopDelay({ resolution: 20 });
  histogram.enable();
  const timer = setInterval(() => {
    counters.loopDelayP50Ms = histogram.percentile(50) / NS_PER_MS;
    counters.loopDelayP99Ms = histogram.percentile(99) / NS_PER_MS;
    counters.loopDelayMaxMs = histogram.max / NS_PER_MS;
    histogram.reset();
    if (counters.loopDelayMaxMs <= LOOP_BLOCKED_MS) return;
    counters.loopBlocked += 1;
    onBlocked(counters.loopDelayMaxMs);
  }, LOOP_DELAY_WINDOW_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    histogram.disable();
  };
}
