import assert from "node:assert/strict";
import { join } from "node:path";
import { setInterval } from "node:timers/promises";
import { createPeer } from "@yarrow/core";
import type { Peer } from "@yarrow/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as Y from "yjs";
import { eventually, run, runForBytes, Workbench } from "./command.ts";
import type { Outcome, Running } from "./command.ts";

/** Three peers: two processes, and one in this test that writes. */
const bench = new Workbench();
const a = join(bench.folder, "a");
const b = join(bench.folder, "b");
let first: Running;
let second: Running;
let writer: Peer;

const HEX_16 = expect.stringMatching(/^[0-9a-f]{32}$/);

beforeAll(async () => {
  first = await bench.start(["serve", "--data", a, "--listen", "127.0.0.1:0"]);
  const url = first.announced["url"] ?? "";
  second = await bench.start(["serve", "--data", b, "--listen", "127.0.0.1:0", "--peer", url]);
  writer = await createPeer({ data: join(bench.folder, "writer"), peers: [url] });
  await eventually(
    () => json(["link", "list", "--data", a]),
    ({ links }) => links.filter((link) => link.state === "open").length === 2,
  );
  await write("notes/today", (doc) => doc.getText("body").insert(0, "hello\nworld"));
  await write("board", (doc) => {
    doc.getArray("tasks").push(["sow", "reap"]);
    doc.getMap("meta").set("title", "Field");
  });
  await write("gone", (doc) => doc.getText("body").insert(0, "x"));
  await write("na\u001b[31mme", (doc) => doc.getText("body").insert(0, "y"));
  assert.equal((await run(["delete", "gone", "--data", a])).code, 0);
}, 30_000);

afterAll(async () => {
  await writer?.close();
  assert.deepEqual([await first?.end(), await second?.end()], [0, 0]);
  await bench.clean();
});

async function write(name: string, edit: (doc: Y.Doc) => void): Promise<void> {
  const handle = await writer.open(name);
  edit(handle.doc);
  await handle.saved({ copies: 2 });
  await handle.close();
}

/** What `--json` printed. Tests know its shape; the assertions on it are the check. */
interface Printed {
  readonly documents: readonly { readonly name: string }[];
  readonly links: readonly { readonly state: string; readonly peerId: string | null }[];
  readonly roots: Readonly<Record<string, { readonly kind: string }>>;
  readonly paused: boolean;
  readonly state: string;
  readonly lag: object;
}

interface Report {
  readonly equal: boolean;
  readonly local: object;
  readonly peers: readonly { readonly result: string }[];
}

