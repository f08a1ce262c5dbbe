import { once } from "node:events";
import type { Worker } from "node:worker_threads";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import * as Y from "yjs";
import { WorkerPool } from "../src/worker-pool.ts";
import type { JobResult, PoolOptions } from "../src/worker-pool.ts";
import { startPeer } from "./peers.ts";
import { connectSynced } from "./stock-client.ts";

const NOTHING = Uint8Array.of(0);

function createPool(options: PoolOptions = {}): WorkerPool {
  const pool = new WorkerPool(options);
  onTestFinished(() => pool.close());
  return pool;
}

/** The next thread that this process starts, before it has done anything. */
async function nextThread(): Promise<Worker> {
  const [thread] = (await once(process, "worker")) as [Worker];
  return thread;
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
    const pool = createPool({ timeoutMs: 1 });
    const jobs = [1, 2].map(() => pool.run({ kind: "compact", parts: parts(3), deleteSet: NOTHING }));
    for (const result of await Promise.all(jobs)) {
      expect(result).toMatchObject({ kind: "failed", detail: expect.stringContaining("1 ms") });
    }
  });

  it("[API27] fails the job whose thread dies, and does the next in a new one", async () => {
    const pool = createPool();
    const compact = (): Promise<JobResult> => pool.run({ kind: "compact", parts: parts(3), deleteSet: NOTHING });
    const first = nextThread();
    const [doomed, next] = [compact(), compact()];
    const second = first.then(nextThread);
    await (await first).terminate();
    expect(await doomed).toMatchObject({ kind: "failed", detail: expect.stringContaining("ended with code") });
    expect((await next).kind).toBe("compact");
    // One that dies while it has nothing to do is replaced as well.
    await (await second).terminate();
    expect((await compact()).kind).toBe("compact");
  });

  it("[API27] ends a thread that has nothing to do, and starts another for the next job", async () => {
    const pool = createPool({ idleMs: 1 });
    const compact = (): Promise<JobResult> => pool.run({ kind: "compact", parts: parts(3), deleteSet: NOTHING });
    const first = nextThread();
    const done = compact();
    const ended = once(await first, "exit");
    expect((await done).kind).toBe("compact");
    await ended;
    const second = nextThread();
    expect((await compact()).kind).toBe("compact");
    expect(await second).not.toBe(await first);
  });

  it("[API27] starts with a peer that was told to, and with no other", async () => {
    const threads = vi.fn<(thread: Worker) => void>();
    process.on("worker", threads);
    onTestFinished(() => void process.off("worker", threads));
    await startPeer();
    await startPeer({ earlyWorker: true });
    await vi.waitFor(() => expect(threads).toHaveBeenCalled(), 10_000);
    expect(threads).toHaveBeenCalledTimes(1);
  });

  it("[API27] of a peer may lose its thread: whoever waited is told, and everything goes on", async () => {
    const peer = await startPeer();
    const handle = await peer.open("n");
    handle.doc.getText("body").insert(0, "x");
    await handle.saved();
    const thread = nextThread();
    const [shown] = await Promise.allSettled([peer.show("n"), thread.then((started) => started.terminate())]);
    expect(shown).toMatchObject({
      status: "rejected",
      reason: { message: expect.stringContaining("ended with code") },
    });
    expect((await peer.show("n"))?.roots["body"]?.value).toBe("x");
    // A document this large is compacted, and encoded for who joins, in a thread too.
    handle.doc.getText("body").insert(0, "y".repeat(200_000));
    await handle.saved();
    expect((await connectSynced(peer.url ?? "", "n")).text.length).toBe(200_001);
    expect(peer.status().state).toBe("ready");
  });

  it("[API27] starts its thread before there is a job where that is wanted, unless it is closed by then", async () => {
    const closed = new WorkerPool({ early: true, earlyMs: 0 });
    await closed.close();
    const started = nextThread();
    const pool = new WorkerPool({ early: true, earlyMs: 1 });
    onTestFinished(() => pool.close());
    const thread = await started;
    const threads = vi.fn<(thread: Worker) => void>();
    process.on("worker", threads);
    onTestFinished(() => void process.off("worker", threads));
    expect((await pool.run({ kind: "merge", parts: parts(2) })).kind).toBe("merge");
    expect(thread.threadId).toBeGreaterThan(0);
    expect(threads).not.toHaveBeenCalled();
  });

  it("[API27] fails whatever waits when it closes", async () => {
    const pool = createPool();
    const jobs = [1, 2, 3].map(() => pool.run({ kind: "compact", parts: parts(3), deleteSet: NOTHING }));
    await pool.close();
    expect((await Promise.all(jobs)).map(({ kind }) => kind)).toEqual(["failed", "failed", "failed"]);
    expect((await pool.run({ kind: "compact", parts: [], deleteSet: NOTHING })).kind).toBe("failed");
  });
});
