/** Stores with something in them, and backups made of them in this thread. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ClusterId } from "@yarrow/protocol";
import { documentKey } from "@yarrow/replica";
import type { BackupManifest } from "../../src/backup/manifest.ts";
import { Report } from "../../src/backup/report.ts";
import { writeBackup } from "../../src/backup/write-backup.ts";
import { openSqliteStore, recordBoot } from "../../src/store/open-store.ts";
import type { SqliteStore } from "../../src/store/sqlite-store.ts";

export const CLUSTER = "00112233445566778899aabbccddeeff" as ClusterId;

export const quiet = (): Report => new Report(() => undefined, new Int32Array(new SharedArrayBuffer(4)));

/** A store with a row in every table that a peer fills in its first hour. */
export function openFilled(folder: string, documents = 40): SqliteStore {
  const store = openSqliteStore({ folder, durability: "normal", now: () => 5_000 });
  recordBoot(store, 5_000);
  store.transaction(() => {
    store.writeClusterId(CLUSTER);
    for (let index = 0; index < documents; index++) append(store, `document ${index}`, 3_000);
    store.writeAddress({ peerId: store.readPeerId(), urls: ["ws://127.0.0.1:1"], seenMs: 1 });
    store.writeBucket({ path: "", items: new Uint8Array(0) });
  });
  return store;
}

/** A document with one row of so many bytes. What is in it is of no interest to a backup. */
export function append(store: SqliteStore, name: string, bytes: number, arrivedMs = 4_000): void {
  const row = store.createDocument(name, documentKey(name));
  const update = new Uint8Array(bytes).fill(row.id & 0xff);
  const segments = [{ source: "local" as const, principal: "", update }];
  const lastSequence = store.appendLog({ document: row.id, incarnation: 1, arrivedMs, segments });
  store.addPending(row.id, segments[0]!);
  store.writeCheckpoint(row.id, { sequence: lastSequence, lattice: update.subarray(0, 9) });
  store.writeSnapshot({
    document: row.id,
    incarnation: 1,
    kind: "head",
    sequence: lastSequence,
    stateVector: new Uint8Array([row.id]),
    update,
  });
  store.writeDocument({ ...row, incarnation: 1, lastSequence, fence: new Uint8Array([1, 2, 3]) });
}

export function backUp(folder: string, file: string, report = quiet(), force = false): Promise<BackupManifest> {
  return writeBackup({ kind: "write", folder, file, force, bytesPerSecond: Infinity }, report);
}

/** Flips one bit of a file. */
export function flip(file: string, at: number): void {
  const bytes = readFileSync(file);
  const index = at < 0 ? bytes.length + at : at;
  bytes[index] = (bytes[index] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}

export const databaseOf = (folder: string): string => join(folder, "yarrow.db");
