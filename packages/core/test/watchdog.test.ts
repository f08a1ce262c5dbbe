import { describe, expect, it } from "vitest";
import { createCounters } from "../src/counters.ts";
import type { Batch } from "../src/loop.ts";
import { Loop } from "../src/loop.ts";
import type { LogLine } from "../src/peer-api.ts";
import { Watchdog } from "../src/watchdog.ts";

function createRig() {
  const lines: LogLine[] = [];
  const counters = createCounters();
  const disk = { commitMs: 0 };
  const watchdog = new Watchdog({ counters, commitMs: () => disk.commitMs, log: (line) => lines.push(line) });
  return { lines, counters, disk, watchdog };
}

function batch(stepMs: number, performMs: number, rest: Partial<Batch> = {}): Batch {
  return { events: [], effects: [], stepMs, performMs, ...rest };
}

const frame = { type: "session-frame", session: 1, bytes: new Uint8Array(1) } as const;
const deliver = { type: "deliver", name: "large", incarnation: 1, update: new Uint8Array(1), writers: [] } as const;

describe("the watchdog", () => {
  it("[OPS6] says which events of which document held the loop, and in which part of the turn", () => {
    const { lines, counters, disk, watchdog } = createRig();
    watchdog.batch(batch(150, 1, { events: [{ type: "detach", subscriber: 1 }] }));
    disk.commitMs = 60;
    watchdog.batch(batch(300, 40, { events: [frame, { type: "detach", subscriber: 1 }, frame], effects: [deliver] }));
    watchdog.batch(batch(120, 1));
    watchdog.windowEnded(345);
    expect(lines).toEqual([
      {
        level: "warn",
        message: "the event loop was held up",
        fields: {
          ms: 345,
          heldBy: "2 session-frame, 1 detach",
          document: "large",
          stepMs: 240,
          commitMs: 60,
          performMs: 40,
        },
      },
    ]);
    expect(counters).toMatchObject({ loopBlocked: 1, heldMs: { step: 240, commit: 60, perform: 40, elsewhere: 0 } });
  });

  it("[OPS6] does not blame a batch for what something else did, nor one of another window", () => {
    const { lines, counters, watchdog } = createRig();
    watchdog.batch(batch(500, 0, { effects: [deliver, { ...deliver, name: "another" }] }));
    watchdog.windowEnded(510);
    watchdog.batch(batch(110, 0));
    watchdog.windowEnded(400);
    watchdog.windowEnded(200);
    expect(lines.map(({ fields }) => [fields["heldBy"], fields["document"]])).toEqual([
      ["a deadline", undefined],
      [expect.stringContaining("nothing of the engine"), undefined],
    ]);
    expect(counters).toMatchObject({ loopBlocked: 2, heldMs: { step: 500, elsewhere: 400 } });
  });

  it("[OPS6] is told by the loop how long step and effects took", () => {
    const batches: Batch[] = [];
    const wait = (ms: number): void => {
      for (const until = performance.now() + ms; performance.now() < until;);
    };
    const loop = new Loop({
      engine: { step: () => (wait(12), [deliver]), nextDeadline: () => Infinity },
      clock: () => performance.now(),
      perform: () => wait(6),
      onBatch: () => wait(6),
      watch: (one) => batches.push(one),
      onFailed: (error) => {
        throw error;
      },
    });
    loop.submit({ type: "detach", subscriber: 1 });
    loop.runNow();
    loop.stop();
    const [only] = batches;
    expect(only).toMatchObject({ events: [{ type: "detach" }], effects: [deliver] });
    expect(only!.stepMs).toBeGreaterThanOrEqual(12);
    expect(only!.performMs).toBeGreaterThanOrEqual(12);
  });
});
