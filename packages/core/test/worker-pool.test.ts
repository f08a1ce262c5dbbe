import { describe, expect, it, onTestFinished } from "vitest";
import * as Y from "yjs";
import { WorkerPool } from "../src/worker-pool.ts";

const NOTHING = Uint8Array.of(0);

function createPool(timeoutMs?: number): WorkerPool {
  const pool = new WorkerPool(timeoutMs);
  onTestFinished(() => pool.close());
  return pool;
}

function parts(count: number): Uint8Array[] {
  const doc = new Y.Doc();
  const updates: Uint8Array[] = [];
  doc.on("update", (update: Uint8Array) => updates.push(update));
  for (let index = 0; index < count; index++) doc.getText("body").insert(index, "x");
  return updates;
}

describe("WorkerPool", () => {
  it("[API27] encodes elsewhere and leaves the buffers where they are", async () => {
    const pool = createPool();
    const shared = new Uint8Array(10_000);
    let at = 0;
    const views = parts(10).map((part) => {
      shared.set(part, at);
      return shared.subarray(at, (at += part.length));
    });
    const jobs = [1, 2].map(() => pool.run({ kind: "encode", parts: views, stateVector: NOTHING, deleteSet: NOTHING }));
    for (const result of await Promise.all(jobs)) {
      expect(result.kind).toBe("encode");
      if (result.kind !== "encode") continue;
      const doc = new Y.Doc();
      Y.applyUpdate(doc, result.update);
      expect(doc.getText("body").toString()).toBe("x".repeat(10));
    }
    expect(views[0]?.length).toBeGreaterThan(0);
  });

  it("[API27] answers damaged input with a failure, and goes on", async () => {
    const pool = createPool();
    const damaged = await pool.run({
      kind: "describe",
      parts: [Uint8Array.of(255, 255)],
      deleteSet: NOTHING,
      as: undefined,
    });
    expect(damaged.kind).toBe("failed");
    expect((await pool.run({ kind: "compact", parts: parts(3), deleteSet: NOTHING })).kind).toBe("compact");
  });

  it("[API27] gives up on a worker that is silent for too long, without getting stuck", async () => {
    const pool = createPool(1);
    const jobs = [1, 2].map(() => pool.run({ kind: "compact", parts: parts(3), deleteSet: NOTHING }));
    for (const result of await Promise.all(jobs)) {
      expect(result).toMatchObject({ kind: "failed", detail: expect.stringContaining("1 ms") });
    }
  });

  it("[API27] fails whatever waits when it closes", async () => {
    const pool = createPool();
    const jobs = [1, 2, 3].map(() => pool.run({ kind: "compact", parts: parts(3), deleteSet: NOTHING }));
    await pool.close();
    expect((await Promise.all(jobs)).map(({ kind }) => kind)).toEqual(["failed", "failed", "failed"]);
    expect((await pool.run({ kind: "compact", parts: [], deleteSet: NOTHING })).kind).toBe("failed");
  });
});
