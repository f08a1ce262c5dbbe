import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import Database from "better-sqlite3";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { YarrowError } from "@yarrow/protocol";
import { append, readEverything, writeEverything } from "../../../replica/test/store-samples.ts";
import { FREE_BYTES_MIN, checkFreeSpace, checkSqliteVersion } from "../../src/store/boot-check.ts";
import { FILES_CHECK_MS } from "../../src/store/connection.ts";
import { openSqliteStore, recordBoot } from "../../src/store/open-store.ts";
import type { SqliteStore } from "../../src/store/sqlite-store.ts";
import { makeTemporaryFolder } from "./temporary-folder.ts";

const open = (folder: string) => openSqliteStore({ folder, durability: "full", now: () => 1_000 });

/** The error that opening the folder throws. */
function refusal(folder: string): YarrowError {
  try {
    open(folder).close();
  } catch (error) {
    if (error instanceof YarrowError) return error;
    throw error;
  }
  throw new Error("the folder was opened");
}

describe("[STO21] the write-ahead log is synced behind each commit that wrote", () => {
  afterEach(() => void vi.restoreAllMocks());

  test.each([
    ["full", 1],
    ["normal", 0],
  ] as const)("with durability %s %i times", (durability, times) => {
    const folder = makeTemporaryFolder();
    const store = openSqliteStore({ folder, durability, now: () => 1 });
    const log = fs.statSync(path.join(folder, "yarrow.db-wal")).ino;
    const synced: { readonly file: number; readonly bytes: number }[] = [];
    vi.spyOn(fs, "fdatasyncSync").mockImplementation((descriptor) => {
      const { ino, size } = fs.fstatSync(descriptor);
      synced.push({ file: ino, bytes: size });
    });
    store.transaction(() => append(store, "a", 1, 1, "x".repeat(100_000)));
    const bytes = fs.statSync(path.join(folder, "yarrow.db-wal")).size;
    expect(bytes).toBeGreaterThan(100_000);
    expect(synced).toEqual(Array.from({ length: times }, () => ({ file: log, bytes })));
    store.transaction(() => store.readChanges(0, 9));
    expect(synced).toHaveLength(times);
    expect(store.synchronous).toBe(durability);
    store.close();
  });

  test("and a commit that cannot be is never acknowledged, nor any that follows", () => {
    const store = open(makeTemporaryFolder());
    vi.spyOn(fs, "fdatasyncSync").mockImplementationOnce(() => {
      throw Object.assign(new Error("input/output error"), { code: "EIO" });
    });
    for (const name of ["a", "b"]) {
      expect(() => store.transaction(() => append(store, name, 1, 1, "x"))).toThrow(
        expect.objectContaining({ code: "YARROW_STORE_FAILED", message: expect.stringContaining("EIO") }),
      );
    }
    store.close();
  });
});

test("[STO22] folder and files are their owner's alone", () => {
  const folder = path.join(makeTemporaryFolder(), "made", "here");
  const store = open(folder);
  store.transaction(() => writeEverything(store, "x"));
  const modes = ["", "yarrow.db", "yarrow.db-wal", "yarrow.db-shm", "lock.db"].map((name) =>
    (fs.statSync(path.join(folder, name)).mode & 0o777).toString(8),
  );
  expect(modes).toEqual(["700", "600", "600", "600", "600"]);
  store.close();
});

test("[STO24] a folder that cannot be made is refused, with why", () => {
  const file = path.join(makeTemporaryFolder(), "file");
  fs.writeFileSync(file, "");
  const places = [file, path.join(file, "below"), path.join(file, "far", "below")];
  // There, making a folder fails as if the one above it were missing.
  if (process.platform === "linux") places.push("/proc/yarrow", "/proc/yarrow/below");
  for (const place of places) {
    const error = refusal(place);
    expect(error).toMatchObject({ code: "YARROW_STORE_FAILED", message: expect.stringContaining(place) });
  }
});

test.each(["yarrow.db", "yarrow.db-wal", "all of it"])("[STO27] with %s gone, nothing more is acknowledged", (what) => {
  const folder = path.join(makeTemporaryFolder(), "data");
  const store = open(folder);
  store.transaction(() => writeEverything(store, "x"));
  store.checkpoint("truncate");
  store.transaction(() => writeEverything(store, "y"));
  fs.rmSync(what === "all of it" ? folder : path.join(folder, what), { recursive: true });
  expect(() => commitUntilChecked(store)).toThrow(expect.objectContaining({ code: "YARROW_STORE_FAILED" }));
  expect(() => store.transaction(() => writeEverything(store, "again"))).toThrow(
    expect.objectContaining({ code: "YARROW_STORE_FAILED" }),
  );
  store.close();
});

test("[STO27] with the folder moved away and another in its place, nothing more is acknowledged", () => {
  const folder = path.join(makeTemporaryFolder(), "data");
  const store = open(folder);
  store.transaction(() => writeEverything(store, "x"));
  fs.renameSync(folder, `${folder}-moved`);
  fs.cpSync(`${folder}-moved`, folder, { recursive: true });
  expect(() => commitUntilChecked(store)).toThrow("was removed or replaced");
  store.close();
});

/** Commits for as long as the files may go unwatched. */
function commitUntilChecked(store: SqliteStore): void {
  const end = performance.now() + 2 * FILES_CHECK_MS;
  do store.transaction(() => append(store, "a", 1, 1, "x"));
  while (performance.now() < end);
}

