/** Watches how late the event loop runs. Long delays mean that something held it, and every client waited. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Counters } from "./counters.ts";
import { LOOP_DELAY_WINDOW_MS } from "./limits.ts";

const NS_PER_MS = 1_000_000;

/** Sums up every window into the counters; `windowEnded` hears the longest delay of each. Returns how to stop. */
export function watchLoopDelay(counters: Counters, windowEnded: (ms: number) => void): () => void {
  const histogram = monitorEventLoopDelay({ resolution: 20 });
  histogram.enable();
  const timer = setInterval(() => {
    counters.loopDelayP50Ms = histogram.percentile(50) / NS_PER_MS;
    counters.loopDelayP99Ms = histogram.percentile(99) / NS_PER_MS;
    counters.loopDelayMaxMs = histogram.max / NS_PER_MS;
    histogram.reset();
    windowEnded(counters.loopDelayMaxMs);
  }, LOOP_DELAY_WINDOW_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    histogram.disable();
  };
}
