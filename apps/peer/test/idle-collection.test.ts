import type { Fact } from "@yarrow/core";
import { expect, it, vi } from "vitest";
import { collectWhenIdle } from "../src/serve/idle-collection.ts";

it("[OPS3] gives memory back once nothing is written any more, and leaves a busy peer alone", async () => {
  let told: (fact: Fact) => void = () => {};
  const peer = {
    on: (_event: string, listener: (fact: never) => void) => ((told = listener as typeof told), () => {}),
  };
  const stop = collectWhenIdle(peer as never, 20);
  let garbage: unknown[] | undefined = Array.from({ length: 400_000 }, (_, i) => ({ i }));
  const busyBytes = process.memoryUsage().heapUsed;
  expect(garbage.length).toBe(400_000);
  const committed: Fact = { kind: "committed", documents: 1, updates: 1, bytes: 1, rows: 1 };
  told(committed);
  garbage = undefined;
  await vi.waitUntil(() => process.memoryUsage().heapUsed < busyBytes - 8_000_000, { timeout: 5_000, interval: 20 });
  stop();
});
