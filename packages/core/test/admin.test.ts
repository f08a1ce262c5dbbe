import { request } from "node:http";
import { describe, expect, it } from "vitest";
import type { Peer } from "../src/peer-api.ts";
import { startPeer } from "./peers.ts";

async function write(peer: Peer, name: string, text: string, root = "body"): Promise<void> {
  await using handle = await peer.open(name);
  handle.doc.getText(root).insert(0, text);
  await handle.saved();
}

async function startWithAdmin(): Promise<{ peer: Peer; get: (path: string) => Promise<Response> }> {
  const peer = await startPeer({ admin: "127.0.0.1:0" });
  return { peer, get: (path) => fetch(`${peer.adminUrl}${path}`) };
}

function post(peer: Peer, body: string, headers: Record<string, string> = {}): Promise<Response> {
  const allHeaders = { "content-type": "application/json", ...headers };
  return fetch(`${peer.adminUrl}/query`, { method: "POST", body, headers: allHeaders });
}

/** With headers that `fetch` does not let through. */
function statusWith(
  peer: Peer,
  method: string,
  path: string,
  headers: Record<string, string>,
): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request(`${peer.adminUrl}${path}`, { method, headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked.on("error", reject);
    asked.end(method === "POST" ? '{"sql":"SELECT 1"}' : undefined);
  });
}

