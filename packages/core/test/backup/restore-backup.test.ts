/** Making a data folder of a backup. */
import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { encodeManifest } from "../../src/backup/manifest.ts";
import { restoreBackup } from "../../src/backup/restore-backup.ts";
import type { RestoredBackup } from "../../src/backup/restore-backup.ts";
import { openSqliteStore } from "../../src/store/open-store.ts";
import type { SqliteStore } from "../../src/store/sqlite-store.ts";
import { flipBit } from "../store/flip-bits.ts";
import { makeTemporaryFolder } from "../store/temporary-folder.ts";
import { backUp, CLUSTER, databaseOf, flip, openFilled, quiet } from "./backup-folder.ts";

const restore = (file: string, folder: string, acceptDamage = false, change?: (store: SqliteStore) => void) =>
  restoreBackup({ kind: "restore", file, folder, acceptDamage }, quiet(), change);

async function takeBackup(damage: (folder: string) => void = () => undefined): Promise<string> {
  const folder = makeTemporaryFolder();
  openFilled(folder).close();
  damage(folder);
  const file = join(makeTemporaryFolder(), "a.backup");
  await backUp(folder, file);
  return file;
}

it("[BAK8] a restored folder holds what was backed up, to the byte, under a peer id of its own and without earlier starts", async () => {
  const file = await takeBackup();
  const folder = join(makeTemporaryFolder(), "new", "peer");
  const { manifest, peerId } = restore(file, folder);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(readdirSync(join(folder, ".."))).toEqual(["peer"]);
  const store = openSqliteStore({ folder, durability: "normal", now: () => 9_000 });
  expect(store.readPeerId()).toBe(peerId);
  expect(peerId).not.toBe(manifest.peerId);
  expect(store.readClusterId()).toBe(CLUSTER);
  expect(store.listBoots()).toEqual([]);
  expect(store.lastSequence()).toBe(manifest.lastSequence);
  expect(store.counts()).toMatchObject({ alive: 40, pending: 40, logRows: 40 });
  const update = store.readLog(store.readDocument("document 5")?.id ?? 0, 1, 0, 9)[0]?.segments?.[0]?.update;
  expect(update?.length).toBe(3_000);
  store.close();
});

it("[BAK8] an empty folder is taken, and two restores of one backup are two peers", async () => {
  const file = await takeBackup();
  const folder = makeTemporaryFolder();
  const { peerId } = restore(file, folder);
  expect(restore(file, makeTemporaryFolder()).peerId).not.toBe(peerId);
});

describe("[BAK9] a restore that is refused or fails leaves nothing where it was to go, nor beside it", () => {
  const expectRefused = (act: () => RestoredBackup, above: string, error: object): void => {
    const before = readdirSync(above);
    expect(act).toThrow(expect.objectContaining(error));
    expect(readdirSync(above)).toEqual(before);
  };

  it("a folder with something in it, or a file", async () => {
    const file = await takeBackup();
    const above = makeTemporaryFolder();
    mkdirSync(join(above, "full"));
    writeFileSync(join(above, "full", "x"), "");
    writeFileSync(join(above, "plain"), "");
    mkdirSync(join(above, "empty"));
    symlinkSync(join(above, "empty"), join(above, "link"));
    symlinkSync(join(above, "none"), join(above, "dangling"));
    for (const name of ["full", "plain", "link", "dangling"]) {
      expectRefused(() => restore(file, join(above, name)), above, { code: "YARROW_RESTORE_REFUSED" });
    }
    expect(readdirSync(join(above, "full"))).toEqual(["x"]);
  });

  it("a folder that was filled while the backup was read", async () => {
    const file = await takeBackup();
    const above = makeTemporaryFolder();
    const folder = join(above, "peer");
    mkdirSync(folder);
    expectRefused(() => restore(file, folder, false, () => writeFileSync(join(folder, "x"), "mine")), above, {
      code: "YARROW_RESTORE_REFUSED",
    });
    expect(readdirSync(folder)).toEqual(["x"]);
  });

  it("a damaged backup, and no backup at all", async () => {
    const file = await takeBackup();
    const above = makeTemporaryFolder();
    flip(file, 5_000);
    expectRefused(() => restore(file, join(above, "peer")), above, {
      code: "YARROW_BACKUP_DAMAGED",
      message: expect.stringMatching(/pages 1 to \d+ of \d+ are not the ones that were written/),
    });
    for (const none of [join(above, "none"), above]) {
      expectRefused(() => restore(none, join(above, "peer")), above, { code: "YARROW_BACKUP_FAILED" });
    }
    for (const sealed of [null, 5, "text", []]) {
      const odd = join(makeTemporaryFolder(), "odd.backup");
      const manifest = { database: { bytes: 0 }, toJSON: () => sealed } as never;
      writeFileSync(odd, encodeManifest(manifest));
      expectRefused(() => restore(odd, join(above, "peer")), above, { code: "YARROW_BACKUP_DAMAGED" });
    }
  });

  it("a step that fails on the way", async () => {
    const file = await takeBackup();
    const above = makeTemporaryFolder();
    const fail = (): never => {
      throw new Error("no such time");
    };
    expectRefused(() => restore(file, join(above, "peer"), false, fail), above, { code: "YARROW_BACKUP_FAILED" });
  });

  it("rows that were damaged before they were backed up, unless that is accepted", async () => {
    const file = await takeBackup((folder) => void flipBit(folder, "update_log", "segments", "sequence = 7"));
    const above = makeTemporaryFolder();
    expectRefused(() => restore(file, join(above, "peer")), above, {
      code: "YARROW_BACKUP_DAMAGED",
      message: expect.stringContaining("update_log 7"),
    });
    restore(file, join(above, "peer"), true);
    expect(existsSync(databaseOf(join(above, "peer")))).toBe(true);
  });
});

it("[BAK10] a backup of a newer schema or form is refused with `YARROW_STORE_NEWER`, and says who can read it", async () => {
  const folder = makeTemporaryFolder();
  openFilled(folder).close();
  const database = new Database(databaseOf(folder));
  database.exec("UPDATE meta SET value = '99' WHERE key = 'schema_version'");
  database.close();
  const above = makeTemporaryFolder();
  const file = join(above, "a.backup");
  const manifest = await backUp(folder, file);
  expect(() => restore(file, join(above, "peer"))).toThrow(
    expect.objectContaining({ code: "YARROW_STORE_NEWER", hint: expect.stringContaining(manifest.version) }),
  );
  const later = { ...manifest, format: 2, database: { ...manifest.database, bytes: 0, parts: [] } };
  writeFileSync(join(above, "later.backup"), encodeManifest(later));
  expect(() => restore(join(above, "later.backup"), join(above, "peer"))).toThrow(/has format 2/);
  expect(readdirSync(above).toSorted()).toEqual(["a.backup", "later.backup"]);
});
