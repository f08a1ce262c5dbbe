/** Export and import, as an operator does it. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createPeer } from "@yarrow/core";
import type { Peer } from "@yarrow/core";
import { afterAll, expect, test } from "vitest";
import * as Y from "yjs";
import { readImport } from "../src/transfer/read-import.ts";
import { fileNameOf } from "../src/transfer/write-export.ts";
import { COMMAND, run, Workbench } from "./command.ts";

const bench = new Workbench();
afterAll(() => bench.clean());
const place = (name: string): string => join(bench.folder, name);

async function write(peer: Peer, name: string, text = `text of ${name}`): Promise<void> {
  await using handle = await peer.open(name);
  handle.doc.getText("body").insert(0, text);
  await handle.saved();
}

test("[CLI38] what is exported is imported elsewhere, by lines and by files, and importing it again changes nothing", async () => {
  const names = ["notes/a", "notes/B b", "ü", "x".repeat(256)];
  await using source = await createPeer({ data: place("source") });
  for (const name of names) await write(source, name);
  expect(await run(["export", place("all.jsonl"), "--data", place("source")])).toMatchObject({ code: 0, stderr: "" });
  expect(statSync(place("all.jsonl")).mode & 0o777).toBe(0o600);
  const written = await run(["export", place("files"), "--format", "update", "--data", place("source"), "--json"]);
  expect(JSON.parse(written.stdout)).toMatchObject({ documents: 4, damaged: [] });
  expect(readdirSync(place("files"))).toHaveLength(5);
  expect(await run(["export", place("all.jsonl"), "--data", place("source")])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("YARROW_BACKUP_EXISTS"),
  });
  await using target = await createPeer({ data: place("target") });
  expect(await run(["import", place("all.jsonl"), "--data", place("target")])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("merged 4 documents"),
  });
  const { root } = target.status();
  expect((await run(["import", place("files"), "--data", place("target")])).code).toBe(0);
  expect(target.status().root).toBe(root);
  expect(target.documents().map(({ name }) => name)).toEqual(source.documents().map(({ name }) => name));
  expect((await target.show("ü"))?.roots["body"]?.value).toBe("text of ü");

  await target.delete("ü");
  const again = await run([
    "import",
    place("files"),
    "--data",
    place("target"),
    "--into",
    "old/",
    "--prefix",
    "notes/",
  ]);
  expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining("merged 2 documents") });
  expect(target.documents({ prefix: "old/" })).toHaveLength(2);
  expect(await run(["import", place("files"), "--data", place("target")])).toMatchObject({
    code: 1,
    stderr: "left out, because it was deleted here: ü\n",
  });
}, 60_000);

test("[CLI38] an export that the disk refuses says so, fails, and leaves nothing behind", async () => {
  const data = place("large");
  await using peer = await createPeer({ data });
  await write(peer, "large", "x".repeat(400_000));
  for (const format of ["jsonl", "update"]) {
    const outcome = await run(["export", place("missing/x"), "--format", format, "--data", data]);
    expect(outcome, format).toMatchObject({ code: 1, stderr: expect.stringContaining("YARROW_BACKUP_FAILED") });
  }
  // No file may have more than these blocks, as if the disk were full: what SQLite needs for itself fits, the export does not.
  const words = [process.execPath, COMMAND, "export", place("full.jsonl"), "--data", data];
  const full = await new Promise<{ readonly code: unknown; readonly stderr: string }>((resolve) => {
    execFile("sh", ["-c", `ulimit -f 128; trap '' XFSZ; exec "$0" "$@"`, ...words], (error, _stdout, stderr) =>
      resolve({ code: error?.code, stderr }),
    );
  });
  expect(full).toMatchObject({ code: 1, stderr: expect.stringContaining("YARROW_BACKUP_FAILED") });
  expect(readdirSync(bench.folder).filter((name) => name.startsWith("full"))).toEqual([]);
  expect(existsSync(place("missing"))).toBe(false);
  // Nor may it take the place of what it reads.
  expect(await run(["export", join(data, "yarrow.db"), "--force", "--data", data])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("YARROW_BACKUP_FAILED"),
  });
}, 60_000);

test("[CLI36, CLI38] an import and a revert that wait for copies in vain end in time, and say what is done", async () => {
  const data = place("lonely");
  await using peer = await createPeer({ data, durability: { copies: 1 } });
  const handle = await peer.open("n");
  handle.doc.getText("body").insert(0, "one");
  await handle.saved({ copies: 0 });
  const then = peer.documents()[0]?.changedAt.toISOString() ?? "";
  handle.doc.getText("body").insert(0, "two");
  await handle.saved({ copies: 0 });
  const doc = new Y.Doc();
  doc.getText("body").insert(0, "x");
  mkdirSync(place("two"));
  for (const name of ["a", "b"]) writeFileSync(place(`two/${name}.yupdate`), Y.encodeStateAsUpdate(doc));
  for (const words of [
    ["import", place("two")],
    ["revert", "n", "--to", then],
  ]) {
    const late = await run([...words, "--data", data, "--timeout", "300ms"]);
    expect(late).toMatchObject({ code: 1, stdout: "" });
    expect(late.stderr).toMatch(/YARROW_COPIES_MISSING \S+: committed here, and not on 1 other peer within 300 ms/);
  }
  expect((await peer.show("a"))?.roots["body"]?.value).toBe("x");
  expect((await peer.show("n"))?.roots["body"]?.value).toBe("one");
});

test("[CLI39] an import says which line is wrong, and reads no file outside of its folder", async () => {
  const read = async (from: string): Promise<string[]> => {
    const names: string[] = [];
    for await (const { name } of readImport(from)) names.push(name);
    return names;
  };
  const lines = (text: string): string => {
    writeFileSync(place("some.jsonl"), text);
    return place("some.jsonl");
  };
  const update = Buffer.from(Y.encodeStateAsUpdate(new Y.Doc())).toString("base64");
  const good = JSON.stringify({ name: "n", update });
  expect(await read(lines(`${good}\r\n\n${good}`))).toEqual(["n", "n"]);
  for (const wrong of ["{", "[]", "null", '{"update":"AAA="}', '{"name":"n"}', '{"name":"n","update":5}']) {
    await expect(read(lines(`${good}\n${wrong}\n`)), wrong).rejects.toThrow(/^line 2 of .*some\.jsonl/);
  }
  await expect(read(place("none"))).rejects.toMatchObject({ code: "YARROW_USAGE" });
  mkdirSync(place("folder"));
  writeFileSync(join(place("folder"), "plain%2Fname.yupdate"), "");
  expect(await read(place("folder"))).toEqual(["plain/name"]);
  mkdirSync(join(place("folder"), "sub.yupdate"));
  await expect(read(place("folder"))).rejects.toMatchObject({ code: "YARROW_UPDATE_INVALID" });
  mkdirSync(place("wrong"));
  writeFileSync(join(place("wrong"), "%zz.yupdate"), "");
  await expect(read(place("wrong"))).rejects.toMatchObject({ code: "YARROW_NAME_INVALID" });
  for (const file of ["../some.jsonl", "..", "a\\b"]) {
    writeFileSync(join(place("folder"), "documents.jsonl"), JSON.stringify({ name: "n", file }));
    await expect(read(place("folder")), file).rejects.toMatchObject({ code: "YARROW_UPDATE_INVALID" });
  }
});

test("[CLI39] files are named after their documents, and no two fall together", () => {
  expect(fileNameOf("notes/today")).toBe("notes%2Ftoday.yupdate");
  const names = ["a", "A", "..", ".", "*", "x".repeat(255), "x".repeat(256), "ü".repeat(128), "a/b", "a%2fb"];
  const files = names.map(fileNameOf);
  expect(new Set(files.map((file) => file.toLowerCase())).size).toBe(names.length);
  for (const file of files) {
    expect(file).not.toMatch(/[/\\*:]|^\.+$/);
    expect(Buffer.byteLength(file)).toBeLessThan(240);
  }
});

test("[CLI39] what was exported reads back from stdin", async () => {
  expect(readFileSync(place("all.jsonl"), "utf8").trim().split("\n")).toHaveLength(4);
});
