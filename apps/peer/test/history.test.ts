/** The past on the command line: told, shown, gone back to. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPeer } from "@yarrow/core";
import type { Peer } from "@yarrow/core";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { parseInstant } from "../src/config/instant.ts";
import { eventually } from "./command.ts";
import { say } from "./say.ts";

const folder = mkdtempSync(join(tmpdir(), "yarrow-history-"));
const data = join(folder, "a");
let peer: Peer;
let one: Date;

beforeAll(async () => {
  peer = await createPeer({ data });
  one = await write("one");
  await write(" two");
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});
afterAll(async () => {
  await peer.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Returns the instant of the change; nothing else arrives in that millisecond. */
async function write(text: string): Promise<Date> {
  await using note = await peer.open("note");
  const body = note.doc.getText("body");
  body.insert(body.length, text);
  await note.saved();
  const at = peer.documents()[0]!.changedAt;
  await eventually(
    async () => Date.now(),
    (now) => now > at.getTime() + 1,
  );
  return at;
}

interface Printed {
  readonly at: string;
  readonly state: string;
  readonly roots: { readonly body: { readonly value: string } };
  readonly entries: readonly { readonly at: string; readonly kind: string; readonly batches: number }[];
  readonly next: number | null;
  readonly since: string | null;
  readonly changed: boolean;
  readonly recreated: boolean;
}

async function json(...words: string[]): Promise<Printed> {
  const { code, stdout, stderr } = await say([...words, "--data", data, "--json"]);
  expect([code, stderr]).toEqual([0, ""]);
  return JSON.parse(stdout) as Printed;
}

describe("the past on the command line", () => {
  test("[CLI34] show --at shows a document as it was, and says where nothing was", async () => {
    const past = await json("show", "note", "--at", one.toISOString());
    expect(past).toMatchObject({ at: one.toISOString(), changedAt: one.toISOString(), whole: true, pending: 0 });
    expect(past.roots.body.value).toBe("one");
    expect((await json("show", "note", "--at", "-0ms")).roots.body.value).toBe("one two");
    const people = await say(["show", "note", "--at", one.toISOString(), "--data", data]);
    expect(people.stdout).toContain(`at           ${one.toISOString()}`);
    expect(people.stdout).toMatch(/\none\n$/);
    const before = await say(["show", "note", "--at", "2001-01-01", "--data", data]);
    expect(before).toMatchObject({ code: 1, stderr: expect.stringContaining(`it came ${one.toISOString()}`) });
    const never = await say(["show", "never", "--at", "-1ms", "--data", data]);
    expect(never).toMatchObject({ code: 1, stderr: expect.stringContaining("was ever written here") });
    const future = await say(["show", "note", "--at", "2999-01-01", "--data", data]);
    expect(future).toMatchObject({ code: 2, stderr: expect.stringContaining("lies in the future") });
  });

  test("[CLI34] a time that cannot be read is refused with the ways to write one", async () => {
    for (const words of [
      ["show", "note", "--at", "yesterdayish"],
      ["revert", "note", "--to", "2026-02-31"],
    ]) {
      const { code, stderr } = await say([...words, "--data", data]);
      expect(code).toBe(2);
      expect(stderr).toContain("'2h ago'");
    }
    const { code, stderr } = await say(["revert", "note", "--data", data]);
    expect([code, stderr.includes("--to")]).toEqual([2, true]);
  });

  test("[CLI35] history tells what happened, a minute on a line or every batch, in pages", async () => {
    const told = await json("history", "note");
    expect(told).toMatchObject({ name: "note", since: null, next: null, entries: [{ kind: "created", batches: 2 }] });
    const first = await json("history", "note", "--all", "--limit", "1");
    expect(first.entries).toMatchObject([{ kind: "changed", batches: 1, writers: [{ source: "local" }] }]);
    const rest = await json("history", "note", "--all", "--before", String(first.next));
    expect(rest.entries).toMatchObject([{ kind: "created", at: one.toISOString() }]);
    const people = await say(["history", "note", "--all", "--data", data]);
    expect(people.stdout).toMatch(/^UNTIL +WHAT +UPDATES +SIZE +BY\n\S+Z +changed +1 +\d+ B +here\n/);
    expect(people.stdout).toContain("told from its beginning");
    const page = await say(["history", "note", "--all", "--limit", "1", "--data", data]);
    expect(page.stdout).toContain(`more with --before ${first.next} --all`);
    expect(await say(["history", "never", "--data", data])).toMatchObject({ code: 1 });
  });

  test("[CLI36] revert brings back what was, once, and what was deleted", async () => {
    const to = ["--to", one.toISOString()];
    expect(await json("revert", "note", ...to)).toMatchObject({ changed: true, recreated: false });
    expect((await json("show", "note")).roots.body.value).toBe("one");
    const again = await say(["revert", "note", ...to, "--data", data]);
    expect(again.stdout).toBe(`note says already what it said at ${one.toISOString()}\n`);
    await peer.delete("note");
    const back = await say(["revert", "note", ...to, "--data", data]);
    expect(back.stdout).toBe(`note is back, with what it said at ${one.toISOString()}\n`);
    const [newest] = (await json("history", "note")).entries;
    expect(newest).toMatchObject({ kind: "recreated", incarnation: 3 });
    const never = await say(["revert", "note", "--to", "2001-01-01", "--data", data]);
    expect(never).toMatchObject({ code: 1, stderr: expect.stringContaining("yarrow delete") });
  });
});

