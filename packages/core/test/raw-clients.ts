/** WebSockets that say whatever they are told: browsers and peers that do not keep to any protocol. */
import { once } from "node:events";
import type { ClientRequest } from "node:http";
import { LINK_SUBPROTOCOL, decodeFrame, encodeFrame, encodeMessage } from "@yarrow/protocol";
import type { Hello, Message } from "@yarrow/protocol";
import { onTestFinished } from "vitest";
import { WebSocket } from "ws";

export interface Close {
  readonly code: number;
  readonly reason: string;
}

export class RawClient {
  readonly received: Buffer[] = [];
  readonly closed: Promise<Close>;
  readonly #webSocket: WebSocket;

  private constructor(webSocket: WebSocket) {
    this.#webSocket = webSocket;
    // What the other side objects to ends in `close`.
    webSocket.on("error", () => undefined);
    webSocket.on("message", (message: Buffer) => this.received.push(message));
    this.closed = once(webSocket, "close").then(([code, reason]: unknown[]) => ({
      code: Number(code),
      reason: String(reason),
    }));
    onTestFinished(() => webSocket.terminate());
  }

  /** A browser session at a document. */
  static async browser(url: string, name: string): Promise<RawClient> {
    const client = new RawClient(new WebSocket(`${url}/${encodeURIComponent(name)}`));
    await once(client.#webSocket, "open");
    return client;
  }

  /** A browser session whose path goes over the wire byte by byte, where `WebSocket` would encode it. */
  static async atPath(url: string, path: string): Promise<RawClient> {
    const options = {
      finishRequest: (request: ClientRequest) => {
        request.path = `/${path}`;
        request.end();
      },
    };
    const client = new RawClient(new WebSocket(url, options));
    await once(client.#webSocket, "open");
    return client;
  }

  /** A browser session that has said what it has: nothing. */
  static async attached(url: string, name: string): Promise<RawClient> {
    const client = await RawClient.browser(url, name);
    client.send(syncFrame(0, Uint8Array.of(0)));
    return client;
  }

  /** A link that has not said hello. */
  static async link(url: string): Promise<RawClient> {
    const client = new RawClient(new WebSocket(url, LINK_SUBPROTOCOL));
    await once(client.#webSocket, "open");
    return client;
  }

  send(frame: Uint8Array | string): void {
    this.#webSocket.send(frame);
  }

  say(...messages: Message[]): void {
    this.send(encodeFrame(messages.map(encodeMessage)));
  }

  /** Messages heard on a link. */
  get messages(): Message[] {
    return this.received.flatMap((frame) => decodeFrame(frame));
  }

  close(): void {
    this.#webSocket.close();
  }
}

/** Message types of y-protocols: 0 = SyncStep1, 1 = SyncStep2, 2 = update. */
export function syncFrame(type: 0 | 1 | 2, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of(0, type), varUint(bytes.length), bytes]);
}

export function varUint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest & 0x7f) | 0x80);
  return Uint8Array.from([...bytes, rest]);
}

/** What a peer of a cluster says first. */
export function helloOf(clusterId: Hello["clusterId"], changes: Partial<Hello> = {}): Hello {
  return {
    type: "hello",
    protocolMin: 1,
    protocolMax: 1,
    fingerprintVersion: 1,
    features: 0,
    clusterId,
    peerId: "0123456789abcdef0123456789abcdef" as Hello["peerId"],
    processId: "0123456789abcdef" as Hello["processId"],
    role: "writer",
    addresses: [],
    follows: false,
    lastSequence: 0,
    publicKey: new Uint8Array(),
    nonce: new Uint8Array(),
    wish: "keep",
    ...changes,
  };
}
