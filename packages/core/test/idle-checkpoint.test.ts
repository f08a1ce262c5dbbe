import { statSync } from "node:fs";
import { join } from "node:path";
import { StoreFailedError, StoreFullError } from "@yarrow/replica";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { IdleCheckpoint } from "../src/idle-checkpoint.ts";
import { IDLE_CHECKPOINT_MS } from "../src/limits.ts";
import { startPeer, temporaryFolder } from "./peers.ts";

describe("IdleCheckpoint", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function createIdle(checkpoint: (mode: string) => boolean): { idle: IdleCheckpoint; failures: unknown[] } {
    const failures: unknown[] = [];
    return { idle: new IdleCheckpoint({ checkpoint }, (error) => failures.push(error)), failures };
  }

  it("runs once after the last commit, not between commits", () => {
    const checkpoint = vi.fn<(mode: string) => boolean>(() => true);
    const { idle } = createIdle(checkpoint);
    for (let commits = 0; commits < 5; commits++) {
      idle.postpone();
      vi.advanceTimersByTime(IDLE_CHECKPOINT_MS - 1);
    }
    expect(checkpoint).not.toHaveBeenCalled();
    vi.advanceTimersByTime(IDLE_CHECKPOINT_MS);
    expect(checkpoint.mock.calls).toEqual([["truncate"]]);
    idle.postpone();
    idle.stop();
    vi.advanceTimersByTime(IDLE_CHECKPOINT_MS);
    expect(checkpoint).toHaveBeenCalledTimes(1);
  });

  it("takes a full disk as it is, and tells of one that fails", () => {
    const full = createIdle(() => {
      throw new StoreFullError("no room");
    });
    full.idle.runNow();
    expect(full.failures).toEqual([]);
    const error = new StoreFailedError("the disk said no");
    const failed = createIdle(() => {
      throw error;
    });
    failed.idle.runNow();
    expect(failed.failures).toEqual([error]);
  });
});

it("empties the write-ahead log of a peer that has committed, when its time has come", async () => {
  const postpone = vi.spyOn(IdleCheckpoint.prototype, "postpone");
  const data = temporaryFolder();
  const peer = await startPeer({ data });
  const handle = await peer.open("n");
  handle.doc.getText("body").insert(0, "x".repeat(50_000));
  await handle.saved();
  const wal = join(data, "yarrow.db-wal");
  expect(statSync(wal).size).toBeGreaterThan(50_000);
  const idle = postpone.mock.contexts.at(-1) as IdleCheckpoint;
  idle.runNow();
  expect(statSync(wal).size).toBe(0);
  expect((await peer.show("n"))?.roots["body"]?.value).toHaveLength(50_000);
  postpone.mockRestore();
});
