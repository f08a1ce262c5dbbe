/** Backups as an operator makes them: of a process that runs, at fixed times and by hand. */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterAll, expect, test } from "vitest";
import { parseRate, parseSize } from "../src/config/size.ts";
import { loadConfig } from "../src/config/load-config.ts";
import type { ConfigKey } from "../src/config/config-schema.ts";
import { createProgressBar } from "../src/terminal/progress-bar.ts";
import { eventually, run, Workbench } from "./command.ts";

const bench = new Workbench();
const data = join(bench.folder, "a");
const backups = join(bench.folder, "backups");
const LOOPBACK = ["--data", data, "--listen", "127.0.0.1:0"];

afterAll(() => bench.clean());

interface Printed {
  readonly peerId: string;
  readonly root: string;
  readonly backup: { readonly taken: number; readonly failures: number; readonly last: { readonly file: string } };
}

async function json(words: readonly string[]): Promise<Printed> {
  const { code, stdout } = await run([...words, "--json"]);
  expect(code).toBe(0);
  return JSON.parse(stdout) as Printed;
}

test("[OPS4] serve takes backups at fixed times, keeps the newest, and tells their age in status and metrics", async () => {
  const schedule = ["--backup-dir", backups, "--backup-every", "1s", "--backup-keep", "2"];
  const peer = await bench.start(["serve", ...LOOPBACK, "--admin", "127.0.0.1:0", ...schedule]);
  const read = async (path: string): Promise<string> => (await fetch(`${peer.announced["admin"]}${path}`)).text();
  const { backup } = await eventually(
    async () => JSON.parse(await read("/status")) as Printed,
    (status) => status.backup.taken >= 3,
  );
  expect(backup).toMatchObject({
    failures: 0,
    last: { file: expect.stringContaining(backups), bytes: expect.any(Number) },
  });
  expect(readdirSync(backups).filter((name) => name.endsWith(".backup")).length).toBeLessThanOrEqual(3);
  const metrics = await read("/metrics");
  expect(metrics).toMatch(/^yarrow_backups_total [3-9]/m);
  expect(metrics).toMatch(/^yarrow_backup_failures_total 0$/m);
  expect(metrics).toMatch(/^yarrow_backup_age_seconds \d+(\.\d+)?$/m);
  expect(metrics).toMatch(/^yarrow_backup_bytes \d+$/m);
  expect(await peer.end()).toBe(0);
  expect(readdirSync(backups).every((name) => name.endsWith(".backup"))).toBe(true);
});

test("[CLI29] backup writes, refuses to overwrite, and verifies; restore makes a new peer once, and names what is damaged", async () => {
  const peer = await bench.start(["serve", ...LOOPBACK]);
  const file = join(bench.folder, "by-hand.backup");
  const written = await run(["backup", file, "--data", data]);
  expect(written.stdout).toMatch(/^backup +\S+by-hand\.backup {2}written$/m);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(await run(["backup", file, "--data", data])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("YARROW_BACKUP_EXISTS"),
  });
  const manifest = await json(["backup", "--verify", file]);
  expect(Object.keys(manifest)).toEqual(
    expect.arrayContaining(["format", "peerId", "root", "documents", "rows", "database"]),
  );
  const { root } = await json(["status", "--data", data]);
  expect(manifest).toMatchObject({ root, peerId: peer.announced["peerId"], rows: { damaged: 0 } });

  const restored = join(bench.folder, "restored");
  const { peerId } = await json(["restore", file, "--data", restored]);
  expect(peerId).not.toBe(peer.announced["peerId"]);
  expect(existsSync(join(restored, "yarrow.db"))).toBe(true);
  expect(await run(["restore", file, "--data", restored])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("YARROW_RESTORE_REFUSED"),
  });

  const bytes = readFileSync(file);
  bytes[9_000] = (bytes[9_000] ?? 0) ^ 1;
  writeFileSync(file, bytes);
  const damaged = await run(["restore", file, "--data", join(bench.folder, "never")]);
  expect(damaged).toMatchObject({ code: 1, stderr: expect.stringMatching(/YARROW_BACKUP_DAMAGED .*pages 1 to \d+/) });
  expect(existsSync(join(bench.folder, "never"))).toBe(false);
}, 60_000);

test("[CLI29] backup --every says how backups at fixed times are made", async () => {
  const { code, stderr } = await run(["backup", "x", "--every", "1h"]);
  expect(code).toBe(2);
  expect(stderr).toContain("yarrow serve --backup-dir DIR --backup-every 1h --backup-keep 48");
});

test("[CLI4] the settings of backups are checked as all others are", () => {
  const load = (flags: Partial<Record<ConfigKey, string>>) =>
    loadConfig({ flags: new Map(Object.entries(flags) as [ConfigKey, string][]), environment: {}, file: undefined });
  const good = { "backup-dir": "/b", "backup-every": "6h", "backup-keep": "3", "backup-rate": "unlimited" };
  expect(load(good).config).toMatchObject({ "backup-every": 21_600_000, "backup-keep": 3, "backup-rate": Infinity });
  for (const wrong of [
    { "backup-every": "999ms" },
    { "backup-keep": "0" },
    { "backup-keep": "10001" },
    { "backup-keep": "many" },
    { "backup-rate": "fast" },
    { "backup-dir": "" },
  ]) {
    expect(() => load({ ...good, ...wrong })).toThrow(expect.objectContaining({ code: "YARROW_CONFIG_INVALID" }));
  }
  for (const key of ["backup-every", "backup-keep", "backup-rate"] as const) {
    expect(() => load({ [key]: good[key] })).toThrow(`${key} needs backup-dir`);
  }
});

test("[CLI6] a size is a number and a unit, and a rate is a size per second or none", () => {
  expect(parseSize("1.5KiB")).toEqual({ value: 1_536 });
  expect(parseSize("2 GB")).toEqual({ value: 2_000_000_000 });
  expect(parseRate("64MiB/s")).toEqual({ value: 67_108_864 });
  expect(parseRate("unlimited")).toEqual({ value: Infinity });
  for (const text of ["0B", "5", "MiB", "-1KB", "1kb", ""]) expect(parseSize(text), text).toHaveProperty("problem");
});

test("[CLI30] progress is a bar on a terminal, a plain line elsewhere and JSON for programs, and nothing where it is quick", () => {
  const show = (isTTY: boolean, asJson: boolean, afterMs: number): string => {
    let said = "";
    const out = { isTTY, write: (chunk: string) => ((said += chunk), true) } as unknown as NodeJS.WriteStream;
    const clock = performance.now.bind(performance);
    let offset = 0;
    performance.now = () => clock() + offset;
    const bar = createProgressBar(asJson, out);
    offset = afterMs;
    bar.at("copying pages", 5, 10);
    bar.end();
    performance.now = clock;
    return said;
  };
  const drawn = stripVTControlCharacters(show(true, false, 5_000)).split("\r");
  expect(drawn[1]).toMatch(/^█{12}░{12} {2}50 % copying pages /);
  expect(drawn.at(-1)).toBe("");
  expect(show(false, false, 5_000)).toBe("copying pages: 50 %\n");
  expect(JSON.parse(show(false, true, 5_000))).toEqual({ stage: "copying pages", done: 5, total: 10 });
  for (const isTTY of [true, false]) expect(show(isTTY, false, 10)).toBe("");
});
