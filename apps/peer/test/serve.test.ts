import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { METRICS } from "../src/metrics/metrics.ts";
import { run, Workbench } from "./command.ts";

const bench = new Workbench();
afterAll(() => bench.clean());

const folder = (name: string): string => join(bench.folder, name);
const LOOPBACK = ["--listen", "127.0.0.1:0"];

describe("ready", () => {
  test("[CLI9] one JSON line on stdout tells the addresses; logs go to stderr as JSON", async () => {
    const peer = await bench.start(["serve", "--data", folder("ready"), ...LOOPBACK, "--admin", "127.0.0.1:0"]);
    const line = peer.announced;
    expect(Object.keys(line)).toEqual(["event", "url", "admin", "peerId", "clusterId"]);
    expect(line).toEqual({
      event: "listening",
      url: expect.stringMatching(/^ws:\/\/127\.0\.0\.1:\d+$/),
      admin: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      peerId: expect.stringMatching(/^[0-9a-f]{32}$/),
      clusterId: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    const address = line["url"]?.replace("ws:", "http:");
    expect((await fetch(`${address}/healthz`)).status).toBe(200);
    expect((await fetch(`${address}/readyz`)).status).toBe(200);
    expect(await peer.end()).toBe(0);
    expect(peer.stdout).toHaveLength(1);
    for (const log of peer.stderr.trim().split("\n")) {
      expect(JSON.parse(log)).toMatchObject({
        level: expect.any(String),
        time: expect.any(String),
        msg: expect.any(String),
      });
    }
  });

  test("[CLI9] a peer that waits for a cluster listens and says so: clusterId and admin are null", async () => {
    const peer = await bench.start(["serve", "--data", folder("joining"), ...LOOPBACK, "--peer", "ws://127.0.0.1:9"]);
    expect(peer.announced).toMatchObject({ event: "listening", clusterId: null, admin: null });
    const ready = await fetch(`${peer.announced["url"]?.replace("ws:", "http:")}/readyz`);
    expect(ready.status).toBe(503);
    expect(await peer.end()).toBe(0);
  });

  test("[CLI4] a configuration file and variables start a peer just as flags do", async () => {
    const file = folder("yarrow.yaml");
    writeFileSync(file, `data: ${folder("by-file")}\nlisten: 127.0.0.1:1\ndurability: normal\n`);
    const peer = await bench.start(["serve", "--config", file], {
      YARROW_LISTEN: "127.0.0.1:0",
      YARROW_LOG_LEVEL: "error",
    });
    const { stdout } = await run(["status", "--json", "--data", folder("by-file")]);
    expect(JSON.parse(stdout)).toMatchObject({ store: { synchronous: "normal" }, url: peer.announced["url"] });
    expect(await peer.end()).toBe(0);
    expect(peer.stderr).toBe("");
  });
});

describe("the end", () => {
  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("[CLI10] %s drains and ends with 0", async (signal) => {
    const peer = await bench.start(["serve", "--data", folder(signal), ...LOOPBACK]);
    expect(await peer.end(signal)).toBe(0);
    expect((await run(["status", "--data", folder(signal)])).code).toBe(4);
  });
});

describe("refused", () => {
  test("[CLI11] a listener that others reach is refused without --insecure, and served with it", async () => {
    const words = ["serve", "--data", folder("open"), "--listen", "0.0.0.0:0"];
    const { code, stdout, stderr } = await run(words);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^yarrow: YARROW_LISTEN_INSECURE .*0\.0\.0\.0.*\n {2}hint: .*--insecure/);
    const peer = await bench.start([...words, "--insecure"]);
    expect(await peer.end()).toBe(0);
  });

  test("[CLI12] a second peer on one folder is refused with a clean message, and the first is undisturbed", async () => {
    const data = folder("locked");
    const peer = await bench.start(["serve", "--data", data, ...LOOPBACK]);
    const { code, stdout, stderr } = await run(["serve", "--data", data, ...LOOPBACK]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/yarrow: YARROW_STORE_LOCKED /);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect((await run(["status", "--data", data])).code).toBe(0);
    expect(await peer.end()).toBe(0);
  });

  test("[CLI12] a taken port is refused with a clean message", async () => {
    const peer = await bench.start(["serve", "--data", folder("first"), ...LOOPBACK]);
    const taken = new URL(peer.announced["url"] ?? "").host;
    const { code, stderr } = await run(["serve", "--data", folder("second"), "--listen", taken]);
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`yarrow: YARROW_LISTEN_FAILED .*${taken}`));
    expect(await peer.end()).toBe(0);
  });

  test("[CLI12] a folder that cannot be made is refused without a stack", async () => {
    writeFileSync(folder("file"), "");
    const { code, stderr } = await run(["serve", "--data", folder("file/below"), ...LOOPBACK]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^yarrow: YARROW_STORE_FAILED cannot use data folder .*ENOTDIR/m);
    expect(stderr).not.toMatch(/\n\s+at /);
  });
});

