import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createPeer } from "../src/create-peer.ts";
import type { Peer, QueryCell } from "../src/peer-api.ts";
import { rootsEqual, startPeer, temporaryFolder, until } from "./peers.ts";

async function write(peer: Peer, name: string, title: string, body = ""): Promise<void> {
  await using handle = await peer.open(name);
  const text = handle.doc.getText("title");
  handle.doc.transact(() => {
    text.delete(0, text.length);
    text.insert(0, title);
    if (body !== "") handle.doc.getText("body").insert(0, body);
  });
  await handle.saved();
}

async function rowsOf(
  peer: Peer,
  sql: string,
  params: readonly string[] = [],
): Promise<readonly (readonly QueryCell[])[]> {
  return (await peer.query(sql, params)).rows;
}

const TITLES = "SELECT name, json_extract(body, '$.title') FROM documents ORDER BY name";
const ENDLESS = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

describe("the projection", () => {
  it("[QRY1, QRY3, QRY5] answers from JSON and full text, follows every change, and forgets what is deleted", async () => {
    const peer = await startPeer();
    await write(peer, "recipes/soup", "Soup", "oranges and lemons");
    await write(peer, "recipes/tart", "Tart", "Zürich plums");
    expect(peer.status().query.state).toBe("idle");
    expect(await peer.query(TITLES)).toMatchObject({
      columns: ["name", "json_extract(body, '$.title')"],
      rows: [
        ["recipes/soup", "Soup"],
        ["recipes/tart", "Tart"],
      ],
      truncated: false,
      projectionLagMs: 0,
    });
    expect(peer.status().query).toEqual({ state: "ready", lagMs: 0, progress: undefined });
    const found =
      "SELECT name, snippet(documents_fts, 1, '[', ']', '…', 4) FROM documents_fts WHERE documents_fts MATCH ?";
    expect(await rowsOf(peer, found, ["zurich"])).toEqual([
      ["recipes/tart", expect.stringContaining("[Zürich] plums")],
    ]);
    await write(peer, "recipes/tart", "Pie");
    await until(async () => (await rowsOf(peer, TITLES))[1]?.[1] === "Pie");
    expect(await rowsOf(peer, found, ["tart"])).toEqual([]);
    expect(await rowsOf(peer, found, ["pie"])).toHaveLength(1);
    await peer.delete("recipes/tart");
    await until(async () => (await rowsOf(peer, TITLES)).length === 1);
    expect(await rowsOf(peer, found, ["pie"])).toEqual([]);
    const joined = `SELECT d.name FROM documents d JOIN documents_fts f ON f.rowid = d.id WHERE documents_fts MATCH 'lemons'`;
    expect(await rowsOf(peer, joined)).toEqual([["recipes/soup"]]);
  });

  it("[QRY2, QRY4] is the same on every peer, and after it was built anew from the bytes", async () => {
    const data = temporaryFolder();
    const one = await startPeer({ data, cluster: "test" });
    const two = await startPeer({ cluster: "test", peers: [one.url ?? ""] });
    for (let index = 0; index < 20; index++)
      await write(index % 2 === 0 ? one : two, `n${index % 7}`, `title ${index}`, "x");
    await until(() => rootsEqual([one, two]));
    const all = "SELECT name, incarnation, fingerprint, error, kinds, body, text FROM documents ORDER BY name";
    await until(async () => JSON.stringify(await rowsOf(one, all)) === JSON.stringify(await rowsOf(two, all)));
    const before = await rowsOf(one, all);
    expect(before).toHaveLength(7);
    const writable = new Database(join(data, "query.db"));
    writable.exec("UPDATE documents SET body = '{}', text = 'other'");
    writable.close();
    await until(async () => (await rowsOf(one, all))[0]?.[5] === "{}");
    one.rebuildProjection();
    expect(await rowsOf(one, all)).toEqual(before);
    expect(await rowsOf(one, "SELECT name FROM documents_fts WHERE documents_fts MATCH 'title'")).toHaveLength(7);
  });

  it("[QRY6] is remembered in the folder, and built anew when it is damaged or of another history", async () => {
    const data = temporaryFolder();
    const first = await startPeer({ data });
    await write(first, "n", "before");
    await first.query("SELECT 1");
    await first.close();
    const second = await startPeer({ data });
    await until(() => second.status().query.state === "ready");
    await second.close();
    writeFileSync(join(data, "query.db"), "this is no database, and long enough to be taken for one".repeat(100));
    const third = await startPeer({ data });
    await until(() => third.status().query.state === "ready");
    expect(await rowsOf(third, TITLES)).toEqual([["n", "before"]]);
    await third.close();
    const stray = new Database(join(data, "query.db"));
    stray.exec(`UPDATE projection SET cursor = 'feed.1'; UPDATE documents SET body = '{"title":"stray"}'`);
    stray.close();
    const fourth = await startPeer({ data });
    expect(await rowsOf(fourth, TITLES)).toEqual([["n", "before"]]);
    await fourth.close();
    const off = await startPeer({ data, query: false });
    expect(readdirSync(data).filter((name) => name.startsWith("query.db"))).toEqual([]);
    await expect(off.query("SELECT 1")).rejects.toMatchObject({ code: "YARROW_QUERY_OFF" });
    expect(() => off.rebuildProjection()).toThrow(/switched off/);
  });
});