describe("restore --at", () => {
  test("[CLI37] makes a peer of the set as it was, of its own cluster if wanted", async () => {
    const file = join(folder, "a.backup");
    await peer.backup(file);
    const restored = join(folder, "then");
    const words = ["restore", file, "--at", one.toISOString(), "--data", restored];
    const { code, stdout } = await say([...words, "--cluster", "then", "--json"]);
    expect(code).toBe(0);
    const { documents, clusterId, at } = JSON.parse(stdout) as Record<string, unknown>;
    expect([documents, at]).toEqual([{ alive: 1, deleted: 0, damaged: [] }, one.toISOString()]);
    expect(clusterId).not.toBe(peer.status().clusterId);
    const then = await createPeer({ data: restored });
    expect((await then.show("note"))!.roots["body"]!.value).toBe("one");
    await then.close();
    const people = await say(["restore", file, "--at", one.toISOString(), "--data", join(folder, "again")]);
    expect(people.stdout).toContain(`with 1 document as of ${one.toISOString()}, and 0 deletions`);
    expect(people.stdout).toContain("--cluster NAME keeps it apart");
    const alone = await say(["restore", file, "--cluster", "x", "--data", join(folder, "never")]);
    expect(alone).toMatchObject({ code: 2, stderr: expect.stringContaining("--at") });
  });
});

describe("instants", () => {
  const now = new Date(2026, 10, 23, 15, 0, 0).getTime();
  const read = (text: string): number | undefined => {
    const parsed = parseInstant(text, now);
    return "value" in parsed ? parsed.value : undefined;
  };

  test("[CLI34] are read as dates, as times of today, and as how long ago", () => {
    expect(read("now")).toBe(now);
    expect([read("-2h"), read("2h ago"), read(" 2h  ago ")]).toEqual(Array(3).fill(now - 7_200_000));
    expect(read("14:30")).toBe(new Date(2026, 10, 23, 14, 30).getTime());
    expect(read("9:05:07.5")).toBe(new Date(2026, 10, 23, 9, 5, 7, 500).getTime());
    expect(read("2026-11-20")).toBe(new Date(2026, 10, 20).getTime());
    expect(read("2026-11-20T08:00")).toBe(new Date(2026, 10, 20, 8).getTime());
    expect(read("2026-11-20 08:00")).toBe(new Date(2026, 10, 20, 8).getTime());
    expect(read("2026-11-20T08:00:01.250Z")).toBe(Date.UTC(2026, 10, 20, 8, 0, 1, 250));
    expect(read("2026-11-20T08:00+02:00")).toBe(Date.UTC(2026, 10, 20, 6));
    expect(read("2028-02-29")).toBe(new Date(2028, 1, 29).getTime());
    for (const wrong of [
      "",
      "-",
      "2h",
      "ago",
      "25:00",
      "12:60",
      "2026-02-29",
      "2026-13-01",
      "2026-11-00",
      "tomorrow",
    ]) {
      expect(read(wrong), wrong).toBeUndefined();
    }
  });
});
