import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { createServer, request } from "node:http";
import { join } from "node:path";
import { once } from "node:events";
import { createPeer } from "@yarrow/core";
import { afterAll, describe, expect, test } from "vitest";
import { eventually, run, Workbench } from "./command.ts";
import type { Running } from "./command.ts";

const bench = new Workbench();
afterAll(() => bench.clean());

interface DemoReady {
  readonly playground: string;
  readonly data: string;
  readonly peers: readonly { name: string; url: string; admin: string; pid: number; data: string }[];
}

async function startDemo(...words: string[]): Promise<{ demo: Running; ready: DemoReady }> {
  const demo = await bench.start(["demo", "--port", "0", "--json", ...words]);
  return { demo, ready: demo.announced as unknown as DemoReady };
}

async function getJson(url: string) {
  const answer = await fetch(url);
  return { status: answer.status, body: await answer.json() };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("the demo", () => {
  test("[CLI24] starts three peers as processes, linked and ready, answers the playground, and ends them all", async () => {
    const { demo, ready } = await startDemo();
    expect(ready.peers.map(({ name }) => name)).toEqual(["A", "B", "C"]);
    expect(new Set(ready.peers.map(({ pid }) => pid)).size).toBe(3);
    for (const { url, admin, pid } of ready.peers) {
      expect(isAlive(pid)).toBe(true);
      expect((await fetch(`${url.replace("ws:", "http:")}/readyz`)).status).toBe(200);
      expect((await fetch(`${admin}/metrics`)).status).toBe(200);
    }

    const api = `${ready.playground}/api`;
    expect((await getJson(`${api}/peers`)).body).toEqual({
      peers: ready.peers.map(({ name, url, pid }) => ({ name, url, pid, running: true })),
    });
    const linked = ({ body }: { body: { links: { state: string }[] } }) =>
      body.links.filter((link) => link.state === "open").length === 2;
    const status = await eventually(() => getJson(`${api}/peers/A/status`), linked);
    expect(status.body).toMatchObject({ state: "ready", url: ready.peers[0]?.url });

    const events = await EventStream.open(`${api}/events?document=demo`);
    await events.until(({ peer, status }) => peer === "C" && status !== null);
    await using writer = await createPeer({ data: join(bench.folder, "writer"), peers: [ready.peers[0]?.url ?? ""] });
    await eventually(
      async () => writer.status().state,
      (state) => state === "ready",
    );
    const handle = await writer.open("demo");
    handle.doc.getText("t").insert(0, "hello");
    await handle.saved({ copies: 3 });
    const seen = await events.until(({ peer, documents }) => peer === "C" && documents["demo"] !== undefined);
    const document = (await getJson(`${api}/peers/C/documents/demo`)).body;
    expect(document).toEqual({
      name: "demo",
      state: "alive",
      incarnation: 1,
      fingerprint: seen.documents["demo"]?.fingerprint,
    });
    expect((await getJson(`${api}/peers/C/documents/none`)).status).toBe(404);
    expect((await getJson(`${api}/peers/Z/status`)).status).toBe(404);

    expect((await fetch(`${api}/peers/B/pause`, { method: "POST" })).status).toBe(204);
    await events.until(({ peer, status }) => peer === "B" && status?.paused === true);
    expect((await fetch(`${api}/peers/B/resume`, { method: "POST" })).status).toBe(204);
    await events.until(({ peer, status }) => peer === "B" && status?.paused === false);

    const [, victim] = ready.peers;
    process.kill(victim?.pid ?? 0, "SIGKILL");
    await events.until(({ peer, status }) => peer === "B" && status === null);
    await demo.until(() => demo.stderr.includes("peer B ended (signal SIGKILL)"));
    expect(demo.stderr).toContain("yarrow serve --data");
    expect((await getJson(`${api}/peers/B/status`)).status).toBe(503);
    expect((await getJson(`${api}/peers`)).body.peers[1].running).toBe(false);
    expect((await getJson(`${api}/peers/A/status`)).status).toBe(200);
    events.close();

    await handle.close();
    expect(await demo.end("SIGINT")).toBe(0);
    expect(ready.peers.filter(({ pid }) => isAlive(pid))).toEqual([]);
    expect(existsSync(ready.data)).toBe(false);
  }, 60_000);

  test("[CLI25] the overview tells the addresses and what to try; a given folder is kept and used again", async () => {
    const data = join(bench.folder, "kept");
    mkdirSync(data);
    const demo = await bench.start(["demo", "--peers", "1", "--port", "0", "--data", data]);
    await demo.until(() => demo.stdout.some((line) => line.includes("Ctrl-C ends everything")));
    const overview = demo.stdout.join("\n");
    expect(overview).toMatch(/Playground {2}http:\/\/127\.0\.0\.1:\d+/);
    expect(overview).toMatch(/A +ws:\/\/127\.0\.0\.1:\d+ +http:\/\/127\.0\.0\.1:\d+ +\d+/);
    expect(overview).toContain(`yarrow status --watch --data ${join(data, "a")}`);
    expect(await demo.end("SIGTERM")).toBe(0);
    expect(existsSync(join(data, "a"))).toBe(true);
    const again = await startDemo("--peers", "1", "--data", data);
    expect(await again.demo.end("SIGINT")).toBe(0);
  });

  test("[CLI25] its peers end with it, even when it is killed", async () => {
    const { demo, ready } = await startDemo("--peers", "1", "--data", join(bench.folder, "orphans"));
    await demo.end("SIGKILL");
    const alive = await eventually(
      async () => isAlive(ready.peers[0]?.pid ?? 0),
      (alive) => !alive,
    );
    expect(alive).toBe(false);
  });

  test("[CLI25] a port that was asked for and is taken is refused", async () => {
    const other = createServer();
    other.listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    const { code, stderr } = await run(["demo", "--peers", "1", "--port", String(port)]);
    expect(code).toBe(1);
    expect(stderr).toContain(`YARROW_LISTEN_FAILED the playground cannot listen on 127.0.0.1:${port}`);
    other.close();
    expect(execFileSync("ps", ["-A", "-o", "args"]).toString()).not.toContain(`127.0.0.1:${port + 21} `);
  });
});

describe("the playground's server", () => {
  test("[CLI26] answers its own page only: a foreign Host or Origin is refused, and paths stay inside the page", async () => {
    const { demo, ready } = await startDemo("--peers", "1");
    const ask = (path: string, headers: Record<string, string>, method = "GET") =>
      statusOf(`${ready.playground}${path}`, method, headers);
    expect(await ask("/api/peers", { host: "evil.example" })).toBe(403);
    expect(await ask("/api/peers/A/pause", { origin: "http://evil.example" }, "POST")).toBe(403);
    expect(await ask("/api/peers/A/pause", {}, "GET")).toBe(404);
    expect(await ask("/api/peers", {}, "DELETE")).toBe(405);
    expect(await ask("/api/peers", { host: `localhost:${new URL(ready.playground).port}` })).toBe(200);
    expect([404, 503]).toContain(await ask("/..%2f..%2fpackage.json", {}));
    expect(await ask("/%ff", {})).toBe(400);
    expect(await demo.end("SIGINT")).toBe(0);
  });
});

/** `fetch` does not let one choose Host and Origin. */
function statusOf(url: string, method: string, headers: Record<string, string>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, headers }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    asked.on("error", reject).end();
  });
}

