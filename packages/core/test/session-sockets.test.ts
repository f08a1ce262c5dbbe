import { once } from "node:events";
import type { SessionEvent } from "@yarrow/relay";
import { buildBinaryFrame } from "./frames.ts";
import { afterEach, describe, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { createCounters } from "../src/counters.ts";
import { Listener } from "../src/listener.ts";
import { SESSION_CONGESTED_BYTES, SESSION_FRAME_BYTES_MAX } from "../src/limits.ts";
import { SessionSockets, truncateReason } from "../src/session-sockets.ts";

const cleanUps: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

interface Rig {
  readonly sessions: SessionSockets;
  readonly events: SessionEvent[];
  readonly counters: ReturnType<typeof createCounters>;
  readonly url: string;
  readonly connect: () => Promise<{ client: WebSocket; received: Buffer[]; id: number }>;
  readonly count: (type: SessionEvent["type"]) => number;
}

async function createRig(heartbeatMs = 60_000): Promise<Rig> {
  const events: SessionEvent[] = [];
  const submit = (event: SessionEvent): void => void events.push(event);
  let next = 1;
  const counters = createCounters();
  const sessions = new SessionSockets({ submit, receive: submit, counters, nextSubscriber: () => next++, heartbeatMs });
  const listener = new Listener({ host: "127.0.0.1", port: 0 });
  await listener.listen();
  listener.serve({
    notReady: () => undefined,
    sessions: () => 0,
    links: () => 0,
    writers: () => ({}),
    openSession: (webSocket, socket, name, address) => sessions.open(webSocket, socket, name, address),
    openLink: () => undefined,
  });
  const url = `ws://127.0.0.1:${listener.bound?.port}/n`;
  cleanUps.push(async () => {
    listener.stopAccepting();
    sessions.stop();
    sessions.terminateAll();
    await listener.close();
  });
  return {
    sessions,
    events,
    counters,
    url,
    count: (type) => events.filter((event) => event.type === type).length,
    connect: async () => {
      const client = new WebSocket(url);
      const received: Buffer[] = [];
      client.on("error", () => undefined);
      client.on("message", (message: Buffer) => received.push(message));
      await once(client, "open");
      const opened = events.findLast((event) => event.type === "session-opened");
      return { client, received, id: opened?.session ?? 0 };
    },
  };
}

describe("SessionSockets", () => {
  it("[LNK5] writes what one turn has to say in order, whole, to each session", async () => {
    const { sessions, connect } = await createRig();
    const [a, b] = [await connect(), await connect()];
    const large = new Uint8Array(70_000).fill(7);
    sessions.send([a.id, b.id], buildBinaryFrame(Uint8Array.of(1)));
    sessions.send([a.id], buildBinaryFrame(large));
    sessions.send([a.id, b.id], buildBinaryFrame(Uint8Array.of(3)));
    expect(a.received).toEqual([]);
    sessions.flush();
    await vi.waitFor(() => expect(a.received.map(({ length }) => length)).toEqual([1, 70_000, 1]));
    await vi.waitFor(() => expect(b.received.map((message) => [...message])).toEqual([[1], [3]]));
  });

  it("[LNK5] says what was queued before it closes, and nothing after", async () => {
    const { sessions, connect } = await createRig();
    const { client, received, id } = await connect();
    sessions.send([id], buildBinaryFrame(Uint8Array.of(1)));
    sessions.close(id, 4404, "gone");
    sessions.send([id], buildBinaryFrame(Uint8Array.of(2)));
    sessions.flush();
    const [code, reason] = (await once(client, "close")) as [number, Buffer];
    expect([code, reason.toString()]).toEqual([4404, "gone"]);
    expect(received.map((message) => [...message])).toEqual([[1]]);
  });

  it("tells a clean close from a broken connection", async () => {
    const { events, connect } = await createRig();
    const [a, b] = [await connect(), await connect()];
    a.client.close(1000);
    await vi.waitFor(() => expect(events.at(-1)).toEqual({ type: "session-closed", session: a.id, abnormal: false }));
    b.client.terminate();
    await vi.waitFor(() => expect(events.at(-1)).toEqual({ type: "session-closed", session: b.id, abnormal: true }));
  });

  it("[LNK4] closes 4413 for an oversized frame and 1003 for text; others go on", async () => {
    const { connect, count } = await createRig();
    const honest = await connect();
    const large = await connect();
    large.client.send(new Uint8Array(SESSION_FRAME_BYTES_MAX + 1));
    expect((await once(large.client, "close"))[0]).toBe(4413);
    const text = await connect();
    text.client.send("hello");
    expect((await once(text.client, "close"))[0]).toBe(1003);
    honest.client.send(Uint8Array.of(1));
    await vi.waitFor(() => expect(count("session-frame")).toBe(1));
  });

  it("[LNK11] closes the connection that sends what is not a WebSocket frame", async () => {
    const { events, connect } = await createRig();
    const { client, id } = await connect();
    (client as unknown as { _socket: { write(bytes: Buffer): void } })._socket.write(Buffer.alloc(64, 0xff));
    await once(client, "close");
    await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ type: "session-closed", session: id }));
  });

  it("[LNK6] reports a session that does not read, once, and when it has caught up", async () => {
    const { sessions, connect, count, counters } = await createRig();
    const { client, id } = await connect();
    client.pause();
    const frame = buildBinaryFrame(new Uint8Array(512 * 1024));
    for (let sent = 0; sent < SESSION_CONGESTED_BYTES + 8 * 1024 * 1024; sent += frame.length) {
      sessions.send([id], frame);
      sessions.flush();
    }
    expect([count("session-congested"), count("session-drained")]).toEqual([1, 0]);
    expect(counters.sessionsCongested).toBe(1);
    client.resume();
    await vi.waitFor(() => expect(count("session-drained")).toBe(1), 5_000);
  });

  it("[LNK6] cuts off a session with more unsent than may ever be", async () => {
    const { sessions, connect, count, counters } = await createRig();
    const { client, id } = await connect();
    client.pause();
    const frame = buildBinaryFrame(new Uint8Array(8 * 1024 * 1024));
    for (let sent = 0; sent < 7; sent++) {
      sessions.send([id], frame);
      sessions.flush();
    }
    await vi.waitFor(() => expect(count("session-closed")).toBe(1));
    expect(counters.sessionsCutOff).toBe(1);
  });

  it("[LNK12] cuts off a session that gives no sign of life, and keeps one that answers", async () => {
    const { events, connect, count } = await createRig(100);
    const [living, dead] = [await connect(), await connect()];
    dead.client.pause();
    await vi.waitFor(() => expect(count("session-closed")).toBe(1), 5_000);
    expect(events.at(-1)).toEqual({ type: "session-closed", session: dead.id, abnormal: true });
    expect(living.client.readyState).toBe(WebSocket.OPEN);
  });

  it("[API21] closes all sessions with 1012, waiting for those that do not answer only so long", async () => {
    const { sessions, connect } = await createRig();
    const [answering, silent] = [await connect(), await connect()];
    silent.client.pause();
    const closed = once(answering.client, "close");
    await sessions.closeAll();
    expect((await closed)[0]).toBe(1012);
    expect(sessions.size).toBe(0);
  });

  it("cuts reasons to what a close frame can carry", () => {
    expect(truncateReason("é".repeat(100))).toBe("é".repeat(61));
    expect(truncateReason("short")).toBe("short");
  });
});
