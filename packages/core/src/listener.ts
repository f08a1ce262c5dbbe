/**
 * The one port of a peer. Upgrades with the link subprotocol are links to other peers; all others are browsers, and the
 * path is the document's name. Plain HTTP answers health checks.
 */
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { LINK_SUBPROTOCOL, YarrowError } from "@yarrow/protocol";
import { WebSocketServer } from "ws";
import type { WebSocket } from "ws";
import { nameFromPath, nameProblem } from "./document-name.ts";
import { boundAddress, formatHostPort } from "./host-port.ts";
import type { HostPort } from "./host-port.ts";
import {
  LINK_SOCKETS_MAX,
  LINK_SOCKET_FRAME_BYTES_MAX,
  SESSIONS_MAX,
  SESSION_FRAME_BYTES_MAX,
  TCP_CONNECTIONS_MAX,
} from "./limits.ts";
import { NameDenials } from "./name-denials.ts";
import { readMaxLag } from "./readiness.ts";
import { SessionWebSocket } from "./session-sockets.ts";

/** Who takes over what the listener lets in. */
export interface ListenerTargets {
  /** Undefined when requests can be served; otherwise why not. */
  readonly notReady: (maxLagMs: number | undefined) => string | undefined;
  readonly sessions: () => number;
  readonly links: () => number;
  /** What tells browsers where they may write. */
  readonly writers: () => object;
  readonly openSession: (webSocket: WebSocket, socket: Socket, name: string, address: string) => void;
  readonly openLink: (webSocket: WebSocket, socket: Socket) => void;
}

export class Listener {
  readonly #address: HostPort;
  readonly #server: Server;
  readonly #sessions: WebSocketServer;
  readonly #links: WebSocketServer;
  readonly #denials = new NameDenials();
  #targets: ListenerTargets | undefined;
  #bound: HostPort | undefined;

  constructor(address: HostPort) {
    this.#address = address;
    this.#server = createServer((request, response) => this.#onRequest(request, response));
    this.#server.maxConnections = TCP_CONNECTIONS_MAX;
    this.#server.on("upgrade", (request, socket, head) => this.#onUpgrade(request, socket, head));
    // A request that is not HTTP gets the stock answer; without a listener the socket would be destroyed unexplained.
    this.#server.on("clientError", (_error, socket) => refuse(socket, 400, "not an HTTP request"));
    const common = { noServer: true, perMessageDeflate: false, clientTracking: false } as const;
    this.#sessions = new WebSocketServer({
      ...common,
      WebSocket: SessionWebSocket,
      maxPayload: SESSION_FRAME_BYTES_MAX,
    });
    this.#links = new WebSocketServer({
      ...common,
      maxPayload: LINK_SOCKET_FRAME_BYTES_MAX,
      handleProtocols: () => LINK_SUBPROTOCOL,
    });
  }

  /** Binds the port. Errors: YARROW_LISTEN_FAILED. Until {@link serve}, every request is answered with 503. */
  listen(): Promise<void> {
    const where = formatHostPort(this.#address);
    return new Promise((resolve, reject) => {
      const onError = (error: NodeJS.ErrnoException): void => {
        const hint =
          error.code === "EADDRINUSE"
            ? "Another process listens there. Choose another port, or port 0 for any free one."
            : undefined;
        const message = `cannot listen on ${where}: ${error.message}`;
        reject(
          new YarrowError(
            "YARROW_LISTEN_FAILED",
            message,
            hint === undefined ? { cause: error } : { cause: error, hint },
          ),
        );
      };
      this.#server.once("error", onError);
      this.#server.listen(this.#address.port, this.#address.host, () => {
        this.#server.off("error", onError);
        // Errors of a server that listens (out of descriptors) concern one connection, which the client will retry.
        this.#server.on("error", () => undefined);
        this.#bound = boundAddress(this.#address, this.#server.address());
        resolve();
      });
    });
  }

  /** The address that was bound; undefined before {@link listen}. */
  get bound(): HostPort | undefined {
    return this.#bound;
  }

  serve(targets: ListenerTargets): void {
    this.#targets = targets;
  }

  /** Accepts nothing from now on; what is open stays open. */
  stopAccepting(): void {
    this.#targets = undefined;
    this.#server.close();
    this.#denials.close();
  }

  /** Resolves when the port is free. Connections that speak HTTP are cut. */
  async close(): Promise<void> {
    if (!this.#server.listening && this.#bound === undefined) return;
    const closed = new Promise<void>((resolve) => {
      if (this.#server.listening) this.#server.close(() => resolve());
      else resolve();
    });
    this.#server.closeAllConnections();
    await closed;
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url?.split("?", 1)[0];
    if (request.method !== "GET" && request.method !== "HEAD")
      return answer(response, 405, { error: "method not allowed" });
    if (path === "/healthz") return answer(response, 200, { status: "ok" });
    if (path === "/readyz") {
      const maxLagMs = readMaxLag(request.url);
      if (Number.isNaN(maxLagMs))
        return answer(response, 400, { error: "maxLagMs must be a whole number of ms, given once" });
      const reason = this.#targets === undefined ? "starting" : this.#targets.notReady(maxLagMs);
      return reason === undefined
        ? answer(response, 200, { status: "ready" })
        : answer(response, 503, { status: reason });
    }
    // Any page may ask: the browser that was refused here belongs to one of them.
    if (path === "/writers") {
      const cors = { "access-control-allow-origin": "*" };
      return this.#targets === undefined
        ? answer(response, 503, { status: "starting" }, cors)
        : answer(response, 200, this.#targets.writers(), cors);
    }
    answer(
      response,
      426,
      { error: "this is a WebSocket address; /healthz, /readyz and /writers answer requests" },
      { upgrade: "websocket" },
    );
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", ignoreSocketError);
    const targets = this.#targets;
    if (targets === undefined) return refuse(socket, 503, "the peer is starting or stopping");
    // Origin, Host and credentials are looked at here, before anything is allocated for the connection.
    const protocols = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((protocol) => protocol.trim());
    // The server of this port is plain HTTP, whose sockets are all net.Socket.
    const tcp = socket as Socket;
    if (protocols.includes(LINK_SUBPROTOCOL)) {
      if (targets.links() >= LINK_SOCKETS_MAX) return refuse(socket, 503, "too many links");
      this.#links.handleUpgrade(request, tcp, head, (webSocket) => {
        tcp.off("error", ignoreSocketError);
        targets.openLink(webSocket, tcp);
      });
      return;
    }
    if (targets.sessions() >= SESSIONS_MAX) return refuse(socket, 503, "too many sessions");
    const name = nameFromPath(request.url ?? "/");
    const address = request.socket.remoteAddress ?? "";
    this.#sessions.handleUpgrade(request, tcp, head, (webSocket) => {
      tcp.off("error", ignoreSocketError);
      const problem = nameProblem(name);
      if (problem === undefined) targets.openSession(webSocket, tcp, name, address);
      else this.#denials.deny(webSocket, address, problem);
    });
  }
}

function answer(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store", ...headers });
  response.end(`${JSON.stringify(body)}\n`);
}

function refuse(socket: Duplex, status: number, reason: string): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const phrase = status === 400 ? "Bad Request" : "Service Unavailable";
  const body = `${JSON.stringify({ error: reason })}\n`;
  socket.end(
    `HTTP/1.1 ${status} ${phrase}\r\nConnection: close\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function ignoreSocketError(): void {}
