import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { LINK_SUBPROTOCOL } from "@yarrow/protocol";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { LINK_SOCKETS_MAX, SESSIONS_MAX } from "../src/limits.ts";
import { Listener } from "../src/listener.ts";
import type { ListenerTargets } from "../src/listener.ts";

interface Opened {
  readonly kind: "session" | "link";
  readonly name?: string;
  readonly webSocket: WebSocket;
}

const listeners: Listener[] = [];
const clients: WebSocket[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.terminate();
  for (const listener of listeners.splice(0)) {
    listener.stopAccepting();
    await listener.close();
  }
});

async function startListener(
  overrides: Partial<ListenerTargets> = {},
): Promise<{ port: number; opened: Opened[]; listener: Listener }> {
  const listener = new Listener({ host: "127.0.0.1", port: 0 });
  await listener.listen();
  listeners.push(listener);
  const opened: Opened[] = [];
  listener.serve({
    notReady: () => undefined,
    sessions: () => 0,
    links: () => 0,
    writers: () => ({}),
    openSession: (webSocket, _socket, name) => opened.push({ kind: "session", name, webSocket }),
    openLink: (webSocket) => opened.push({ kind: "link", webSocket }),
    ...overrides,
  });
  return { port: listener.bound?.port ?? 0, opened, listener };
}

function dial(url: string, protocol?: string): WebSocket {
  const client = new WebSocket(url, protocol);
  client.on("error", () => undefined);
  clients.push(client);
  return client;
}

async function get(port: number, path: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return { status: response.status, body: await response.json() };
}

/** Sends bytes as they are and returns everything that comes back until the other side closes. */
async function sendRaw(port: number, bytes: string | Buffer): Promise<string> {
  const socket: Socket = connect(port, "127.0.0.1");
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  socket.write(bytes);
  await once(socket, "close");
  return Buffer.concat(chunks).toString("latin1");
}

function upgradeRequest(path: string): string {
  return (
    `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
  );
}

describe("Listener", () => {
  it("[LNK1] tells links from browser sessions by the subprotocol", async () => {
    const { port, opened } = await startListener();
    const link = dial(`ws://127.0.0.1:${port}`, LINK_SUBPROTOCOL);
    await once(link, "open");
    expect(link.protocol).toBe(LINK_SUBPROTOCOL);
    await once(dial(`ws://127.0.0.1:${port}/notes/a%20b?token=1`), "open");
    expect(opened.map(({ kind, name }) => [kind, name])).toEqual([
      ["link", undefined],
      ["session", "notes/a b"],
    ]);
  });

  it("[LNK3] accepts a bad name, then closes with 4400; holds a repeat", async () => {
    const { port, opened } = await startListener();
    const first = dial(`ws://127.0.0.1:${port}/${"x".repeat(300)}`);
    const [code, reason] = (await once(first, "close")) as [number, Buffer];
    expect(code).toBe(4400);
    expect(reason.toString()).toContain("256 bytes");
    const second = dial(`ws://127.0.0.1:${port}/`);
    await once(second, "open");
    // A round trip later it is still open: the first one was closed before its own handshake could be answered.
    second.ping();
    await once(second, "pong");
    expect(second.readyState).toBe(WebSocket.OPEN);
    expect(opened).toEqual([]);
  });

  it("[LNK9] answers health checks", async () => {
    let reason: string | undefined = "joining";
    const { port } = await startListener({ notReady: () => reason });
    expect(await get(port, "/healthz")).toEqual({ status: 200, body: { status: "ok" } });
    expect(await get(port, "/readyz")).toEqual({ status: 503, body: { status: "joining" } });
    reason = undefined;
    expect(await get(port, "/readyz?probe=1")).toEqual({ status: 200, body: { status: "ready" } });
    expect((await get(port, "/notes")).status).toBe(426);
  });

  it("[LNK9] answers 503 before it serves", async () => {
    const listener = new Listener({ host: "127.0.0.1", port: 0 });
    await listener.listen();
    listeners.push(listener);
    const port = listener.bound?.port ?? 0;
    expect((await get(port, "/healthz")).status).toBe(200);
    expect((await get(port, "/readyz")).status).toBe(503);
    expect(await sendRaw(port, upgradeRequest("/notes"))).toMatch(/^HTTP\/1.1 503 /);
  });

  it("[LNK10] answers 503 beyond the limit of sessions, and still lets links in", async () => {
    const { port, opened } = await startListener({ sessions: () => SESSIONS_MAX });
    expect(await sendRaw(port, upgradeRequest("/notes"))).toMatch(/^HTTP\/1.1 503 [^]*too many sessions/);
    await once(dial(`ws://127.0.0.1:${port}`, LINK_SUBPROTOCOL), "open");
    expect(opened.map(({ kind }) => kind)).toEqual(["link"]);
  });

  it("[LNK10] answers 503 beyond the limit of links", async () => {
    const { port } = await startListener({ links: () => LINK_SOCKETS_MAX });
    const link = dial(`ws://127.0.0.1:${port}`, LINK_SUBPROTOCOL);
    expect(String((await once(link, "error"))[0])).toContain("503");
  });

  it.each([
    ["garbage", Buffer.from("ff00fe0d0a0d0a", "hex")],
    ["an upgrade without a key", "GET /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"],
  ])("[LNK11] answers %s with 400 and goes on", async (_what, bytes) => {
    const { port } = await startListener();
    expect(await sendRaw(port, bytes)).toMatch(/^HTTP\/1.1 400 /);
    expect((await get(port, "/healthz")).status).toBe(200);
  });

  it("[API3] says that a port is taken", async () => {
    const { port } = await startListener();
    const second = new Listener({ host: "127.0.0.1", port });
    await expect(second.listen()).rejects.toMatchObject({
      code: "YARROW_LISTEN_FAILED",
      hint: expect.stringContaining("port"),
    });
  });
});
