/**
 * Sockets to other peers, dialled or accepted: bytes in, bytes out, and when there are too many of them. What is said on
 * them, and whether they stay, is the replica's business.
 */
import type { Socket } from "node:net";
import type { Event, LinkId } from "@yarrow/replica";
import { LINK_SUBPROTOCOL } from "@yarrow/protocol";
import { WebSocket } from "ws";
import type { Counters } from "./counters.ts";
import {
  CLOSE_TIMEOUT_MS,
  DIAL_TIMEOUT_MS,
  LINK_BUFFER_BYTES_MAX,
  LINK_CONGESTED_BYTES,
  LINK_SOCKET_FRAME_BYTES_MAX,
} from "./limits.ts";
import { truncateReason } from "./session-sockets.ts";

const CLOSE_NORMAL = 1000;
const CLOSE_GOING_AWAY = 1001;
const CLOSE_TRY_LATER = 1013;

interface Link {
  readonly id: LinkId;
  readonly webSocket: WebSocket;
  readonly socket: Socket;
  congested: boolean;
  state: "open" | "closing";
}

export interface LinkSocketsOptions {
  readonly submit: (event: Event) => void;
  readonly receive: (event: Event, bytes: number) => void;
  readonly counters: Counters;
}

export class LinkSockets {
  readonly #options: LinkSocketsOptions;
  readonly #links = new Map<LinkId, Link>();
  readonly #dialling = new Set<WebSocket>();
  #nextLink: LinkId = 1;
  #closed = false;

  constructor(options: LinkSocketsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#links.size;
  }

  /** Answers with `link-opened` or `dial-failed`, never both, never at once. */
  dial(url: string): void {
    if (this.#closed) return;
    let webSocket: WebSocket;
    try {
      webSocket = new WebSocket(url, LINK_SUBPROTOCOL, {
        perMessageDeflate: false,
        maxPayload: LINK_SOCKET_FRAME_BYTES_MAX,
        handshakeTimeout: DIAL_TIMEOUT_MS,
      });
    } catch (error) {
      this.#options.submit({
        type: "dial-failed",
        url,
        reason: error instanceof Error ? error.message : String(error),
      });
      return;
    }
    this.#dialling.add(webSocket);
    let socket: Socket | undefined;
    let reason = "closed";
    webSocket.on("upgrade", (response) => (socket = response.socket));
    webSocket.on("error", (error) => (reason = error.message));
    webSocket.on("open", () => {
      this.#dialling.delete(webSocket);
      webSocket.removeAllListeners("close");
      if (socket !== undefined) this.#open(webSocket, socket, url);
    });
    webSocket.on("close", () => {
      this.#dialling.delete(webSocket);
      this.#options.submit({ type: "dial-failed", url, reason });
    });
  }

  /** Takes over an upgraded connection of another peer. */
  accept(webSocket: WebSocket, socket: Socket): void {
    this.#open(webSocket, socket, undefined);
  }

  send(id: LinkId, frames: readonly Uint8Array[]): void {
    const link = this.#links.get(id);
    if (link === undefined || link.state !== "open") return;
    link.socket.cork();
    for (const frame of frames) {
      this.#options.counters.linkSentBytes += frame.length;
      link.webSocket.send(frame, { binary: true }, ignoreSendError);
    }
    link.socket.uncork();
    if (link.webSocket.bufferedAmount > LINK_BUFFER_BYTES_MAX) {
      return this.#endLink(
        link,
        CLOSE_TRY_LATER,
        `more than ${LINK_BUFFER_BYTES_MAX} bytes wait for the other end to read`,
      );
    }
    if (!link.congested && link.webSocket.bufferedAmount > LINK_CONGESTED_BYTES) {
      link.congested = true;
      this.#options.submit({ type: "link-congested", link: id });
    }
  }

  close(id: LinkId, reason: string): void {
    const link = this.#links.get(id);
    if (link === undefined || link.state !== "open") return;
    this.#endLink(link, CLOSE_NORMAL, reason);
  }

  async closeAll(): Promise<void> {
    this.#closed = true;
    for (const webSocket of this.#dialling) webSocket.terminate();
    const closed = [...this.#links.values()].map(
      ({ webSocket }) => new Promise<void>((resolve) => webSocket.once("close", () => resolve())),
    );
    for (const link of this.#links.values()) this.#endLink(link, CLOSE_GOING_AWAY, "the peer is stopping");
    await Promise.all(closed);
  }

  terminateAll(): void {
    this.#closed = true;
    for (const webSocket of this.#dialling) webSocket.terminate();
    for (const { webSocket } of this.#links.values()) webSocket.terminate();
  }

  #open(webSocket: WebSocket, socket: Socket, dialled: string | undefined): void {
    const link: Link = { id: this.#nextLink++, webSocket, socket, congested: false, state: "open" };
    this.#links.set(link.id, link);
    webSocket.on("message", (message: Buffer, isBinary: boolean) => {
      if (link.state !== "open") return;
      if (!isBinary) return this.#endLink(link, 1003, "frames must be binary");
      this.#options.counters.linkReceivedBytes += message.length;
      this.#options.receive({ type: "link-frame", link: link.id, bytes: message }, message.length);
    });
    let failure: string | undefined;
    webSocket.on("error", (error) => (failure = error.message));
    webSocket.on("close", (code: number, reason: Buffer) => {
      this.#links.delete(link.id);
      const detail = reason.length > 0 ? reason.toString() : (failure ?? `closed with code ${code}`);
      this.#options.submit({ type: "link-closed", link: link.id, reason: detail });
    });
    socket.on("drain", () => {
      if (!link.congested) return;
      link.congested = false;
      this.#options.submit({ type: "link-drained", link: link.id });
    });
    this.#options.submit({ type: "link-opened", link: link.id, dialled });
  }

  #endLink(link: Link, code: number, reason: string): void {
    if (link.state === "closing") return;
    link.state = "closing";
    link.webSocket.close(code, truncateReason(reason));
    const timer = setTimeout(() => link.webSocket.terminate(), CLOSE_TIMEOUT_MS);
    link.webSocket.once("close", () => clearTimeout(timer));
  }
}

/** A send that fails is followed by `close`, which is where it is handled. */
function ignoreSendError(): void {}