interface FeedEvent {
  readonly peer: string;
  readonly status: { readonly paused: boolean } | null;
  readonly documents: Record<string, { fingerprint: string; incarnation: number; state: string }>;
}

/** Reads server-sent events one by one. */
class EventStream {
  readonly #reader: ReadableStreamDefaultReader<string>;
  #buffered = "";

  private constructor(reader: ReadableStreamDefaultReader<string>) {
    this.#reader = reader;
  }

  static async open(url: string): Promise<EventStream> {
    const answer = await fetch(url);
    assert.equal(answer.headers.get("content-type"), "text/event-stream");
    assert(answer.body !== null, "an event stream without a body");
    return new EventStream(answer.body.pipeThrough(new TextDecoderStream()).getReader());
  }

  /** The next event that fulfils the condition. */
  async until(condition: (event: FeedEvent) => boolean): Promise<FeedEvent> {
    for (;;) {
      const event = await this.#next();
      if (condition(event)) return event;
    }
  }

  close(): void {
    void this.#reader.cancel();
  }

  async #next(): Promise<FeedEvent> {
    for (;;) {
      const end = this.#buffered.indexOf("\n\n");
      if (end !== -1) {
        const event = this.#buffered.slice(0, end);
        this.#buffered = this.#buffered.slice(end + 2);
        if (event.startsWith("data: ")) return JSON.parse(event.slice("data: ".length)) as FeedEvent;
        continue;
      }
      const { done, value } = await this.#reader.read();
      if (done) throw new Error("the event stream ended");
      this.#buffered += value;
    }
  }
}
