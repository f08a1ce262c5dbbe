/** Taking a backup, in this thread; `peer-backup.test.ts` does it with a peer that runs. */
import { existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, it } from "vitest";
import { Report } from "../../src/backup/report.ts";
import type { BackupProgress } from "../../src/backup/report.ts";
import { verifyBackup } from "../../src/backup/verify-backup.ts";
import { writeBackup } from "../../src/backup/write-backup.ts";
import { makeTemporaryFolder } from "../store/temporary-folder.ts";
import { append, backUp, CLUSTER, flip, openFilled, quiet } from "./backup-folder.ts";
import { flipBit } from "../store/flip-bits.ts";

const verify = (file: string): ReturnType<typeof verifyBackup> => verifyBackup({ kind: "verify", file }, quiet());

/** Does something whenever the work tells where it is. */
function reporting(
  onProgress: (progress: BackupProgress) => void,
  stop = new Int32Array(new SharedArrayBuffer(4)),
): Report {
  const report = new Report(() => undefined, stop);
  let stage: BackupProgress["stage"] = "copy";
  report.begin = (next) => void (stage = next);
  const at = report.at.bind(report);
  report.at = (done, total) => {
    onProgress({ stage, done, total });
    at(done, total);
  };
  return report;
}

it("[BAK1] a backup holds one moment: what is committed while it is taken is not in it, and never makes it begin again", async () => {
  const folder = makeTemporaryFolder();
  const file = join(makeTemporaryFolder(), "a.backup");
  const store = openFilled(folder, 400);
  const before = store.lastSequence();
  const copied: number[] = [];
  let written = 0;
  const report = reporting(({ stage, done }) => {
    if (stage !== "copy") return;
    copied.push(done);
    store.transaction(() => append(store, `meanwhile ${written++}`, 20_000));
  });
  const manifest = await backUp(folder, file, report);
  expect(copied.length).toBeGreaterThan(4);
  expect(copied).toEqual(copied.toSorted((a, b) => a - b));
  expect(manifest).toMatchObject({ lastSequence: before, documents: { alive: 400 }, logRows: 400 });
  expect(store.lastSequence()).toBe(before + written);
  const copy = new Database(file, { readonly: true });
  expect(copy.prepare("SELECT count(*) FROM document").pluck().get()).toBe(400);
  expect(copy.prepare("SELECT count(*) FROM document WHERE name LIKE 'meanwhile%'").pluck().get()).toBe(0);
  copy.close();
  store.close();
});

it("[BAK2] a backup is never taken before what is in it arrived, wherever the wall clock was set meanwhile", async () => {
  const folder = makeTemporaryFolder();
  const store = openFilled(folder, 1);
  const here = await backUp(folder, join(makeTemporaryFolder(), "a.backup"));
  expect(Math.abs(here.takenMs - Date.now())).toBeLessThan(60_000);
  const ahead = Date.now() + 3_600_000;
  store.transaction(() => append(store, "ahead", 10, ahead));
  expect((await backUp(folder, join(makeTemporaryFolder(), "b.backup"))).takenMs).toBe(ahead);
  store.close();
});

