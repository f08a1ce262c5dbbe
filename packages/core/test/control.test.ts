import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import type { Socket } from "node:net";
import { join } from "node:path";
import { once } from "node:events";
import { request } from "node:http";
import { describe, expect, it, onTestFinished } from "vitest";
import { connectControl } from "../src/control-client.ts";
import { startPeer, temporaryFolder, until } from "./peers.ts";

async function write(peer: Awaited<ReturnType<typeof startPeer>>, name: string): Promise<void> {
  await using handle = await peer.open(name);
  handle.doc.getText("body").insert(0, "x");
}

describe("control socket", () => {
  it("[API29] answers every command as the peer itself would", async () => {
    const data = temporaryFolder();
    const peer = await startPeer({ data });
    await write(peer, "a");
    await write(peer, "b");
    await using control = await connectControl(data);
    expect(await control.status()).toEqual(JSON.parse(JSON.stringify(peer.status())));
    expect(await control.documents({ limit: 1 })).toEqual(peer.documents({ limit: 1 }));
    expect(await control.documents({ after: "a" })).toEqual(peer.documents({ after: "a" }));
    expect(await control.show("a")).toEqual(await peer.show("a"));
    expect((await control.show("a", { as: { root: "body", kind: "array" } }))?.roots["body"]?.kind).toBe("array");
    expect(await control.show("never")).toBeUndefined();
    expect(await control.delete("a")).toBe(true);
    expect(await control.delete("a")).toBe(false);
    expect(await control.verify({ deep: true })).toMatchObject({ equal: true, local: { checked: 2 } });
    expect(await control.compact()).toMatchObject({ documents: expect.any(Number) });
    await control.pauseLinks(true);
    expect(peer.status().paused).toBe(true);
    await control.pauseLinks(false);
    expect(peer.status().paused).toBe(false);
    await expect(control.show("")).rejects.toMatchObject({ code: "YARROW_NAME_INVALID" });
    expect(statSync(join(data, "control.sock")).mode & 0o777).toBe(0o600);
  });

  it("[API29] lists links", async () => {
    const folders = [temporaryFolder(), temporaryFolder()];
    const first = await startPeer({ data: folders[0] ?? "", cluster: "c" });
    await startPeer({ data: folders[1] ?? "", cluster: "c", peers: [first.url ?? ""] });
    await using control = await connectControl(folders[1] ?? "");
    await until(async () => (await control.links())[0]?.state === "open");
    expect((await control.links())[0]).toMatchObject({ peerId: first.peerId, url: first.url });
  });

  it("[API29] stands in the temporary folder where the path is too long, and is found", async () => {
    const data = join(temporaryFolder(), "x".repeat(100));
    mkdirSync(data);
    const peer = await startPeer({ data });
    const path = readFileSync(join(data, "control.path"), "utf8");
    expect(existsSync(path)).toBe(true);
    {
      await using control = await connectControl(data);
      expect((await control.status()).peerId).toBe(peer.peerId);
    }
    await peer.close();
    expect(existsSync(path)).toBe(false);
  });

  it("[API29] stops the peer, after having said so", async () => {
    const data = temporaryFolder();
    const peer = await startPeer({ data });
    const closedBy = new Promise<string>((resolve) => peer.on("closed", resolve));
    await using control = await connectControl(data);
    await control.stop();
    expect(await closedBy).toBe("control");
    await expect(control.status()).rejects.toMatchObject({ code: "YARROW_PEER_NOT_RUNNING" });
  });

  it("[API30] is nobody's when no peer runs, and replaces what a dead process left", async () => {
    const data = temporaryFolder();
    await expect(connectControl(data)).rejects.toMatchObject({ code: "YARROW_PEER_NOT_RUNNING" });
    // A socket file whose process is gone: bound, then renamed away from the server that would remove it.
    const path = join(data, "control.sock");
    const server = createServer().listen(`${path}.tmp`);
    await once(server, "listening");
    const { renameSync } = await import("node:fs");
    renameSync(`${path}.tmp`, path);
    server.close();
    await once(server, "close");
    expect(existsSync(path)).toBe(true);
    await expect(connectControl(data)).rejects.toMatchObject({ code: "YARROW_PEER_NOT_RUNNING" });
    const peer = await startPeer({ data });
    await using control = await connectControl(data);
    expect((await control.status()).peerId).toBe(peer.peerId);
  });

  it.each<[string, (socket: Socket) => void]>([
    ["is killed before its answer", (socket) => socket.destroy()],
    ["is killed in the middle of its answer", (socket) => socket.end('{"ok":true,"result":{"peer')],
    ["answers with what is none", (socket) => socket.write("no answer\n")],
  ])("[API30] a peer that %s is YARROW_PEER_NOT_RUNNING for who waits, and for who asks then", async (_, answer) => {
    const data = temporaryFolder();
    // What was asked stays unread, so that the end of the peer is a reset.
    const server = createServer({ pauseOnConnect: true });
    const accepted = once(server, "connection") as Promise<[Socket]>;
    onTestFinished(() => void server.close());
    server.listen(join(data, "control.sock"));
    await once(server, "listening");
    await using control = await connectControl(data);
    const gone = { code: "YARROW_PEER_NOT_RUNNING", message: expect.stringContaining("before it had answered") };
    const asked = Promise.allSettled([control.status(), control.links()]);
    answer((await accepted)[0]);
    await expect(asked).resolves.toMatchObject([
      { status: "rejected", reason: gone },
      { status: "rejected", reason: gone },
    ]);
    await expect(control.status()).rejects.toMatchObject(gone);
  });

  it("answers what it does not know with an error, and bad lines too", async () => {
    const data = temporaryFolder();
    await startPeer({ data });
    const socket = createConnection(join(data, "control.sock"));
    socket.setEncoding("utf8");
    let heard = "";
    socket.on("data", (text: string) => (heard += text));
    socket.write('{"method":"dance"}\nnot json\n{"method":"show","params":{"name":7}}\n{"method":"toString"}\n');
    await until(() => heard.split("\n").length === 5);
    const answers = heard
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { ok: boolean; message: string });
    expect(answers.map(({ ok }) => ok)).toEqual([false, false, false, false]);
    expect(answers[0]?.message).toContain("dance");
    expect(answers[2]?.message).toContain("name");
    socket.destroy();
  });
});

