import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { assert } from "@yarrow/protocol";
import type { Event } from "@yarrow/replica";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { WebSocket } from "ws";
import { createCounters } from "../src/counters.ts";
import { LINK_BUFFER_BYTES_MAX, LINK_CONGESTED_BYTES } from "../src/limits.ts";
import { LinkSockets } from "../src/link-sockets.ts";
import { Listener } from "../src/listener.ts";

type Kind<T extends Event["type"]> = Extract<Event, { type: T }>;

class End {
  readonly events: Event[] = [];
  readonly sockets: LinkSockets;

  constructor() {
    const submit = (event: Event): void => void this.events.push(event);
    this.sockets = new LinkSockets({ submit, receive: submit, counters: createCounters() });
  }

  /** The first event of a kind, once it has happened. */
  next<T extends Event["type"]>(type: T): Promise<Kind<T>> {
    return vi.waitFor(() => {
      const event = this.events.find((candidate): candidate is Kind<T> => candidate.type === type);
      if (event === undefined)
        throw new Error(`no ${type} yet, only ${this.events.map((other) => other.type).join(", ")}`);
      return event;
    }, 5_000);
  }
}

const cleanUps: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function createPair(): Promise<{
  near: End;
  far: End;
  nearId: number;
  farId: number;
  url: string;
  farSocket: WebSocket;
}> {
  const near = new End();
  const far = new End();
  let farSocket: WebSocket | undefined;
  const listener = new Listener({ host: "127.0.0.1", port: 0 });
  await listener.listen();
  listener.serve({
    notReady: () => undefined,
    sessions: () => 0,
    links: () => 0,
    writers: () => ({}),
    openSession: () => undefined,
    openLink: (webSocket, socket) => {
      farSocket ??= webSocket;
      far.sockets.accept(webSocket, socket);
    },
  });
  cleanUps.push(async () => {
    listener.stopAccepting();
    near.sockets.terminateAll();
    far.sockets.terminateAll();
    await listener.close();
  });
  const url = `ws://127.0.0.1:${listener.bound?.port}`;
  near.sockets.dial(url);
  const opened = await near.next("link-opened");
  expect(opened.dialled).toBe(url);
  const accepted = await far.next("link-opened");
  expect(accepted.dialled).toBeUndefined();
  assert(farSocket !== undefined, "the link was accepted");
  return { near, far, nearId: opened.link, farId: accepted.link, url, farSocket };
}

describe("LinkSockets", () => {
  it("carries frames both ways, in order", async () => {
    const { near, far, nearId, farId } = await createPair();
    near.sockets.send(nearId, [Uint8Array.of(1), Uint8Array.of(2, 3)]);
    far.sockets.send(farId, [Uint8Array.of(9)]);
    expect([...(await near.next("link-frame")).bytes]).toEqual([9]);
    await vi.waitFor(() => {
      const frames = far.events.flatMap((event) => (event.type === "link-frame" ? [[...event.bytes]] : []));
      expect(frames).toEqual([[1], [2, 3]]);
    });
  });

  it("tells both ends of a close, with the reason", async () => {
    const { near, far, nearId } = await createPair();
    near.sockets.close(nearId, "YARROW_CLUSTER_MISMATCH strangers");
    expect((await far.next("link-closed")).reason).toBe("YARROW_CLUSTER_MISMATCH strangers");
    await near.next("link-closed");
    expect([near.sockets.size, far.sockets.size]).toEqual([0, 0]);
  });

  it("[LNK7] tells why a dial failed: nobody listens", async () => {
    const end = new End();
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    end.sockets.dial(`ws://127.0.0.1:${port}`);
    const failure = await end.next("dial-failed");
    expect(failure).toMatchObject({ url: `ws://127.0.0.1:${port}`, reason: expect.stringContaining("ECONNREFUSED") });
    expect(end.events).toHaveLength(1);
  });

  it("[LNK7] tells why a dial failed: not an address, not a peer", async () => {
    const end = new End();
    end.sockets.dial("nonsense");
    expect((await end.next("dial-failed")).url).toBe("nonsense");
    const server = createServer((socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")).listen(
      0,
      "127.0.0.1",
    );
    cleanUps.push(() => void server.close());
    await once(server, "listening");
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
    end.sockets.dial(url);
    await vi.waitFor(() =>
      expect(end.events.at(-1)).toMatchObject({ type: "dial-failed", url, reason: expect.stringContaining("200") }),
    );
  });

  it("[LNK8] reports a link whose other end does not read, and when it reads again", async () => {
    const { near, nearId, farSocket } = await createPair();
    farSocket.pause();
    const frame = new Uint8Array(512 * 1024);
    for (let sent = 0; sent <= LINK_CONGESTED_BYTES + 8 * 1024 * 1024; sent += frame.length)
      near.sockets.send(nearId, [frame]);
    await near.next("link-congested");
    expect(near.events.filter(({ type }) => type === "link-congested")).toHaveLength(1);
    farSocket.resume();
    await near.next("link-drained");
  });

  it("[LNK17] cuts off a link whose other end reads nothing at all", async () => {
    const { near, far, nearId, farSocket } = await createPair();
    farSocket.pause();
    const frames = Array.from({ length: 32 }, () => new Uint8Array(1024 * 1024));
    for (let sent = 0; sent <= LINK_BUFFER_BYTES_MAX + 32 * 1024 * 1024; sent += 32 * 1024 * 1024) {
      near.sockets.send(nearId, frames);
    }
    expect((await near.next("link-closed")).reason).toContain("1006");
    farSocket.resume();
    await far.next("link-closed");
  });

  it("[LNK11] ends the link that sends an oversized frame, and no other", async () => {
    const { near, far, nearId, url } = await createPair();
    near.sockets.send(nearId, [new Uint8Array(2 * 1024 * 1024)]);
    expect((await far.next("link-closed")).reason).toContain("Max payload");
    expect((await near.next("link-closed")).reason).toContain("1009");
    near.sockets.dial(url);
    await vi.waitFor(() => expect(far.events.filter(({ type }) => type === "link-opened")).toHaveLength(2));
    expect(far.sockets.size).toBe(1);
  });
});
