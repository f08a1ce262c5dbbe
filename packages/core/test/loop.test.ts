import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { BACKLOG_BYTES_MAX } from "../src/limits.ts";
import { Loop } from "../src/loop.ts";
import type { Engine, Input, Output } from "../src/loop.ts";

function detach(subscriber: number): Input {
  return { type: "detach", subscriber };
}

function dial(url: string): Output {
  return { type: "dial", url };
}

interface Rig {
  readonly loop: Loop;
  /** Subscribers of the detachments in each batch. */
  readonly batches: number[][];
  readonly performed: Output[];
  readonly failures: unknown[];
}

function createRig(
  overrides: { step?: Engine["step"]; nextDeadline?: () => number; perform?: (effect: Output) => void } = {},
): Rig {
  const batches: number[][] = [];
  const performed: Output[] = [];
  const failures: unknown[] = [];
  const loop = new Loop({
    engine: {
      step: (events, now) => {
        batches.push(events.flatMap((event) => (event.type === "detach" ? [event.subscriber] : [])));
        return overrides.step?.(events, now) ?? [];
      },
      nextDeadline: overrides.nextDeadline ?? (() => Infinity),
    },
    clock: () => performance.now(),
    perform: (effect) => {
      performed.push(effect);
      overrides.perform?.(effect);
    },
    onBatch: () => undefined,
    onFailed: (error) => failures.push(error),
  });
  return { loop, batches, performed, failures };
}

describe("Loop", () => {
  it("[API25] steps once for everything that arrived in a turn, in order", async () => {
    const { loop, batches } = createRig();
    for (const subscriber of [1, 2, 3]) loop.submit(detach(subscriber));
    expect(batches).toEqual([]);
    await loop.settled();
    expect(batches).toEqual([[1, 2, 3]]);
    loop.stop();
  });

  it("[API25] gathers what is submitted while a batch runs into the next one", async () => {
    const rig: Rig = createRig({
      step: () => (rig.batches.length === 1 ? [dial("a"), dial("b")] : []),
      perform: (effect) => {
        if (effect.type === "dial") rig.loop.submit(detach(effect.url === "a" ? 10 : 11));
      },
    });
    rig.loop.submit(detach(1));
    await rig.loop.settled();
    expect(rig.performed).toEqual([dial("a"), dial("b")]);
    expect(rig.batches).toEqual([[1]]);
    await rig.loop.settled();
    expect(rig.batches).toEqual([[1], [10, 11]]);
    rig.loop.stop();
  });

  it("[API26] runs at once when more bytes wait than may", () => {
    const { loop, batches } = createRig();
    loop.receive(detach(1), BACKLOG_BYTES_MAX);
    expect(batches).toEqual([]);
    loop.receive(detach(2), 1);
    expect(batches).toEqual([[1, 2]]);
    loop.stop();
  });

  it("wakes the engine at its deadline, with nothing to tell", async () => {
    const woken = new EventTarget();
    const start = performance.now();
    let deadline = start + 20;
    const { loop, batches } = createRig({
      step: (events, now) => {
        if (now < deadline) return [];
        deadline = Infinity;
        expect(events).toEqual([]);
        woken.dispatchEvent(new Event("woken"));
        return [];
      },
      nextDeadline: () => deadline,
    });
    const wakeUp = once(woken, "woken");
    await loop.settled();
    await wakeUp;
    expect(performance.now() - start).toBeGreaterThanOrEqual(20);
    expect(batches.length).toBeGreaterThanOrEqual(2);
    loop.stop();
  });

  it("runs again in the next turn where the engine has more to do, without a timer", async () => {
    let left = 200;
    const { loop, batches } = createRig({
      step: () => {
        left--;
        return [];
      },
      nextDeadline: () => (left > 0 ? 0 : Infinity),
    });
    await loop.settled();
    for (let turn = 0; turn < 210; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(left).toBe(0);
    expect(batches.length).toBe(200);
    loop.stop();
  });

  it("[API24] stops for good when a step throws, and tells once", async () => {
    const error = new Error("bug");
    const { loop, batches, failures } = createRig({
      step: () => {
        throw error;
      },
    });
    loop.submit(detach(1));
    await loop.settled();
    loop.submit(detach(2));
    await loop.settled();
    expect(batches).toEqual([[1]]);
    expect(failures).toEqual([error]);
  });

  it("[API24] stops for good when performing an effect throws", async () => {
    const { loop, failures, performed } = createRig({
      step: () => [dial("a"), dial("b")],
      perform: () => {
        throw new Error("bug");
      },
    });
    await loop.settled();
    expect(failures).toHaveLength(1);
    expect(performed).toEqual([dial("a")]);
  });
});
