/**
 * The demo's web server: the playground's page, and what it asks about the peers. For this machine only: it listens on
 * loopback, and answers only to requests that were addressed to it (Host) and come from its own page (Origin), because any
 * web page that somebody has open can send requests to loopback.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { YarrowError } from "@yarrow/core/command";
import { withPeer } from "../control.ts";
import type { DemoCluster } from "./demo-cluster.ts";
import type { PeerProcess } from "./peer-process.ts";
import { findPlayground, readStaticFile } from "./playground-files.ts";
import { PlaygroundFeed, readDocument } from "./playground-feed.ts";

const LOOPBACK = "127.0.0.1";
const PORT_TRIES_MAX = 100;

/** Sent on a silent event stream, so that a page notices when the demo is gone. */
const HEARTBEAT_MS = 15_000;

export class PlaygroundServer {
  readonly url: string;
  readonly #server: Server;
  readonly #feed: PlaygroundFeed;
  readonly #cluster: DemoCluster;
  readonly #root = findPlayground();
  readonly #hosts: ReadonlySet<string>;

  private constructor(server: Server, port: number, cluster: DemoCluster) {
    this.#server = server;
    this.#cluster = cluster;
    this.#feed = new PlaygroundFeed(cluster.peers);
    this.url = `http://${LOOPBACK}:${port}`;
    this.#hosts = new Set([`${LOOPBACK}:${port}`, `localhost:${port}`, `[::1]:${port}`]);
    server.on("request", (request: IncomingMessage, response: ServerResponse) => void this.#answer(request, response));
  }

  /** Listens on the port, or on the next free one unless it is `exact`. Errors: YARROW_LISTEN_FAILED. */
  static async start(cluster: DemoCluster, port: number, exact: boolean): Promise<PlaygroundServer> {
    const server = createServer();
    const last = exact ? port : Math.min(65_535, port + PORT_TRIES_MAX);
    for (let tried = port; ; tried++) {
      try {
        server.listen(tried, LOOPBACK);
        await once(server, "listening");
        const address = server.address();
        const bound = typeof address === "object" && address !== null ? address.port : tried;
        return new PlaygroundServer(server, bound, cluster);
      } catch (error) {
        if (tried < last && (error as NodeJS.ErrnoException).code === "EADDRINUSE") continue;
        throw new YarrowError("YARROW_LISTEN_FAILED", `the playground cannot listen on ${LOOPBACK}:${tried}`, {
          cause: error,
        });
      }
    }
  }

  /** False when the page was not built; the API works all the same. */
  get hasPage(): boolean {
    return this.#root !== undefined;
  }

  async close(): Promise<void> {
    this.#feed.close();
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader("x-content-type-options", "nosniff");
    try {
      if (!this.#isOurs(request)) return sendError(response, 403, "this server answers its own page only");
      const url = new URL(request.url ?? "/", this.url);
      const path = decodePath(url.pathname);
      if (path === undefined) return sendError(response, 400, "the path is not valid percent-encoding");
      if (url.pathname.startsWith("/api/")) await this.#answerApi(request, response, url);
      else await this.#sendFile(request, response, path);
    } catch (error) {
      if (response.headersSent) response.destroy();
      else sendError(response, 503, error instanceof Error ? error.message : String(error));
    }
  }

  #isOurs(request: IncomingMessage): boolean {
    const { host, origin } = request.headers;
    if (host === undefined || !this.#hosts.has(host)) return false;
    return origin === undefined || origin === `http://${host}`;
  }

  async #answerApi(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const [resource, name, verb, ...rest] = url.pathname
      .slice("/api/".length)
      .split("/")
      .map((part) => decodePath(part) ?? "");
    const posting = request.method === "POST" && (verb === "pause" || verb === "resume");
    if (request.method !== "GET" && !posting) return sendError(response, 405, `${request.method} is not possible here`);
    if (resource === "events" && name === undefined)
      return this.#sendEvents(request, response, url.searchParams.get("document"));
    if (resource !== "peers") return sendError(response, 404, "no such resource");
    if (name === undefined) return sendJson(response, 200, { peers: this.#cluster.peers.map(describePeer) });
    const peer = this.#cluster.find(name);
    if (peer === undefined) return sendError(response, 404, `no peer ${name}`);
    if (posting && rest.length === 0) {
      await withPeer(peer.data, (control) => control.pauseLinks(verb === "pause"));
      response.writeHead(204).end();
    } else if (verb === "status" && rest.length === 0) {
      sendJson(response, 200, await withPeer(peer.data, (control) => control.status()));
    } else if (verb === "documents" && rest.length > 0) {
      const document = await withPeer(peer.data, (control) => readDocument(control, rest.join("/")));
      if (document === undefined) sendError(response, 404, "no such document");
      else sendJson(response, 200, document);
    } else sendError(response, 404, "no such resource");
  }

  #sendEvents(request: IncomingMessage, response: ServerResponse, document: string | null): void {
    const stop = this.#feed.listen(document ?? undefined, (event) =>
      response.write(`data: ${JSON.stringify(event)}\n\n`),
    );
    if (stop === undefined) return sendError(response, 503, "too many pages listen");
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    response.flushHeaders();
    const heartbeat = setInterval(() => response.write(":\n\n"), HEARTBEAT_MS);
    request.once("close", () => {
      clearInterval(heartbeat);
      stop();
    });
  }

  async #sendFile(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    if (request.method !== "GET" && request.method !== "HEAD") return sendError(response, 405, "only GET and HEAD");
    if (this.#root === undefined) return sendError(response, 503, "the playground is not built; run `npm run build`");
    const file = await readStaticFile(this.#root, path);
    if (file === undefined) return sendError(response, 404, "no such file");
    response.writeHead(200, {
      "content-type": file.mediaType,
      "content-length": file.body.byteLength,
      "cache-control": file.immutable ? "max-age=31536000, immutable" : "no-cache",
    });
    response.end(request.method === "HEAD" ? undefined : file.body);
  }
}

function describePeer(peer: PeerProcess): { name: string; url: string; pid: number | null; running: boolean } {
  return { name: peer.name, url: peer.url, pid: peer.pid ?? null, running: peer.running };
}

function decodePath(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response
    .writeHead(status, { "content-type": "application/json", "cache-control": "no-store" })
    .end(JSON.stringify(value));
}

function sendError(response: ServerResponse, status: number, error: string): void {
  sendJson(response, status, { error });
}
