import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import {
  append,
  plain,
  putDocument,
  readEverything,
  segment,
  writeEverything,
} from "../../../replica/test/store-samples.ts";
import { openSqliteStore } from "../../src/store/open-store.ts";
import { makeTemporaryFolder } from "./temporary-folder.ts";

const open = (folder: string) => openSqliteStore({ folder, durability: "full", now: () => 1_000 });

function spawnChild(script: string, folder: string, shellLimit = ""): ChildProcess {
  const command = `${shellLimit} exec "${process.execPath}" "${path.join(import.meta.dirname, script)}" "${folder}"`;
  return spawn("sh", ["-c", command], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, NODE_OPTIONS: "--conditions=yarrow-src" },
  });
}

/** Lets a child commit until it has acknowledged so many rows, kills it, and returns all that it acknowledged. */
async function killAfter(rows: number, folder: string): Promise<number[]> {
  const child = spawnChild("committing-child.ts", folder);
  const acknowledged: number[] = [];
  if (child.stdout === null) throw new Error("the child's output is piped");
  for await (const line of createInterface(child.stdout)) {
    acknowledged.push(Number(line));
    if (acknowledged.length === rows) child.kill("SIGKILL");
  }
  return acknowledged;
}

test("[STO1] kill -9 during commits loses nothing that was acknowledged", async () => {
  const folder = makeTemporaryFolder();
  const acknowledged = new Set<number>();
  for (let cycle = 0; cycle < 10; cycle++) {
    for (const sequence of await killAfter(20 + cycle * 7, folder)) {
      expect(acknowledged.has(sequence)).toBe(false);
      acknowledged.add(sequence);
    }
    const store = open(folder);
    const stored = new Map(store.readChanges(0, 100_000).map((row) => [row.sequence, row]));
    for (const sequence of acknowledged) expect(stored.get(sequence)?.segments).toHaveLength(1);
    // At most the one commit that was under way when the child died was never acknowledged.
    expect(stored.size - acknowledged.size).toBeLessThanOrEqual(cycle + 1);
    expect(store.counts().logRows).toBe(stored.size);
    store.close();
  }
  expect(acknowledged.size).toBeGreaterThanOrEqual(10 * 20);
});

test("[STO1] a store whose process died is read from its write-ahead log", () => {
  const folder = makeTemporaryFolder();
  const store = open(folder);
  store.transaction(() => writeEverything(store, "x"));
  const before = readEverything(store);
  // The files as a dead process leaves them: nothing was copied from the log into the database yet.
  const copy = makeTemporaryFolder();
  for (const name of ["yarrow.db", "yarrow.db-wal"]) fs.copyFileSync(path.join(folder, name), path.join(copy, name));
  store.close();
  expect(fs.statSync(path.join(copy, "yarrow.db-wal")).size).toBeGreaterThan(0);
  const again = open(copy);
  expect(readEverything(again)).toEqual(before);
  expect(again.checkpoint("truncate")).toBe(true);
  expect(fs.statSync(path.join(copy, "yarrow.db-wal")).size).toBe(0);
  again.close();
});

test("[STO4] a commit that the disk fails is never acknowledged, and the store stays failed", async () => {
  const folder = makeTemporaryFolder();
  const child = spawnChild("failing-child.ts", folder, "ulimit -f 600;");
  if (child.stdout === null) throw new Error("the child's output is piped");
  const lines: string[] = [];
  for await (const line of createInterface(child.stdout)) lines.push(line);
  const acknowledged = lines.filter((line) => /^\d+$/.test(line)).map(Number);
  expect(lines.slice(acknowledged.length)).toEqual([
    "StoreFailedError YARROW_STORE_FAILED SQLITE_IOERR_WRITE",
    "again StoreFailedError YARROW_STORE_FAILED",
    `readable ${acknowledged.length}`,
  ]);
  expect(acknowledged.length).toBeGreaterThan(2);
  const store = open(folder);
  const sequences = store.readChanges(0, 100_000).map((row) => row.sequence);
  expect(sequences.filter((sequence) => sequence <= (acknowledged.at(-1) ?? 0))).toEqual(acknowledged);
  store.close();
});

test("[STO9] a bit that flips in the database file is found", () => {
  const folder = makeTemporaryFolder();
  const store = open(folder);
  store.transaction(() => {
    append(store, "a", 1, 1, "the needle in the haystack");
    append(store, "b", 1, 1, "hay");
  });
  store.close();
  const file = path.join(folder, "yarrow.db");
  const content = fs.readFileSync(file);
  const at = content.indexOf("needle");
  expect(content.indexOf("needle", at + 1)).toBe(-1);
  content[at] = (content[at] ?? 0) ^ 0x10;
  fs.writeFileSync(file, content);
  const again = open(folder);
  expect(plain(again.readChanges(0, 9).map((row) => row.segments))).toEqual([undefined, plain([segment("hay")])]);
  again.close();
});

test("[STO14] what was quarantined is kept aside, and the oldest of it gives way", () => {
  const folder = makeTemporaryFolder();
  const store = open(folder);
  const rows = 1_003;
  store.transaction(() => {
    const { id } = putDocument(store, "a", 1);
    for (let i = 0; i < rows; i++) {
      store.appendLog({ document: id, incarnation: 1, arrivedMs: 1, segments: [segment(`row ${i}`)] });
    }
    for (let sequence = 1; sequence <= rows; sequence++) store.quarantineLog(sequence);
  });
  store.close();
  const database = new Database(path.join(folder, "yarrow.db"), { readonly: true });
  const kept = database
    .prepare("SELECT count(*), min(sequence), max(sequence), min(found_ms) FROM damaged")
    .raw(true)
    .get();
  database.close();
  expect(kept).toEqual([1_000, 4, rows, 1_000]);
});