function linesOf(text: string): Record<string, unknown>[] {
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe("documents over HTTP", () => {
  it("[QRY14] lists pages and shows one as JSON, text and bytes", async () => {
    const { peer, get } = await startWithAdmin();
    for (const name of ["a/1", "a/2", "b/ü?"]) await write(peer, name, `text of ${name}`);
    await write(peer, "two", "x");
    await write(peer, "two", "y", "other");
    await peer.delete("a/2");
    const page = await (await get("/documents?prefix=a/&limit=1")).json();
    expect(page).toMatchObject({ documents: [{ name: "a/1", state: "alive" }], next: "a/1" });
    expect(await (await get("/documents?after=a/1")).json()).toMatchObject({
      documents: [{ name: "b/ü?" }, { name: "two" }],
      next: null,
    });
    expect(await (await get("/documents?deleted=true&prefix=a/")).json()).toMatchObject({ documents: { length: 2 } });
    const encoded = `/documents/${encodeURIComponent("b/ü?")}`;
    expect(await (await get(encoded)).json()).toMatchObject({
      name: "b/ü?",
      roots: { body: { kind: "text", value: "text of b/ü?" } },
    });
    expect(await (await get(`${encoded}?format=text`)).text()).toBe("text of b/ü?");
    const update = new Uint8Array(await (await get(`${encoded}?format=update`)).arrayBuffer());
    expect(update).toEqual(new Uint8Array((await peer.show("b/ü?"))?.update ?? []));
    expect(await (await get("/documents/two?format=text&root=other")).text()).toBe("y");
    expect(await (await get("/documents/a/1?format=text")).text()).toBe("text of a/1");
    expect(await (await get("/documents/a/2")).json()).toMatchObject({ state: "deleted" });
  });

  it("[QRY14] refuses what it does not understand, with a reason", async () => {
    const { get } = await startWithAdmin();
    for (const [path, status, reason] of [
      ["/nowhere", 404, /there are .*\/documents/],
      ["/metrics", 404, /not found/],
      ["/documents/none", 404, /no document none/],
      ["/documents/x?format=text", 404, /no document x/],
      ["/documents/x?format=xml", 400, /format must be one of json, text, update/],
      ["/documents?limit=0", 400, /limit must be a whole number from 1 to 10000/],
      ["/documents?limit=10001", 400, /limit/],
      ["/documents?deleted=yes", 400, /deleted/],
      ["/documents?page=2", 400, /unknown parameter page/],
      ["/documents?limit=1&limit=2", 400, /more than once/],
      ["/documents/%ff", 400, /percent-encoded/],
      ["/documents/", 400, /name/],
      ["/changes?since=nonsense", 410, /cannot be resumed/],
      ["/changes?limit=0", 400, /limit/],
      ["/query", 405, /POST/],
    ] as const) {
      const response = await get(path);
      expect(response.status, path).toBe(status);
      expect(((await response.json()) as { error: string }).error, path).toMatch(reason);
    }
  });

  it("[QRY14] two roots need to be told apart, and only GET reads", async () => {
    const { peer, get } = await startWithAdmin();
    await write(peer, "two", "x");
    await write(peer, "two", "y", "other");
    expect((await get("/documents/two?format=text")).status).toBe(400);
    expect((await get("/documents/two?root=none")).status).toBe(404);
    expect((await fetch(`${peer.adminUrl}/documents`, { method: "DELETE" })).status).toBe(405);
  });
});

describe("changes over HTTP", () => {
  it("[QRY15] tells what arrived after a cursor, waits for what comes, and is resumed from its last line", async () => {
    const { peer, get } = await startWithAdmin();
    const start = peer.cursor();
    await write(peer, "a", "1");
    await write(peer, "b", "2");
    const first = linesOf(await (await get(`/changes?since=${start}&limit=1`)).text());
    expect(first).toMatchObject([{ name: "a", kind: "update", updates: [{ source: "local" }] }, {}]);
    const second = linesOf(await (await get(`/changes?since=${String(first.at(-1)?.["cursor"])}`)).text());
    expect(second).toMatchObject([{ name: "b" }, { cursor: peer.cursor() }]);
    const waiting = get(`/changes?since=${peer.cursor()}`);
    await peer.delete("a");
    const third = linesOf(await (await waiting).text());
    expect(third).toMatchObject([{ name: "a", kind: "delete", updates: [] }, { cursor: peer.cursor() }]);
    expect(linesOf(await (await get("/changes?waitMs=1")).text())).toEqual([{ cursor: peer.cursor() }]);
  });
});

describe("queries over HTTP", () => {
  it("[QRY16, QRY1] POST /query answers programs, and no page of another origin", async () => {
    const { peer } = await startWithAdmin();
    await write(peer, "a", "words");
    const good = await post(peer, '{"sql":"SELECT name FROM documents WHERE name = ?","params":["a"],"maxRows":5}');
    expect([good.status, await good.json()]).toEqual([
      200,
      {
        columns: ["name"],
        rows: [["a"]],
        truncated: false,
        projectionLagMs: 0,
        replicaLagMs: 0,
        ms: expect.any(Number),
      },
    ]);
    for (const [body, status, code] of [
      ['{"sql":"DELETE FROM documents"}', 400, "YARROW_QUERY_INVALID"],
      ['{"sql":7}', 400, "YARROW_QUERY_INVALID"],
      ['{"sql":"SELECT 1","params":7}', 400, "YARROW_QUERY_INVALID"],
      ['{"sql":"SELECT 1","timeoutMs":0}', 400, "YARROW_CONFIG_INVALID"],
      ['{"sql":"SELECT 1","extra":0}', 400, undefined],
      ["[]", 400, undefined],
      ["{", 400, undefined],
    ] as const) {
      const refused = await post(peer, body);
      expect([refused.status, ((await refused.json()) as { code?: string }).code], body).toEqual([status, code]);
    }
    const json = { "content-type": "application/json" };
    expect((await post(peer, "{}", { "content-type": "text/plain" })).status).toBe(415);
    expect(await statusWith(peer, "POST", "/query", { ...json, origin: "http://elsewhere.test" })).toBe(403);
    expect(await statusWith(peer, "POST", "/query", { ...json, host: "elsewhere.test" })).toBe(403);
    expect(await statusWith(peer, "GET", "/documents", { origin: "null" })).toBe(403);
    expect(await statusWith(peer, "OPTIONS", "/query", { origin: "http://elsewhere.test" })).toBe(403);
    expect(await statusWith(peer, "POST", "/query", { ...json, origin: peer.adminUrl ?? "" })).toBe(200);
  });
});