describe("tokens", () => {
  it("[QRY19] a query with a token sees the write, on any peer and in its projection", async () => {
    const one = await startPeer({ cluster: "test" });
    const two = await startPeer({ cluster: "test", peers: [one.url ?? ""], admin: "127.0.0.1:0" });
    await two.query("SELECT 1");
    const handle = await one.open("n");
    for (const title of ["a", "b", "c"]) {
      handle.doc.getText("title").insert(0, title);
      const after = await handle.saved();
      expect((await two.query(TITLES, [], { after })).rows[0]?.[1]).toBe(handle.doc.getText("title").toString());
    }
    handle.doc.getText("title").insert(0, "d");
    const after = await handle.saved();
    const shown = await fetch(`${two.adminUrl}/documents/n?format=text&after=${after}`);
    expect(await shown.text()).toBe("dcba");
    expect((await fetch(`${two.adminUrl}/documents/n?after=no!`)).status).toBe(400);
    await expect(two.query(TITLES, [], { after: "no!" })).rejects.toMatchObject({ code: "YARROW_TOKEN_INVALID" });
  });
});

describe("the door", () => {
  let peer: Peer;
  const data = mkdtempSync(join(tmpdir(), "yarrow-test-"));
  beforeAll(async () => {
    peer = await createPeer({ data });
    await write(peer, "n", "kept");
    await peer.query("SELECT 1");
  });
  afterAll(async () => {
    await peer.close();
    rmSync(data, { recursive: true, force: true });
  });

  it("[QRY7] lets nothing in that writes, attaches, sets or loads, and only one statement", async () => {
    const before = await rowsOf(peer, TITLES);
    const aside = join(temporaryFolder(), "aside.db");
    for (const sql of [
      "INSERT INTO documents (id, name) VALUES (1, 'x')",
      "INSERT INTO documents_fts (documents_fts) VALUES ('delete-all')",
      "UPDATE documents SET name = 'x' RETURNING name",
      "DELETE FROM documents RETURNING name",
      "REPLACE INTO documents (name) VALUES ('x')",
      "DROP TABLE documents",
      "CREATE TEMP TABLE t (x)",
      "ALTER TABLE documents ADD COLUMN x",
      `ATTACH '${aside}' AS aside`,
      `VACUUM INTO '${aside}'`,
      "VACUUM",
      "REINDEX",
      "ANALYZE",
      "BEGIN",
      "SAVEPOINT s",
      "PRAGMA writable_schema = ON",
      "PRAGMA query_only = OFF",
      "PRAGMA hard_heap_limit = 1",
      "PRAGMA journal_mode = DELETE",
      "EXPLAIN PRAGMA query_only = OFF",
      " -- SELECT\n PRAGMA query_only = OFF",
      "/* SELECT */ DELETE FROM documents",
      "SELECT * FROM pragma_table_info('documents')",
      'SELECT * FROM "PRAGMA_hard_heap_limit"',
      "WITH x AS (SELECT 1) INSERT INTO documents (name) VALUES ('x') RETURNING name",
      "WITH x AS (SELECT 1) DELETE FROM documents",
      "WITH x AS (SELECT 1) UPDATE documents SET name = 'x' RETURNING name",
      "SELECT load_extension('/tmp/x.so')",
      "SELECT 1; DELETE FROM documents",
      "SELECT 1; SELECT 2",
      "SELECT fts5()",
      "SELECT nothing FROM documents",
      "SELECT ?",
      "",
      "SELECT '\0'",
      `SELECT '${"x".repeat(70_000)}'`,
    ]) {
      await expect(peer.query(sql), sql.slice(0, 100)).rejects.toMatchObject({ code: "YARROW_QUERY_INVALID" });
    }
    expect(existsSync(aside)).toBe(false);
    expect(await rowsOf(peer, TITLES)).toEqual(before);
    expect(await rowsOf(peer, "VALUES (1) UNION ALL SELECT count(*) FROM documents")).toEqual([[1], [1]]);
  });

  it("[QRY8] takes what comes as a parameter for a value, whatever it says", async () => {
    const hostile = "x'; DROP TABLE documents; --";
    expect(await rowsOf(peer, "SELECT ? FROM documents", [hostile])).toEqual([[hostile]]);
    const named = await peer.query("SELECT :a, $b, @c, typeof(:d)", { a: 1.5, b: null, c: true, d: "pragma_x" });
    expect(named.rows).toEqual([[1.5, null, 1, "text"]]);
    expect((await peer.query("SELECT 'notes/' || ?, typeof(?), typeof(?)", [7, -0, 2 ** 60])).rows).toEqual([
      ["notes/7", "integer", "real"],
    ]);
    for (const params of [["x", "y"], { other: 1 }, [{}], [[1]], [Number.NaN], "x"]) {
      const asked = peer.query("SELECT :a", params as never);
      await expect(asked, JSON.stringify(params)).rejects.toMatchObject({ code: "YARROW_QUERY_INVALID" });
    }
    const values = await peer.query("SELECT 9007199254740993, x'0102', 9e999, 7");
    expect(values.rows).toEqual([["9007199254740993", "AQI=", null, 7]]);
  });

  it("[QRY9] ends a query that runs away, in time or memory, and answers the next", async () => {
    const cross = `WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n LIMIT 20000)
      SELECT sum(a.i * b.i) FROM n a, n b`;
    for (const sql of [ENDLESS, cross]) {
      const asked = peer.query(sql, [], { timeoutMs: 300 });
      const beside = rowsOf(peer, TITLES);
      await expect(asked).rejects.toMatchObject({ code: "YARROW_QUERY_TIMEOUT" });
      expect(await beside).toEqual([["n", "kept"]]);
    }
    const greedy = peer.query("SELECT length(group_concat(hex(zeroblob(300000000))))", [], { timeoutMs: 20_000 });
    await expect(greedy).rejects.toMatchObject({ code: "YARROW_QUERY_TOO_LARGE" });
    const aborted = peer.query(ENDLESS, [], { signal: AbortSignal.timeout(50) });
    await expect(aborted).rejects.toMatchObject({ name: "TimeoutError" });
    expect(await rowsOf(peer, TITLES)).toEqual([["n", "kept"]]);
  });

  it("[QRY10] bounds rows and bytes of an answer, and the queries that wait", async () => {
    const count = (last: number): string =>
      `WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n LIMIT ${last}) SELECT i FROM n`;
    expect(await peer.query(count(1000))).toMatchObject({ truncated: false, rows: { length: 1000 } });
    expect(await peer.query(count(1001))).toMatchObject({ truncated: true, rows: { length: 1000 } });
    expect(await peer.query(count(3), [], { maxRows: 2 })).toMatchObject({ truncated: true, rows: [[1], [2]] });
    expect(await peer.query("SELECT hex(zeroblob(500000)) FROM (VALUES (1), (2), (3), (4), (5))")).toMatchObject({
      truncated: true,
      rows: { length: 4 },
    });
    const wide = peer.query("SELECT hex(zeroblob(3000000))");
    await expect(wide).rejects.toMatchObject({ code: "YARROW_QUERY_TOO_LARGE" });
    for (const options of [{ maxRows: 0 }, { maxRows: 100_001 }, { timeoutMs: 60_001 }]) {
      await expect(peer.query("SELECT 1", [], options)).rejects.toMatchObject({ code: "YARROW_CONFIG_INVALID" });
    }
    const asked = Array.from({ length: 70 }, (_, index) =>
      peer.query(`SELECT ${index}`).then(
        () => "good",
        (error) => error.code,
      ),
    );
    const outcomes = await Promise.all(asked);
    expect(outcomes.filter((outcome) => outcome === "good")).toHaveLength(66);
    expect(outcomes.filter((outcome) => outcome === "YARROW_QUERY_BUSY")).toHaveLength(4);
  });
});
