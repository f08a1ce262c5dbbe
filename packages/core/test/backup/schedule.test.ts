/** Backups at fixed times, with a clock of the test's own and files that only look like backups. */
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PeerId } from "@yarrow/protocol";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { BackupManifest } from "../../src/backup/manifest.ts";
import { BACKUP_EVERY_MS_MIN, BACKUPS_KEPT_MAX, ScheduledBackups } from "../../src/backup/schedule.ts";
import { checkOptions } from "../../src/options.ts";
import type { LogLine } from "../../src/peer-api.ts";
import { makeTemporaryFolder } from "../store/temporary-folder.ts";

const PEER = "0123456789abcdef0123456789abcdef" as PeerId;
const HOUR_MS = 3_600_000;

beforeEach(() => vi.useFakeTimers({ now: Date.parse("2026-11-22T10:20:00Z") }));
afterEach(() => vi.useRealTimers());

function schedule(folder: string, keep = 3, write?: (file: string) => Promise<void>) {
  const lines: LogLine[] = [];
  const adopted: { readonly file: string; readonly takenMs: number }[] = [];
  const scheduled = new ScheduledBackups({
    schedule: { folder, everyMs: HOUR_MS, keep },
    peerId: PEER,
    backups: {
      write: async (file) => {
        await (write ?? (async () => writeFileSync(file, "x")))(file);
        return {} as BackupManifest;
      },
      adopt: (last) => void adopted.push(last),
    },
    clock: Date.now,
    log: (line) => void lines.push(line),
  });
  return { scheduled, lines, adopted };
}

const hours = (count: number): Promise<unknown> => vi.advanceTimersByTimeAsync(count * HOUR_MS);

describe("[BAK13]", () => {
  it("backups are taken at full periods, the newest are kept, and nothing else is touched", async () => {
    const folder = join(makeTemporaryFolder(), "deep", "backups");
    const { scheduled } = schedule(folder);
    scheduled.start();
    writeFileSync(join(folder, "yarrow-ffffffffffff-20200101T000000Z.backup"), "another peer's");
    writeFileSync(join(folder, "yarrow-0123456789ab-by-hand.backup"), "mine");
    await hours(0);
    expect(readdirSync(folder)).toContain("yarrow-0123456789ab-20261122T102000Z.backup");
    await hours(5);
    expect(readdirSync(folder).toSorted()).toEqual([
      "yarrow-0123456789ab-20261122T130000Z.backup",
      "yarrow-0123456789ab-20261122T140000Z.backup",
      "yarrow-0123456789ab-20261122T150000Z.backup",
      "yarrow-0123456789ab-by-hand.backup",
      "yarrow-ffffffffffff-20200101T000000Z.backup",
    ]);
    scheduled.stop();
    await hours(3);
    expect(readdirSync(folder)).toHaveLength(5);
  });

  it("a start makes up for a missed one only, knows the last one, and clears away what a killed process left", async () => {
    const folder = makeTemporaryFolder();
    const name = "yarrow-0123456789ab-20261122T100000Z.backup";
    writeFileSync(join(folder, name), "x");
    writeFileSync(join(folder, `${name}.0011aabb.partial`), "x");
    const { scheduled, adopted } = schedule(folder);
    scheduled.start();
    expect(adopted).toEqual([{ file: join(folder, name), takenMs: Date.parse("2026-11-22T10:00:00Z"), bytes: 1 }]);
    expect(readdirSync(folder)).toEqual([name]);
    await hours(0.5);
    expect(readdirSync(folder)).toEqual([name]);
    await hours(0.5);
    expect(readdirSync(folder)).toHaveLength(2);
    scheduled.stop();
  });

  it("one that fails is told, removes nothing, and the next is taken in its time", async () => {
    const folder = makeTemporaryFolder();
    let full = false;
    const { scheduled, lines } = schedule(folder, 1, async (file) => {
      if (full) throw new Error("no room");
      writeFileSync(file, "x");
    });
    scheduled.start();
    await hours(0);
    const before = readdirSync(folder);
    full = true;
    await hours(1);
    expect(readdirSync(folder)).toEqual(before);
    expect(lines).toMatchObject([{ level: "error", message: "a backup failed", fields: { error: "no room" } }]);
    full = false;
    await hours(1);
    expect(readdirSync(folder)).toHaveLength(1);
    expect(existsSync(join(folder, before[0] ?? ""))).toBe(false);
    scheduled.stop();
  });

  it("a folder that cannot be used and numbers out of bounds are refused at the start", () => {
    const folder = makeTemporaryFolder();
    writeFileSync(join(folder, "file"), "");
    expect(() => schedule(join(folder, "file", "below")).scheduled.start()).toThrow(
      expect.objectContaining({ code: "YARROW_CONFIG_INVALID" }),
    );
    const good = { folder, everyMs: BACKUP_EVERY_MS_MIN, keep: BACKUPS_KEPT_MAX };
    expect(checkOptions({ data: folder, backups: good }).backups).toEqual(good);
    for (const wrong of [
      { everyMs: BACKUP_EVERY_MS_MIN - 1 },
      { keep: 0 },
      { keep: BACKUPS_KEPT_MAX + 1 },
      { keep: 1.5 },
      { folder: "" },
      { maxBytesPerSecond: 0 },
    ]) {
      expect(() => checkOptions({ data: folder, backups: { ...good, ...wrong } })).toThrow(
        expect.objectContaining({ code: "YARROW_CONFIG_INVALID" }),
      );
    }
  });
});