test("[STO15] the peer id is minted once, and a copied folder has it too", () => {
  const folder = makeTemporaryFolder();
  const store = open(folder);
  const peerId = store.readPeerId();
  store.transaction(() => writeEverything(store, "x"));
  const before = readEverything(store);
  store.close();
  const copy = makeTemporaryFolder();
  fs.cpSync(folder, copy, { recursive: true });
  const [original, copied] = [open(folder), open(copy)];
  expect([original.readPeerId(), copied.readPeerId()]).toEqual([peerId, peerId]);
  expect(readEverything(copied)).toEqual(before);
  const other = open(makeTemporaryFolder());
  expect(other.readPeerId()).not.toBe(peerId);
  for (const each of [original, copied, other]) each.close();
});

test("[STO15] a damaged peer id is refused, never replaced", () => {
  const folder = makeTemporaryFolder();
  open(folder).close();
  const database = new Database(path.join(folder, "yarrow.db"));
  database.exec("UPDATE meta SET value = replace(value, substr(value, 1, 1), '0') || '0' WHERE key = 'peer_id'");
  database.close();
  const [opened, closed] = [vi.spyOn(fs, "openSync"), vi.spyOn(fs, "closeSync")];
  onTestFinished(() => void vi.restoreAllMocks());
  expect(refusal(folder)).toMatchObject({ code: "YARROW_STORE_CORRUPT", message: expect.stringContaining(folder) });
  // An embedder may try again, for as long as its process lives.
  const descriptors = opened.mock.results.map(({ value }) => value as number);
  expect(descriptors).not.toEqual([]);
  expect(new Set(closed.mock.calls.flat())).toEqual(new Set(descriptors));
});

test("a boot is recorded with the first sequence that can belong to it", () => {
  const store = open(makeTemporaryFolder());
  const first = recordBoot(store, 5);
  expect(first).toEqual({ epoch: expect.stringMatching(/^[0-9a-f]{16}$/), firstSequence: 1, startedMs: 5 });
  store.transaction(() => append(store, "a", 1, 1, "x"));
  const second = recordBoot(store, 6);
  expect(second.firstSequence).toBe(2);
  expect(store.listBoots()).toEqual([first, second]);
  store.close();
});

test("[STO16] a second store on the folder is refused while the first is open, also within a process", () => {
  const folder = makeTemporaryFolder();
  const store = open(folder);
  expect(refusal(folder)).toMatchObject({ code: "YARROW_STORE_LOCKED", message: expect.stringContaining(folder) });
  // The refused attempt has not loosened the lock.
  expect(refusal(folder).code).toBe("YARROW_STORE_LOCKED");
  store.close();
  store.close();
  open(folder).close();
});

test("[STO16] another process is refused, and killing it gives the folder free", async () => {
  const folder = makeTemporaryFolder();
  const child = spawn(process.execPath, [path.join(import.meta.dirname, "committing-child.ts"), folder], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, NODE_OPTIONS: "--conditions=yarrow-src" },
  });
  const ended = once(child, "exit");
  try {
    await once(createInterface(child.stdout), "line");
    expect(refusal(folder).code).toBe("YARROW_STORE_LOCKED");
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
  open(folder).close();
});

test("[STO17] a newer schema is refused and left as it was", () => {
  const folder = makeTemporaryFolder();
  open(folder).close();
  const file = path.join(folder, "yarrow.db");
  const database = new Database(file);
  database.exec("UPDATE meta SET value = '2' WHERE key = 'schema_version'");
  database.close();
  const before = fs.readFileSync(file);
  const error = refusal(folder);
  expect(error).toMatchObject({ code: "YARROW_STORE_NEWER", message: expect.stringMatching(/schema 2; .* up to 1/) });
  expect(error.hint).toMatch(/release/);
  expect(fs.readFileSync(file).equals(before)).toBe(true);
});

test("[STO19] an old SQLite and a full disk are refused, with what was found and what is needed", () => {
  for (const version of ["3.51.2", "3.50.9", "3.9.99", "2.99.0"]) {
    expect(() => checkSqliteVersion(version)).toThrow(expect.objectContaining({ code: "YARROW_SQLITE_UNSUPPORTED" }));
  }
  for (const version of ["3.51.3", "3.52.0", "3.100.0", "4.0.0"]) checkSqliteVersion(version);
  const low = expect.objectContaining({
    code: "YARROW_DISK_SPACE_LOW",
    message: expect.stringContaining("/somewhere"),
  });
  expect(() => checkFreeSpace("/somewhere", FREE_BYTES_MIN - 1)).toThrow(low);
  checkFreeSpace("/somewhere", FREE_BYTES_MIN);
  checkFreeSpace(makeTemporaryFolder());
});

test("[STO19] a file that is no database is told from a failing disk, and the folder is not left locked", () => {
  const folder = makeTemporaryFolder();
  const file = path.join(folder, "yarrow.db");
  fs.writeFileSync(file, "this is not a database, though it is longer than a header would be: ".repeat(20));
  expect(refusal(folder)).toMatchObject({ code: "YARROW_STORE_CORRUPT", message: expect.stringContaining(file) });
  fs.rmSync(file);
  open(folder).close();
});

test("[STO28] emptying the write-ahead log waits for no reader, and lets one that comes back to it succeed", () => {
  const folder = makeTemporaryFolder();
  const store = open(folder);
  store.transaction(() => writeEverything(store, "x"));
  const reader = new Database(path.join(folder, "yarrow.db"), { readonly: true });
  reader.exec("BEGIN");
  reader.prepare("SELECT count(*) FROM document").get();
  store.transaction(() => writeEverything(store, "y"));
  const startedMs = performance.now();
  expect(store.checkpoint("truncate")).toBe(false);
  // A lock is waited for for five seconds.
  expect(performance.now() - startedMs).toBeLessThan(2_000);
  reader.close();
  expect(store.checkpoint("truncate")).toBe(true);
  store.close();
});