describe("admin address", () => {
  async function get(
    url: string,
    headers: Record<string, string> = {},
  ): Promise<{ status: number | undefined; body: string }> {
    const [response] = await once(request(url, { headers }).end(), "response");
    let body = "";
    for await (const chunk of response) body += String(chunk);
    return { status: response.statusCode, body };
  }

  it("[API28] answers status and metrics, to requests for a loopback host only", async () => {
    const metrics = async (): Promise<{ contentType: string; body: string }> => ({
      contentType: "text/plain",
      body: "yarrow_x 1\n",
    });
    const peer = await startPeer({ admin: "127.0.0.1:0", metrics });
    const url = peer.adminUrl ?? "";
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:[0-9]+$/);
    expect(JSON.parse((await get(`${url}/status`)).body)).toEqual(JSON.parse(JSON.stringify(peer.status())));
    expect(await get(`${url}/metrics`)).toEqual({ status: 200, body: "yarrow_x 1\n" });
    expect((await get(`${url}/other`)).status).toBe(404);
    expect((await get(`${url}/status`, { host: "evil.example" })).status).toBe(403);
    expect((await get(`${url}/status`, { host: "127.0.0.1.evil.example" })).status).toBe(403);
    expect((await get(`${url}/status`, { host: "localhost:1" })).status).toBe(200);
  });

  it("[API28] has no metrics unless it was given some", async () => {
    const peer = await startPeer({ admin: "127.0.0.1:0" });
    expect((await get(`${peer.adminUrl}/metrics`)).status).toBe(404);
  });
});
