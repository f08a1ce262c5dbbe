/** `GET /status` and `GET /metrics` for the people who run the peer, on loopback only. */
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { YarrowError } from "@yarrow/protocol";
import { boundAddress, formatHostPort, isLoopback, parseHostPort } from "./host-port.ts";
import type { HostPort } from "./host-port.ts";
import type { PeerOptions, PeerStatus } from "./peer-api.ts";

export interface AdminServer {
  /** `http://host:port`. */
  readonly url: string;
  close(): Promise<void>;
}

/** Errors: YARROW_LISTEN_FAILED. */
export function startAdminServer(
  address: HostPort,
  status: () => PeerStatus,
  metrics: PeerOptions["metrics"],
): Promise<AdminServer> {
  const server = createServer((request, response) => void respond(request, response, status, metrics));
  return new Promise((resolve, reject) => {
    server.once("error", (cause) => {
      const message = `cannot listen on ${formatHostPort(address)} (admin): ${cause.message}`;
      reject(new YarrowError("YARROW_LISTEN_FAILED", message, { cause }));
    });
    server.listen(address.port, address.host, () => {
      server.removeAllListeners("error").on("error", () => undefined);
      const url = `http://${formatHostPort(boundAddress(address, server.address()))}`;
      resolve({ url, close: () => closeServer(server) });
    });
  });
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  status: () => PeerStatus,
  metrics: PeerOptions["metrics"],
): Promise<void> {
  const path = request.url?.split("?", 1)[0];
  try {
    // A page in a browser can make any name point here; it cannot choose the Host that the browser then sends.
    if (!isLocalHost(request.headers.host))
      return send(response, 403, JSON.stringify({ error: "ask for a loopback address" }));
    if (request.method !== "GET") return send(response, 405, JSON.stringify({ error: "method not allowed" }));
    if (path === "/status") return send(response, 200, `${JSON.stringify(status())}\n`);
    if (path === "/metrics" && metrics !== undefined) {
      const { contentType, body } = await metrics();
      return send(response, 200, body, contentType);
    }
    send(response, 404, JSON.stringify({ error: "not found; there are /status and /metrics" }));
  } catch (error) {
    send(response, 500, JSON.stringify({ error: error instanceof Error ? error.message : String(error) }));
  }
}

function isLocalHost(host: string | undefined): boolean {
  if (host === undefined) return false;
  try {
    return isLoopback(parseHostPort(/:[0-9]+$/.test(host) ? host : `${host}:80`, "Host").host);
  } catch {
    return false;
  }
}

function send(response: ServerResponse, status: number, body: string, contentType = "application/json"): void {
  response.writeHead(status, { "content-type": contentType, "cache-control": "no-store" });
  response.end(body);
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
