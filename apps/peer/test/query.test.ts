import { join } from "node:path";
import { createPeer } from "@yarrow/core";
import { afterAll, expect, test } from "vitest";
import { eventually, run, Workbench } from "./command.ts";

const bench = new Workbench();
afterAll(() => bench.clean());

test("[QRY17, CLI1] yarrow query prints a table, JSON or CSV, and refuses what does not read", async () => {
  const data = join(bench.folder, "query");
  const peer = await bench.start(["serve", "--data", data, "--listen", "127.0.0.1:0", "--query"]);
  const query = (...words: string[]) => run(["query", "--data", data, ...words]);
  const table = await query("SELECT 7 AS seven, 'a\u001b[2J' AS word, NULL AS none");
  expect(table.stderr).toBe("");
  expect(table.stdout.split("\n").slice(0, 2)).toEqual(["seven  word        none", "    7  a\\u{1b}[2J  null"]);
  expect(table.stdout).toMatch(/1 row; up to date, \d+ ms/);
  const named = await query("SELECT :word, :n + 1", "--param", "word=x,y", "--param", "n=1", "--csv");
  expect(named.stderr).toMatch(/^1 row; up to date, \d+ ms\n$/);
  expect(named.stdout).toBe(':word,:n + 1\r\n"x,y",2\r\n');
  const positional = await query("SELECT ?, ?", "--param", "a=b", "--param", "1", "--json");
  expect(JSON.parse(positional.stdout)).toMatchObject({ columns: ["?", "?"], rows: [["a=b", 1]], truncated: false });
  const numbered = await query("SELECT ?2, ?1, '?3', ?2 -- ?4", "--param", "a", "--param", "b", "--json");
  expect(JSON.parse(numbered.stdout)).toMatchObject({ rows: [["b", "a", "?3", "b"]] });
  for (const values of [["a"], ["a", "b", "c"]]) {
    const wrong = await query("SELECT ?2, ?1", ...values.flatMap((value) => ["--param", value]));
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringMatching(/YARROW_QUERY_INVALID .*param/)]);
  }
  const refused = await query("DELETE FROM documents");
  expect([refused.code, refused.stdout]).toEqual([2, ""]);
  expect(refused.stderr).toMatch(/^yarrow: YARROW_QUERY_INVALID /);
  const nothing = await query();
  expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringMatching(/--rebuild/)]);
  expect((await query("--rebuild")).code).toBe(0);
  expect(JSON.parse((await query("SELECT count(*) FROM documents", "--json")).stdout)).toMatchObject({ rows: [[0]] });
  expect(await peer.end()).toBe(0);
});

test("[QRY20] yarrow query says of a follower that is cut off how far it is behind, beside the age of what was read", async () => {
  const data = join(bench.folder, "cut-off");
  await using writer = await createPeer({ data: join(bench.folder, "writer"), listen: "127.0.0.1:0" });
  await using follower = await createPeer({ data, role: "follower", peers: [writer.url ?? ""] });
  await eventually(
    async () => follower.status().lag.lagMs,
    (lagMs) => lagMs !== undefined,
  );
  await follower.pauseLinks(true);
  await eventually(
    async () => follower.status().lag.lagMs ?? 0,
    (lagMs) => lagMs > 50,
  );
  const query = (...words: string[]) => run(["query", "--data", data, "SELECT 1 AS one", ...words]);
  const line = /^1 row; (\d+ ms older than this peer, )?this peer at most \d+ ms behind, \d+ ms$/;
  expect((await query()).stdout.split("\n")[2]).toMatch(line);
  const csv = await query("--csv");
  expect([csv.stdout, csv.stderr.trimEnd()]).toEqual(["one\r\n1\r\n", expect.stringMatching(line)]);
});
