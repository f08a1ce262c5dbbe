import { expect, it, onTestFinished, vi } from "vitest";
import { createCounters } from "../src/counters.ts";
import { LOOP_BLOCKED_MS } from "../src/limits.ts";
import { watchLoopDelay } from "../src/loop-delay.ts";

const BLOCKED_MS = LOOP_BLOCKED_MS + 100;

function block(ms: number): void {
  const endsAt = performance.now() + ms;
  while (performance.now() < endsAt);
}

it("[OPS9] tells how late the loop runs: nothing for one that is on time, and a block in its length", async () => {
  const counters = createCounters();
  const blocked: number[] = [];
  onTestFinished(watchLoopDelay(counters, (ms) => void blocked.push(ms), 250));
  counters.loopDelayP50Ms = Number.POSITIVE_INFINITY;
  // However busy the machine: of many windows, one is on time.
  await vi.waitFor(() => expect(counters.loopDelayP50Ms).toBeLessThan(10), { timeout: 10_000, interval: 100 });
  block(BLOCKED_MS);
  await vi.waitFor(() => expect(Math.max(...blocked)).toBeGreaterThan(BLOCKED_MS - 40), 10_000);
});
