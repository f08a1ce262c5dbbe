/** `append` and `wait`: what scripts write with, and what they wait with. */
import { join } from "node:path";
import { createPeer } from "@yarrow/core";
import type { Peer } from "@yarrow/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run, Workbench } from "./command.ts";

const bench = new Workbench();
const folders = { near: join(bench.folder, "near"), far: join(bench.folder, "far") };
let near: Peer;
let far: Peer;

beforeAll(async () => {
  near = await createPeer({ data: folders.near, listen: "127.0.0.1:0" });
  far = await createPeer({ data: folders.far, listen: "127.0.0.1:0", role: "follower", peers: [near.url ?? ""] });
}, 30_000);

afterAll(async () => {
  await far?.close();
  await near?.close();
  await bench.clean();
});

test("[CLI32, LAG14] append writes a line where it may, and says where it is kept", async () => {
  const words = ["append", "n", "one", "--data", folders.near];
  expect(await run([...words, "--copies", "1"])).toEqual({
    code: 0,
    stdout: "appended to n; it is on this peer's disk and on 1 other peer\n",
    stderr: "",
  });
  expect((await far.show("n"))?.roots["body"]?.value).toBe("one\n");
  const printed = JSON.parse((await run([...words, "--root", "other", "--json"])).stdout) as { readonly token: string };
  expect(printed).toEqual({ name: "n", root: "other", copies: 0, token: expect.stringMatching(/^[A-Za-z0-9_-]+$/) });
  const shown = await run(["show", "n", "--root", "other", "--after", printed.token, "--data", folders.far, "--json"]);
  expect(JSON.parse(shown.stdout)).toMatchObject({ roots: { other: { value: "one\n" } } });
  expect((await run([...words, "--token"])).stdout).toMatch(/^[A-Za-z0-9_-]+\n$/);
  const late = await run([...words, "--copies", "2", "--timeout", "50ms"]);
  expect(late.code).toBe(1);
  expect(late.stderr).toMatch(/YARROW_COPIES_MISSING .*\n {2}hint: .* spread as soon as/);

  const refused = await run(["append", "n", "two", "--data", folders.far]);
  expect(refused).toMatchObject({ code: 1, stdout: "" });
  expect(refused.stderr).toContain(
    `YARROW_FOLLOWER n: this peer is a follower and takes no writes; writers: ${near.url}`,
  );
});

test("[CLI32] append claims no copies where its peer has degraded", async () => {
  const data = join(bench.folder, "alone");
  const durability = { copies: 1, whenMissing: "degrade", timeoutMs: 50 } as const;
  await using alone = await createPeer({ data, listen: "127.0.0.1:0", durability });
  const words = ["append", "n", "one", "--data", data];
  for (const _ of ["degrades", "is degraded"]) {
    const { code, stdout } = await run(words);
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/^appended to n; it is on this peer's disk, and was not/),
    ]);
  }
  expect(JSON.parse((await run([...words, "--json"])).stdout)).toMatchObject({ copies: 0 });
  expect(alone.status().copies).toMatchObject({ state: "degraded", skipped: 3 });
});

test("[CLI32] append refuses a root that is no text, and a line that is too long", async () => {
  const handle = await near.open("map");
  handle.doc.getMap("body").set("key", "value");
  await handle.saved();
  await handle.close();
  const words = ["append", "map", "--data", folders.near];
  const notText = await run([...words, "line"]);
  expect(notText).toMatchObject({ code: 2, stdout: "" });
  expect(notText.stderr).toContain('YARROW_CONFIG_INVALID the root "body" of "map" is a map');
  expect((await run([...words, "--root", "log", "x".repeat(16 * 1024)])).code).toBe(0);
  const tooLong = await run([...words, "--root", "log", "x".repeat(16 * 1024 + 1)]);
  expect(tooLong).toMatchObject({ code: 2, stdout: "" });
  expect(tooLong.stderr).toContain("16385 bytes; at most 16384");
});

test("[CLI33] wait ends when a peer is ready, linked, or equal, and says what is missing when it gives up", async () => {
  const words = (folder: string, ...more: string[]): string[] => [
    "wait",
    "--data",
    folder,
    "--timeout",
    "300ms",
    ...more,
  ];
  expect(await run(["wait", "--data", folders.far, "--links", "1"])).toMatchObject({
    code: 0,
    stdout: "ready, 1 open link\n",
  });
  expect(await run(["wait", "--data", folders.far, "--equal"])).toEqual({
    code: 0,
    stdout: "ready, and equal to 1 linked peer\n",
    stderr: "",
  });
  const few = await run(words(folders.far, "--links", "2"));
  expect(few).toMatchObject({ code: 1, stdout: "" });
  expect(few.stderr).toMatch(/YARROW_TIMEOUT .*: not within 300 ms: 1 of 2 links open\n {2}hint: .*yarrow status/);

  await near.pauseLinks(true);
  expect((await run(words(folders.near, "--equal"))).code).toBe(1);
  expect((await run(words(folders.near, "--json"))).stdout).toBe('{"state":"ready","links":0,"equal":null}\n');
  const handle = await near.open("n");
  handle.doc.getText("body").insert(0, "while it is cut off");
  await handle.saved();
  await handle.close();
  const healed = run(["wait", "--data", folders.near, "--equal", "--json"]);
  await near.pauseLinks(false);
  expect(JSON.parse((await healed).stdout)).toEqual({ state: "ready", links: 1, equal: true });
  expect((await far.show("n"))?.roots["body"]?.value).toContain("while it is cut off");

  expect(await run(words(join(bench.folder, "nobody")))).toMatchObject({ code: 4, stdout: "" });
});