describe("metrics", () => {
  test("[OPS1] every metric of the table is exposed with its help, in base units, and can be read line by line", async () => {
    const peer = await bench.start(["serve", "--data", folder("metrics"), ...LOOPBACK, "--admin", "127.0.0.1:0"]);
    const answer = await fetch(`${peer.announced["admin"]}/metrics`);
    expect(answer.headers.get("content-type")).toContain("text/plain; version=0.0.4");
    const exposition = parseExposition(await answer.text());
    for (const [name, definition] of Object.entries(METRICS)) {
      expect(exposition.get(name), name).toMatchObject({ type: definition.kind, help: definition.help });
    }
    expect(exposition.get("process_cpu_seconds_total")).toBeDefined();
    expect(exposition.get("yarrow_ready")?.samples).toEqual([["yarrow_ready", 1]]);
    expect(exposition.get("yarrow_documents")?.samples).toContainEqual(['yarrow_documents{state="alive"}', 0]);
    expect(exposition.get("yarrow_info")?.samples[0]?.[0]).toContain(`peer_id="${peer.announced["peerId"]}"`);
    const buckets = exposition.get("yarrow_batch_duration_seconds")?.samples ?? [];
    expect(buckets.at(-1)?.[0]).toBe("yarrow_batch_duration_seconds_count");
    expect(await peer.end()).toBe(0);
  });

  test("[OPS1] names carry their unit: _total on counters, no milliseconds anywhere", () => {
    for (const [name, definition] of Object.entries(METRICS)) {
      expect(name).toMatch(/^yarrow_[a-z_]+$/);
      expect(name.endsWith("_total"), name).toBe(definition.kind === "counter");
      expect(name).not.toMatch(/_ms|milli/);
    }
  });

  test("[OPS2] the admin address tells the status too, and refuses a Host that is not loopback", async () => {
    const peer = await bench.start(["serve", "--data", folder("admin"), ...LOOPBACK, "--admin", "127.0.0.1:0"]);
    const admin = peer.announced["admin"] ?? "";
    expect(await (await fetch(`${admin}/status`)).json()).toMatchObject({
      peerId: peer.announced["peerId"],
      state: "ready",
    });
    expect(await statusOfForgedHost(new URL(admin))).toContain("403");
    expect(await peer.end()).toBe(0);
  });
});

/** `fetch` does not let one choose the Host. */
function statusOfForgedHost({ hostname, port }: URL): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () =>
      socket.write("GET /status HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
    );
    socket.once("data", (bytes) => {
      socket.destroy();
      resolve(bytes.toString().split("\r\n")[0] ?? "");
    });
    socket.once("error", reject);
  });
}

interface Family {
  help?: string;
  type?: string;
  readonly samples: [name: string, value: number][];
}

/** Reads the text format strictly: an unknown kind of line fails. */
function parseExposition(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  let current: Family = { samples: [] };
  for (const line of text.split("\n")) {
    const comment = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line);
    const sample = /^([a-z0-9_]+(?:\{.*\})?) (\S+)$/.exec(line);
    if (comment !== null) {
      const [, kind, name = "", rest = ""] = comment;
      current = families.get(name) ?? { samples: [] };
      families.set(name, current);
      if (kind === "HELP") current.help = rest;
      else current.type = rest;
    } else if (sample !== null) {
      const value = Number(sample[2]);
      assert(!Number.isNaN(value), line);
      current.samples.push([sample[1] ?? "", value]);
    } else assert.equal(line, "");
  }
  return families;
}
