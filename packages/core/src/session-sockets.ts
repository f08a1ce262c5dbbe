/**
 * Sockets of browsers. What they say becomes events; what the relay wants said is written as it comes: the relay builds
 * whole WebSocket frames, once for all readers, and this module gathers those of one turn into one write per socket.
 *
 * Writing past `ws` is sound because its compression is off: it then writes each of its own frames whole and at once, so
 * ours never land inside one. Invariant: nothing is written to a session after its close frame.
 */
import type { Socket } from "node:net";
import type { SubscriberId } from "@yarrow/replica";
import type { SessionEvent } from "@yarrow/relay";
import { WebSocket } from "ws";
import type { Counters } from "./counters.ts";
import {
  CLOSE_TIMEOUT_MS,
  SESSION_BUFFER_BYTES_MAX,
  SESSION_CONGESTED_BYTES,
  SESSION_DRAIN_BYTES_PER_SECOND,
  SESSION_DRAIN_MS,
  SESSION_HEARTBEAT_MS,
} from "./limits.ts";

/** Close code of a document or frame over the limit; final for providers that know it, where 1009 would be retried for ever. */
const CLOSE_TOO_LARGE = 4413;
const CLOSE_UNSUPPORTED = 1003;
const CLOSE_GOING_AWAY = 1012;

/** A server-side WebSocket that says 4413 where `ws` would say 1009. */
export class SessionWebSocket extends WebSocket {
  override close(code?: number, reason?: string | Buffer): void {
    if (code === 1009) super.close(CLOSE_TOO_LARGE, "frame too large");
    else super.close(code, reason);
  }
}

interface Session {
  readonly id: SubscriberId;
  readonly webSocket: WebSocket;
  readonly socket: Socket;
  /** The first frame of this turn that is not yet written. Mostly it is the only one, and it is the same one for a hundred readers. */
  frame: Buffer | undefined;
  /** Those behind it. */
  frames: Buffer[];
  state: "open" | "closing";
  /** Something came from it since the last heartbeat. */
  heard: boolean;
  /** Set while the session is congested: when it fires, the session is cut off. */
  stalled: NodeJS.Timeout | undefined;
}

export interface SessionSocketsOptions {
  /** Queues: were it to act at once, what it sends might come while a turn is written, and stay unwritten. */
  readonly submit: (event: SessionEvent) => void;
  readonly receive: (event: SessionEvent, bytes: number) => void;
  readonly counters: Counters;
  /** Hands out ids that no other subscriber of this process has. */
  readonly nextSubscriber: () => SubscriberId;
  /** Default {@link SESSION_HEARTBEAT_MS}. */
  readonly heartbeatMs?: number;
}

export class SessionSockets {
  readonly #options: SessionSocketsOptions;
  readonly #sessions = new Map<SubscriberId, Session>();
  readonly #heartbeat: NodeJS.Timeout;
  /** Sessions with frames to write at the end of this turn; those that end before are written, or gone, by then. */
  readonly #unwritten: Session[] = [];

