/** The listener of those who run the peer and of programs on the same machine, on loopback only. What it answers stands in `routes.ts`. */
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { YarrowError } from "@yarrow/protocol";
import { boundAddress, formatHostPort, isLoopback, parseHostPort } from "../host-port.ts";
import type { HostPort } from "../host-port.ts";
import { ADMIN_CONNECTIONS_MAX } from "../limits.ts";
import { Refusal, refusalFor, sendJson } from "./reply.ts";
import { respond } from "./routes.ts";
import type { AdminSources } from "./routes.ts";

export interface AdminServer {
  /** `http://host:port`. */
  readonly url: string;
  close(): Promise<void>;
}

/** Errors: YARROW_LISTEN_FAILED. */
export function startAdminServer(address: HostPort, sources: AdminSources): Promise<AdminServer> {
  const server = createServer((request, response) => void serve(request, response, sources));
  server.maxConnections = ADMIN_CONNECTIONS_MAX;
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

async function serve(request: IncomingMessage, response: ServerResponse, sources: AdminSources): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  try {
    assertLocal(request);
    await respond(request, response, sources, gone.signal);
  } catch (error) {
    const { status, body, headers } = refusalFor(error);
    // What was begun cannot be taken back: the end of the connection says that it is not whole.
    if (response.headersSent) response.destroy();
    else sendJson(response, status, body, headers);
  }
}

/**
 * A page in a browser can make any name point here, but cannot choose the Host that the browser then sends; and what it sends
 * to another site carries its own Origin, save for plain GETs, whose answer it does not get to see.
 */
function assertLocal(request: IncomingMessage): void {
  const { host, origin } = request.headers;
  if (!isLocalHost(host)) throw new Refusal(403, "ask for a loopback address");
  if (origin !== undefined && origin !== `http://${host ?? ""}`)
    throw new Refusal(403, "not for pages of another origin");
}

function isLocalHost(host: string | undefined): boolean {
  if (host === undefined) return false;
  try {
    return isLoopback(parseHostPort(/:[0-9]+$/.test(host) ? host : `${host}:80`, "Host").host);
  } catch {
    return false;
  }
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