it("[BAK2] a backup is one file, readable by its owner alone, and a SQLite database with nothing beside it", async () => {
  const folder = makeTemporaryFolder();
  const target = makeTemporaryFolder();
  const file = join(target, "a.backup");
  const store = openFilled(folder);
  const manifest = await backUp(folder, file);
  expect(readdirSync(target)).toEqual(["a.backup"]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(manifest).toMatchObject({
    format: 1,
    schema: expect.any(Number),
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    peerId: store.readPeerId(),
    clusterId: CLUSTER,
    epoch: store.listBoots().at(-1)?.epoch,
    lastSequence: 40,
    root: expect.stringMatching(/^[0-9a-f]{32}$/),
    documents: { alive: 40, deleted: 0, pending: 40, quarantined: 0 },
    rows: { damaged: 0, examples: [] },
  });
  const database = new Database(file, { readonly: true });
  expect(database.pragma("integrity_check", { simple: true })).toBe("ok");
  database.close();
  expect(readdirSync(target)).toEqual(["a.backup"]);
  expect(verify(file)).toEqual(manifest);
  store.close();
});

it("[BAK3] a file that exists is not overwritten without `force`, and with it only by a whole backup", async () => {
  const folder = makeTemporaryFolder();
  const file = join(makeTemporaryFolder(), "a.backup");
  const store = openFilled(folder);
  writeFileSync(file, "mine");
  await expect(backUp(folder, file)).rejects.toMatchObject({ code: "YARROW_BACKUP_EXISTS" });
  expect(readFileSync(file, "utf8")).toBe("mine");
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const stopping = reporting(({ stage }) => void (stop[0] = stage === "rows" ? 1 : 0), stop);
  await expect(backUp(folder, file, stopping, true)).rejects.toMatchObject({ code: "YARROW_BACKUP_FAILED" });
  expect(readFileSync(file, "utf8")).toBe("mine");
  await backUp(folder, file, quiet(), true);
  expect(verify(file).lastSequence).toBe(40);
  store.close();
});

it("[BAK3] nothing in a data folder is overwritten, least of all the database that is backed up", async () => {
  const folder = makeTemporaryFolder();
  const store = openFilled(folder);
  for (const name of ["yarrow.db", "lock.db"]) {
    const backup = backUp(folder, join(folder, name), quiet(), true);
    await expect(backup, name).rejects.toMatchObject({ code: "YARROW_BACKUP_FAILED" });
  }
  await backUp(folder, join(folder, "a.backup"));
  expect(verify(join(folder, "a.backup")).lastSequence).toBe(40);
  store.close();
});

it("[BAK4] a backup that fails or is given up leaves nothing behind, and the peer's log is taken over all the same", async () => {
  const folder = makeTemporaryFolder();
  const target = makeTemporaryFolder();
  const file = join(target, "a.backup");
  const store = openFilled(folder, 200);
  store.holdCheckpoints(true);
  const stop = new Int32Array(new SharedArrayBuffer(4));
  let written = 0;
  const stopping = reporting(({ done }) => {
    store.transaction(() => append(store, `meanwhile ${written++}`, 5_000_000));
    if (done > 100) stop[0] = 1;
  }, stop);
  await expect(backUp(folder, file, stopping)).rejects.toMatchObject({ code: "YARROW_BACKUP_FAILED" });
  expect(readdirSync(target)).toEqual([]);
  // All of the log is in the database file by now.
  expect(statSync(join(folder, "yarrow.db")).size).toBeGreaterThan(written * 5_000_000);
  await expect(backUp(folder, join(target, "missing", "a.backup"))).rejects.toMatchObject({
    code: "YARROW_BACKUP_FAILED",
  });
  store.close();
});

it("[BAK5] a backup keeps to its rate", async () => {
  const folder = makeTemporaryFolder();
  const file = join(makeTemporaryFolder(), "a.backup");
  const store = openFilled(folder, 200);
  const report = quiet();
  const pauses: number[] = [];
  report.pause = (ms) => void pauses.push(ms);
  const bytesPerSecond = 1024 * 1024;
  const manifest = await writeBackup({ kind: "write", folder, file, force: false, bytesPerSecond }, report);
  const wantedMs = (manifest.database.bytes / bytesPerSecond) * 1_000;
  // No pause is really made here, so the last one asked for is the whole time that the copy should have taken.
  expect(Math.max(...pauses)).toBeGreaterThan(wantedMs / 2);
  expect(Math.max(...pauses)).toBeLessThanOrEqual(wantedMs);
  store.close();
});

it("[BAK6] any changed, missing or added byte of a backup is found, and told by the pages it is on", async () => {
  const folder = makeTemporaryFolder();
  const file = join(makeTemporaryFolder(), "a.backup");
  const store = openFilled(folder, 600);
  const { database } = await backUp(folder, file);
  store.close();
  const { size } = statSync(file);
  const check = (at: number, complaint: RegExp): void => {
    flip(file, at);
    expect(() => verify(file)).toThrow(complaint);
    flip(file, at);
  };
  const damaged = { code: "YARROW_BACKUP_DAMAGED" };
  expect(database.parts.length).toBeGreaterThan(1);
  check(0, /pages 1 to 1024 of \d+ are not the ones/);
  check(database.partBytes + 77, /pages 1025 to \d+ of \d+ are not the ones/);
  check(database.bytes, /its manifest is damaged/);
  for (const back of [1, 33, 41, 64]) check(-back, /seal|manifest/);
  truncateSync(file, size - 1);
  expect(() => verify(file)).toThrow(expect.objectContaining(damaged));
  truncateSync(file, 10);
  expect(() => verify(file)).toThrow(/it has 10 bytes and no seal/);
  expect(() => verify(`${file}.none`)).toThrow(expect.objectContaining({ code: "YARROW_BACKUP_FAILED" }));
});

it("[BAK7] rows that were damaged on the peer's disk already are counted and named in the manifest", async () => {
  const folder = makeTemporaryFolder();
  const file = join(makeTemporaryFolder(), "a.backup");
  openFilled(folder).close();
  flipBit(folder, "update_log", "segments", "sequence = 7");
  flipBit(folder, "checkpoint", "lattice", "document = 8");
  flipBit(folder, "snapshot", "content", "document = 9");
  flipBit(folder, "pending", "segment", "document = 10");
  flipBit(folder, "fence", "ids", "document = 11");
  flipBit(folder, "document", "fingerprint", "id = 12");
  flipBit(folder, "bucket", "items", "path = ''");
  const { rows } = await backUp(folder, file);
  expect(rows.examples).toEqual([
    "document 12",
    "fence 11",
    "checkpoint 8",
    "update_log 7",
    "snapshot 9",
    "pending 10",
  ]);
  expect(rows.damaged).toBe(6);
  expect(verify(file).rows).toEqual(rows);
  expect(existsSync(`${file}-wal`)).toBe(false);
});