  constructor(options: SessionSocketsOptions) {
    this.#options = options;
    this.#heartbeat = setInterval(() => this.#checkLife(), options.heartbeatMs ?? SESSION_HEARTBEAT_MS).unref();
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Takes over an upgraded connection. */
  open(webSocket: WebSocket, socket: Socket, name: string, address: string): void {
    const id = this.#options.nextSubscriber();
    const session: Session = {
      id,
      webSocket,
      socket,
      frame: undefined,
      frames: [],
      state: "open",
      heard: true,
      stalled: undefined,
    };
    this.#sessions.set(id, session);
    this.#options.counters.sessionsOpened += 1;
    webSocket.on("message", (message: Buffer, isBinary: boolean) => this.#onMessage(session, message, isBinary));
    // What `ws` objects to ends in `close`, which tells the relay.
    webSocket.on("error", () => undefined);
    webSocket.on("pong", () => (session.heard = true));
    webSocket.on("close", (code: number) => this.#onClose(session, code));
    socket.on("drain", () => this.#onDrain(session));
    this.#options.submit({ type: "session-opened", session: id, name, address });
  }

  /** Queues one frame, header included, for sessions; written by {@link flush}. */
  send(ids: readonly SubscriberId[], frame: Uint8Array): void {
    this.#options.counters.deliveries += ids.length;
    this.#options.counters.deliveredBytes += ids.length * frame.length;
    // Sockets would wrap any other kind of array anew for each reader.
    const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
    for (const id of ids) {
      const session = this.#sessions.get(id);
      if (session === undefined || session.state !== "open") continue;
      if (session.frame !== undefined) session.frames.push(bytes);
      else {
        session.frame = bytes;
        this.#unwritten.push(session);
      }
    }
  }

  close(id: SubscriberId, code: number, reason: string): void {
    const session = this.#sessions.get(id);
    if (session === undefined || session.state !== "open") return;
    this.#write(session);
    session.state = "closing";
    session.webSocket.close(code, truncateReason(reason));
    const timer = setTimeout(() => session.webSocket.terminate(), CLOSE_TIMEOUT_MS);
    session.webSocket.once("close", () => clearTimeout(timer));
  }

  /** Writes what the effects of one turn queued: one write per socket. */
  flush(): void {
    for (const session of this.#unwritten) this.#write(session);
    this.#unwritten.length = 0;
  }

  /** Ends every session because the peer stops; resolves when the last socket is gone. */
  async closeAll(): Promise<void> {
    const closed = [...this.#sessions.values()].map(
      ({ webSocket }) => new Promise<void>((resolve) => webSocket.once("close", () => resolve())),
    );
    for (const id of [...this.#sessions.keys()]) {
      this.close(id, CLOSE_GOING_AWAY, "the peer is stopping");
      // Not once the socket is gone: while the links are still there, the other peers can be told who has left.
      this.#options.submit({ type: "session-closed", session: id, abnormal: false });
    }
    await Promise.all(closed);
  }

  /** Ends every session at once, without a word. */
  terminateAll(): void {
    for (const { webSocket } of this.#sessions.values()) webSocket.terminate();
  }

  stop(): void {
    clearInterval(this.#heartbeat);
  }

  /**
   * A tab whose machine fell asleep or whose network went away says no goodbye. Browsers answer pings by themselves. A
   * congested session reads nothing for a while, pings neither, and has a deadline of its own.
   */
  #checkLife(): void {
    for (const session of this.#sessions.values()) {
      if (session.state !== "open" || session.stalled !== undefined) continue;
      if (!session.heard) session.webSocket.terminate();
      else session.webSocket.ping();
      session.heard = false;
    }
  }

  #onMessage(session: Session, message: Buffer, isBinary: boolean): void {
    if (session.state !== "open") return;
    session.heard = true;
    if (!isBinary) {
      this.close(session.id, CLOSE_UNSUPPORTED, "frames must be binary");
      return;
    }
    this.#options.counters.receivedFrames += 1;
    this.#options.counters.receivedBytes += message.length;
    this.#options.receive({ type: "session-frame", session: session.id, bytes: message }, message.length);
  }

  #onClose(session: Session, code: number): void {
    clearTimeout(session.stalled);
    this.#sessions.delete(session.id);
    session.frame = undefined;
    this.#options.counters.sessionsClosed += 1;
    this.#options.submit({ type: "session-closed", session: session.id, abnormal: code === 1006 });
  }

  #write(session: Session): void {
    const { frame, frames, socket } = session;
    if (frame === undefined) return;
    session.frame = undefined;
    if (frames.length > 0) session.frames = [];
    if (socket.destroyed || !socket.writable) return;
    if (frames.length === 0) {
      socket.write(frame);
    } else {
      socket.cork();
      socket.write(frame);
      for (const next of frames) socket.write(next);
      socket.uncork();
    }
    if (socket.writableLength > SESSION_CONGESTED_BYTES) this.#onCongested(session);
  }

  #onCongested(session: Session): void {
    const waiting = session.socket.writableLength;
    if (waiting > SESSION_BUFFER_BYTES_MAX) {
      this.#options.counters.sessionsCutOff += 1;
      session.webSocket.terminate();
      return;
    }
    if (session.stalled !== undefined) return;
    const waitMs = SESSION_DRAIN_MS + (waiting / SESSION_DRAIN_BYTES_PER_SECOND) * 1_000;
    session.stalled = setTimeout(() => {
      this.#options.counters.sessionsCutOff += 1;
      session.webSocket.terminate();
    }, waitMs);
    this.#options.counters.sessionsCongested += 1;
    this.#options.submit({ type: "session-congested", session: session.id });
  }

  #onDrain(session: Session): void {
    if (session.stalled === undefined) return;
    clearTimeout(session.stalled);
    session.stalled = undefined;
    if (session.state === "open") this.#options.submit({ type: "session-drained", session: session.id });
  }
}

/** A close frame has room for 123 bytes of reason. */
export function truncateReason(reason: string): string {
  let text = reason;
  while (Buffer.byteLength(text) > 123) text = text.slice(0, -1);
  return text;
}