async function json(words: readonly string[]): Promise<Printed> {
  const { code, stdout, stderr } = await run([...words, "--json"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout.endsWith("\n")).toBe(true);
  return JSON.parse(stdout) as Printed;
}

function refusal({ code, stderr }: Outcome): [number | null, string] {
  return [code, stderr.split("\n")[0] ?? ""];
}

describe("status", () => {
  test("[CLI13] --json has exactly the documented keys, absent values as null", async () => {
    const status = await json(["status", "--data", a]);
    expect(Object.keys(status).slice(0, 13)).toEqual([
      "peerId",
      "incarnation",
      "clusterId",
      "role",
      "state",
      "url",
      "root",
      "documents",
      "links",
      "gossip",
      "membership",
      "sessions",
      "store",
    ]);
    expect(status).toMatchObject({
      peerId: first.announced["peerId"],
      clusterId: first.announced["clusterId"],
      role: "writer",
      state: "ready",
      url: first.announced["url"],
      root: HEX_16,
      documents: { alive: 3, deleted: 1, pending: 0, quarantined: 0 },
      sessions: 0,
      store: { bytes: expect.any(Number), logRows: expect.any(Number), synchronous: "full" },
    });
    expect(status.links).toHaveLength(2);
    for (const link of status.links)
      expect(Object.keys(link).slice(0, 6)).toEqual(["peerId", "url", "state", "equal", "rttMs", "lagMs"]);
  });

  test("[CLI13] for people it is a table, without colours when piped", async () => {
    const { code, stdout } = await run(["status", "--data", a]);
    expect(code).toBe(0);
    expect(stdout).toContain(first.announced["peerId"]);
    expect(stdout).toMatch(/documents {2,}3 alive, 1 deleted/);
    expect(stdout).toMatch(/PEER +ADDRESS +ROLE +LINK +SETS +ROUND TRIP +LAG/);
    expect(stdout).not.toContain("\u001b[");
  });

  test("[CLI14] --watch shows frame after frame, sees the peer stop and come back, and ends with 0 on Ctrl-C", async () => {
    const data = join(bench.folder, "watched");
    const peer = await bench.start(["serve", "--data", data, "--listen", "127.0.0.1:0"]);
    const watch = await bench.start(["status", "--watch", "--interval", "100ms", "--data", data]);
    const frames = (): number => watch.stdout.filter((line) => line.startsWith("peer ")).length;
    await watch.until(() => frames() >= 2);
    await peer.end();
    await watch.until(() => watch.stdout.some((line) => line.includes("no peer runs here now")));
    const before = frames();
    const again = await bench.start(["serve", "--data", data, "--listen", "127.0.0.1:0"]);
    await watch.until(() => frames() > before);
    expect(await watch.end("SIGINT")).toBe(0);
    await again.end();
  });

  test("[CLI14] --watch --json prints a line each time", async () => {
    const watch = await bench.start(["status", "--watch", "--json", "--interval", "100ms", "--data", a]);
    const lines = await watch.lines(2);
    for (const line of lines) expect(JSON.parse(line)).toMatchObject({ peerId: first.announced["peerId"] });
    expect(await watch.end("SIGINT")).toBe(0);
  });
});

describe("documents", () => {
  test("[CLI15] --json lists the living in the order of their names", async () => {
    const { documents } = await json(["documents", "--data", b]);
    expect(documents.map((document) => document.name)).toEqual(["board", "na\u001b[31mme", "notes/today"]);
    expect(documents[0]).toEqual({
      name: "board",
      state: "alive",
      incarnation: 1,
      fingerprint: HEX_16,
      bytes: expect.any(Number),
      changedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    });
  });

  test("[CLI15] --prefix narrows, --deleted widens", async () => {
    const names = async (...words: string[]) =>
      (await json(["documents", "--data", a, ...words])).documents.map((document) => document.name);
    expect(await names("--prefix", "notes/")).toEqual(["notes/today"]);
    expect(await names("--prefix", "none")).toEqual([]);
    expect(await names("--deleted", "--prefix", "g")).toEqual(["gone"]);
  });

  test("[CLI16] a name cannot reach the terminal: control characters are shown as escapes", async () => {
    const { stdout } = await run(["documents", "--data", a]);
    expect(stdout).toContain("na\\u{1b}[31mme");
    expect(stdout).not.toContain("\u001b");
    expect(stdout).toMatch(/NAME +STATE +INCARNATION +SIZE +CHANGED +FINGERPRINT/);
    expect(stdout).toContain("3 documents");
  });
});

describe("show", () => {
  test("[CLI17] --json has exactly the documented keys and the inferred kinds", async () => {
    const note = await json(["show", "notes/today", "--data", a]);
    expect(note).toEqual({
      name: "notes/today",
      state: "alive",
      incarnation: 1,
      fingerprint: HEX_16,
      contentDigest: expect.stringMatching(/^[0-9a-f]{64}$/),
      pending: 0,
      roots: { body: { kind: "text", value: "hello\nworld" } },
    });
    expect(await json(["show", "notes/today", "--data", b])).toEqual(note);
    const board = await json(["show", "board", "--data", a]);
    expect(board.roots).toEqual({
      tasks: { kind: "array", value: ["sow", "reap"] },
      meta: { kind: "map", value: { title: "Field" } },
    });
  });

  test("[CLI17] --format json is --json; --root narrows and --as decides the kind", async () => {
    const plain = await run(["show", "board", "--data", a, "--format", "json"]);
    expect(JSON.parse(plain.stdout)).toEqual(await json(["show", "board", "--data", a]));
    expect((await json(["show", "board", "--data", a, "--root", "tasks"])).roots).toEqual({
      tasks: { kind: "array", value: ["sow", "reap"] },
    });
    const { roots } = await json(["show", "notes/today", "--data", a, "--root", "body", "--as", "array"]);
    expect(roots["body"]?.kind).toBe("array");
  });

  test("[CLI18] --format text prints the one root, and wants --root when there are several", async () => {
    const text = (...words: string[]) => run(["show", ...words, "--data", a, "--format", "text"]);
    expect((await text("notes/today")).stdout).toBe("hello\nworld\n");
    expect(refusal(await text("board"))).toEqual([2, 'yarrow: YARROW_USAGE "board" has 2 roots: meta, tasks']);
    expect((await text("board", "--root", "tasks")).code).toBe(0);
  });

  test("[CLI18] --format update writes the raw update, which Yjs reads back", async () => {
    const bytes = await runForBytes(["show", "notes/today", "--data", a, "--format", "update"]);
    const doc = new Y.Doc();
    Y.applyUpdate(doc, bytes);
    expect(doc.getText("body").toString()).toBe("hello\nworld");
  });

  test("[LAG14] --after waits for a token, and refuses what is none", async () => {
    const refused = refusal(await run(["show", "notes/today", "--after", "none", "--data", a]));
    expect(refused[0]).toBe(1);
    expect(refused[1]).toContain("YARROW_TOKEN_INVALID");
    const status = await json(["status", "--data", a]);
    expect(status.lag).toMatchObject({ lagMs: 0, updatesBehind: 0, bytesBehind: 0, writers: [] });
    expect(status.links[0]).toMatchObject({ updatesBehind: null, follower: null });
  });

  test("[CLI19] what does not exist ends with 1; what was deleted is shown as such", async () => {
    expect(refusal(await run(["show", "nobody", "--data", a, "--json"]))).toEqual([
      1,
      'yarrow: YARROW_DOCUMENT_NOT_FOUND nothing called "nobody" was ever written here',
    ]);
    for (const root of ["none", "constructor"]) {
      expect(refusal(await run(["show", "board", "--root", root, "--data", a]))).toEqual([
        1,
        expect.stringContaining(`YARROW_DOCUMENT_NOT_FOUND "board" has no root "${root}"`),
      ]);
    }
    expect(await json(["show", "gone", "--data", a])).toMatchObject({ state: "deleted", incarnation: 2, roots: {} });
    expect(refusal(await run(["show", "gone", "--data", a, "--format", "text"]))).toEqual([
      1,
      'yarrow: YARROW_DOCUMENT_DELETED "gone" was deleted and has no content',
    ]);
    expect(refusal(await run(["show", "x".repeat(300), "--data", a]))[1]).toContain("YARROW_NAME_INVALID");
  });

  test("[CLI17] for people it is a header and the content", async () => {
    const { stdout } = await run(["show", "notes/today", "--data", a]);
    expect(stdout).toMatch(/^document {2,}notes\/today$/m);
    expect(stdout).toContain("body text\nhello\nworld");
  });
});

describe("verify", () => {
  test("[CLI20] equal peers are proved equal, deeply too", async () => {
    for (const words of [[], ["--deep"]]) {
      const report = await eventually(
        async () => JSON.parse((await run(["verify", "--data", a, "--json", ...words])).stdout) as Report,
        ({ equal }) => equal,
      );
      expect(Object.keys(report)).toEqual(["equal", "root", "local", "peers"]);
      expect(report.local).toEqual({ checked: expect.any(Number), bad: [], past: { damaged: [], complete: true } });
      expect(report.peers.map((peer) => ({ ...peer, peerId: "" }))).toEqual([
        { peerId: "", result: "equal", documents: [] },
        { peerId: "", result: "equal", documents: [] },
      ]);
    }
    const { code, stdout } = await run(["verify", "--data", a, "--deep"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/this replica: sound, \d+ documents? checked/);
  });
});

describe("compact", () => {
  test("[CLI21] tells how many documents and how much", async () => {
    expect(await json(["compact", "--data", b])).toEqual({
      documents: expect.any(Number),
      bytesBefore: expect.any(Number),
      bytesAfter: expect.any(Number),
    });
    expect((await run(["compact", "--data", b])).stdout).toMatch(/^compacted \d+ documents?: .* before, .* after\n$/);
  });
});

describe("delete", () => {
  test("[CLI22] deletes everywhere, and ends with 1 when nothing was there", async () => {
    await write("short-lived", (doc) => doc.getText("t").insert(0, "x"));
    expect(await json(["delete", "short-lived", "--data", b])).toEqual({ name: "short-lived", deleted: true });
    const again = await run(["delete", "short-lived", "--data", b, "--json"]);
    expect({ code: again.code, said: JSON.parse(again.stdout) }).toEqual({
      code: 1,
      said: { name: "short-lived", deleted: false },
    });
    expect(refusal(await run(["delete", "never", "--data", a]))).toEqual([
      1,
      'yarrow: YARROW_DOCUMENT_NOT_FOUND no document "never" is alive here; nothing was deleted',
    ]);
    await eventually(
      () => json(["show", "short-lived", "--data", a]),
      ({ state }) => state === "deleted",
    );
  });
});

describe("link", () => {
  test("[CLI23] list shows the links; pause cuts them, and resume heals", async () => {
    const open = ({ links }: Printed): number => links.filter((link) => link.state === "open").length;
    expect(await json(["link", "pause", "--data", a])).toEqual({ paused: true, peer: null });
    const cut = await eventually(
      () => json(["link", "list", "--data", a]),
      (list) => open(list) === 0,
    );
    expect(cut.paused).toBe(true);
    expect((await run(["link", "list", "--data", a])).stdout).toContain("links are paused");
    expect(await json(["link", "resume", "--data", a])).toEqual({ paused: false, peer: null });
    const healed = await eventually(
      () => json(["link", "list", "--data", a]),
      (list) => open(list) === 2,
    );
    expect(healed.paused).toBe(false);
  });

  test("[CLI40] limit says how fast a link may go, and list shows it; what is no rate is refused", async () => {
    const [other] = (await json(["link", "list", "--data", a])).links.map(({ peerId }) => peerId ?? "");
    const limit = ["link", "limit", other!.slice(0, 12)];
    expect(await json([...limit, "256k", "--data", a])).toEqual({ peer: other, limit: 262_144 });
    const { links } = await json(["link", "list", "--data", a]);
    expect(links.find(({ peerId }) => peerId === other)).toMatchObject({ limit: 262_144, congested: false });
    expect((await run(["link", "list", "--data", a])).stdout).toMatch(/LAG +LIMIT\n(.*\n)*.*256 KiB\/s/);
    expect((await run([...limit, "1.5MiB", "--data", a])).stdout).toBe(`sends at most 1.5 MiB/s to ${other}\n`);
    expect(refusal(await run([...limit, "fast", "--data", a]))).toEqual([
      2,
      'yarrow: YARROW_USAGE "fast" is not a rate',
    ]);
    const [code, message] = refusal(await run([...limit, "4095", "--data", a]));
    expect([code, message]).toEqual([2, "yarrow: YARROW_CONFIG_INVALID a link cannot go at 4095 bytes per second"]);
    expect(refusal(await run(["link", "limit", "nobody", "1M", "--data", a]))[0]).toBe(1);
    expect(await json([...limit, "off", "--data", a])).toEqual({ peer: other, limit: null });
    expect((await run(["link", "list", "--data", a])).stdout).not.toContain("LIMIT");
  });

  test("[CLI23] one link is named by the beginning of its peer id; one that does not exist is told", async () => {
    const other = writer.peerId;
    const open = async (): Promise<unknown[]> =>
      (await json(["link", "list", "--data", a])).links
        .filter((link) => link.state === "open")
        .map((link) => link.peerId);
    expect(await json(["link", "pause", other.slice(0, 12), "--data", a])).toEqual({ paused: true, peer: other });
    const left = await eventually(open, (ids) => !ids.includes(other));
    expect(left).toHaveLength(1);
    expect(await json(["link", "resume", other, "--data", a])).toEqual({ paused: false, peer: other });
    await eventually(open, (ids) => ids.includes(other));
    const [code, message] = refusal(await run(["link", "pause", "nobody", "--data", a]));
    expect([code, message]).toEqual([1, 'yarrow: YARROW_LINK_NOT_FOUND no link to "nobody"']);
  });

  test("[CLI20] verify ends with 3 while peers differ", async () => {
    // Both peers hear of the writes on links of their own, so while there are many, one of them is ahead of the other.
    const handle = await writer.open("busy");
    const writing = new AbortController();
    const written = (async () => {
      for await (const _ of setInterval(1)) {
        if (writing.signal.aborted) break;
        handle.doc.getText("t").insert(0, "x");
      }
      await handle.saved();
    })();
    const outcome = await eventually(
      () => run(["verify", "--data", b, "--json", "--timeout", "100ms"]),
      ({ code }) => code === 3,
    );
    writing.abort();
    await written;
    await handle.close();
    const report = JSON.parse(outcome.stdout) as Report;
    expect(report.equal).toBe(false);
    expect(report.peers.map((peer) => peer.result)).toContainEqual(expect.stringMatching(/^(different|moving)$/));
  });

  test("[CLI20] verify ends with 1 when a linked peer does not answer", async () => {
    second.child.kill("SIGSTOP");
    const { code, stdout } = await run(["verify", "--data", a, "--json", "--timeout", "500ms"]);
    second.child.kill("SIGCONT");
    const report = JSON.parse(stdout) as Report;
    expect(report.peers.map((peer) => peer.result).sort()).toEqual(["equal", "unreachable"]);
    expect({ code, equal: report.equal }).toEqual({ code: 1, equal: false });
  });
});
