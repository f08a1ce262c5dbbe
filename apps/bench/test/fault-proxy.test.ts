/** Each fault of the proxy happens on the wire: what arrives, when, and what each end is told. */
import { once } from "node:events";
import { type AddressInfo, type Server, type Socket, connect, createServer } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ownerOf } from "../src/storm/dialer.ts";
import { FaultProxy } from "../src/storm/fault-proxy.ts";
import { waitUntil } from "../src/waiting.ts";

const [DIALLER, TARGET] = [0, 1];

let proxy: FaultProxy;
let server: Server;
let port: number;
/** Ends that the target accepted, and what arrived there. */
let accepted: Line[];
let dialled: Line[];

/** One end of a connection, and what happened to it. */
interface Line {
  readonly socket: Socket;
  text: string;
  ended: boolean;
  failed: boolean;
}

beforeEach(async () => {
  accepted = [];
  dialled = [];
  server = createServer({ allowHalfOpen: true }, (socket) => accepted.push(listenTo(socket)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  proxy = new FaultProxy({ diallerOf: () => DIALLER });
  port = await proxy.open(TARGET, (server.address() as AddressInfo).port);
});

afterEach(async () => {
  for (const { socket } of [...dialled, ...accepted]) socket.destroy();
  await proxy[Symbol.asyncDispose]();
  server.close();
});

function listenTo(socket: Socket): Line {
  const line: Line = { socket, text: "", ended: false, failed: false };
  socket.on("data", (bytes) => (line.text += String(bytes)));
  socket.on("end", () => (line.ended = true));
  socket.on("error", () => (line.failed = true));
  return line;
}

async function dial(): Promise<Line> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const line = listenTo(socket);
  dialled.push(line);
  await Promise.race([once(socket, "connect"), once(socket, "close")]).catch(() => {});
  return line;
}

/** A connection over which a word has gone in both directions. */
async function joined(): Promise<{ near: Line; far: Line }> {
  const near = await dial();
  const count = accepted.length;
  near.socket.write("hello");
  await waitUntil(() => accepted.length > count && accepted.at(-1)?.text === "hello");
  const far = accepted.at(-1)!;
  far.socket.write("welcome");
  await waitUntil(() => near.text === "welcome");
  near.text = far.text = "";
  return { near, far };
}

test("without faults everything passes, and an end is passed on", async () => {
  const { near, far } = await joined();
  near.socket.end("last");
  await waitUntil(() => far.text === "last" && far.ended);
  far.socket.end("also last");
  await waitUntil(() => near.text === "also last" && near.ended);
  await waitUntil(() => proxy.size === 0);
  expect(Object.values(proxy.faults.felt).every((count) => count === 0)).toBe(true);
});

test("delay: bytes arrive later by it, in order, and the end behind them", async () => {
  const { near, far } = await joined();
  const undo = proxy.faults.begin(DIALLER, TARGET, { delayMs: 120 });
  const sentAt = performance.now();
  near.socket.write("slow,");
  await waitUntil(() => proxy.faults.felt.delayedBytes > 0);
  undo();
  near.socket.end("quick");
  await waitUntil(() => far.ended);
  expect(performance.now() - sentAt).toBeGreaterThanOrEqual(119);
  expect(far.text).toBe("slow,quick");
});

test("stall: nothing arrives in that direction until it ends, and then all of it", async () => {
  const { near, far } = await joined();
  const undo = proxy.faults.begin(DIALLER, TARGET, { stalls: 1 });
  near.socket.write("held");
  await waitUntil(() => proxy.faults.felt.stalledWrites > 0);
  far.socket.write("the other way");
  await waitUntil(() => near.text === "the other way");
  expect(far.text).toBe("");
  undo();
  await waitUntil(() => far.text === "held");
});

test("blackhole: the connection is dead for good and nobody is told; a new one works when it has ended", async () => {
  const { near, far } = await joined();
  const undo = [proxy.faults.begin(DIALLER, TARGET, { holes: 1 }), proxy.faults.begin(TARGET, DIALLER, { holes: 1 })];
  near.socket.write("lost");
  far.socket.write("lost too");
  await waitUntil(() => proxy.faults.felt.swallowedBytes === "lost".length + "lost too".length);
  const before = accepted.length;
  const unanswered = await dial();
  unanswered.socket.write("anybody?");
  await waitUntil(() => proxy.faults.felt.swallowedBytes === "lostlost tooanybody?".length);
  for (const each of undo) each();
  near.socket.write("still lost");
  near.socket.end();
  const again = await joined();
  expect(accepted.length).toBe(before + 1);
  again.near.socket.write("x");
  await waitUntil(() => again.far.text === "x");
  expect([near.text, far.text, far.ended, far.failed]).toEqual(["", "", false, false]);
});

test("one-way blackhole: one direction is dead, the other goes on", async () => {
  const { near, far } = await joined();
  proxy.faults.begin(DIALLER, TARGET, { holes: 1 });
  near.socket.write("lost");
  await waitUntil(() => proxy.faults.felt.swallowedBytes === 4);
  far.socket.write("arrives");
  await waitUntil(() => near.text === "arrives");
  expect(far.text).toBe("");
  expect(proxy.faults.felt.oneWayConnections).toBe(1);
});

test("half-close: the reader is told of an end that nobody meant, and may still write", async () => {
  const { near, far } = await joined();
  proxy.halfClose(DIALLER, TARGET);
  await waitUntil(() => far.ended);
  far.socket.write("why?");
  await waitUntil(() => near.text === "why?");
  expect([near.ended, proxy.faults.felt.halfClosed]).toEqual([false, 1]);
});

test("mid-frame reset: a part of one write arrives, then both ends are reset", async () => {
  const { near, far } = await joined();
  proxy.cutNext(DIALLER, TARGET, 0.5);
  near.socket.write("x".repeat(101));
  await waitUntil(() => near.failed && far.failed);
  expect(far.text).toBe("x".repeat(51));
  await waitUntil(() => proxy.size === 0);
});

test("outage: what is open is reset, what is dialled is refused, until it ends", async () => {
  const { near, far } = await joined();
  const undo = proxy.faults.begin(DIALLER, TARGET, { refusals: 1 });
  proxy.reset(DIALLER, TARGET);
  await waitUntil(() => near.failed && far.failed);
  const refused = await dial();
  await waitUntil(() => refused.failed);
  undo();
  await joined();
  expect(proxy.faults.felt).toMatchObject({ reset: 1, refused: 1 });
  expect(proxy.dials.map(({ from, to }) => [from, to])).toEqual([
    [DIALLER, TARGET],
    [DIALLER, TARGET],
    [DIALLER, TARGET],
  ]);
});

test("the process behind a connection is found", async () => {
  const { near } = await joined();
  const { localPort = 0 } = near.socket;
  expect(ownerOf(localPort, port, [1, process.pid])).toBe(process.pid);
  expect(ownerOf(localPort, port + 1, [process.pid])).toBeUndefined();
});
