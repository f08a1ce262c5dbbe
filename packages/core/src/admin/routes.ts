/** What the admin listener answers, by path. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Peer, PeerOptions } from "../peer-api.ts";
import type { Queries } from "../query/queries.ts";
import { respondChanges } from "./changes-route.ts";
import { respondDocument, respondDocuments } from "./document-routes.ts";
import { respondQuery } from "./query-route.ts";
import { Refusal, sendBytes, sendJson } from "./reply.ts";

export interface AdminSources {
  readonly peer: Peer;
  readonly queries: Queries;
  readonly metrics: PeerOptions["metrics"];
}

const KNOWN = "/status, /metrics, /documents, /documents/NAME, /changes and /query";

/** Answers, or throws what `refusalFor` makes an answer of. `gone` is aborted when nobody waits for it any more. */
export async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  { peer, queries, metrics }: AdminSources,
  gone: AbortSignal,
): Promise<void> {
  const { path, search } = partsOf(request.url ?? "/");
  if (path === "/query") {
    assertMethod(request, "POST");
    return respondQuery(request, response, queries, gone);
  }
  const document = path.startsWith("/documents/") ? path.slice("/documents/".length) : undefined;
  const isKnown = document !== undefined || ["/status", "/metrics", "/documents", "/changes"].includes(path);
  if (!isKnown || (path === "/metrics" && metrics === undefined))
    throw new Refusal(404, `not found; there are ${KNOWN}`);
  assertMethod(request, "GET");
  if (document !== undefined) return respondDocument(response, peer, document, search, gone);
  if (path === "/documents") return respondDocuments(response, peer, search);
  if (path === "/changes") return respondChanges(response, peer, search, gone);
  if (path === "/status" || metrics === undefined) return sendJson(response, 200, peer.status());
  const { contentType, body } = await metrics();
  sendBytes(response, 200, body, contentType);
}

/** Not through `URL`, which would resolve the dots in a document's name. */
function partsOf(url: string): { readonly path: string; readonly search: URLSearchParams } {
  const at = url.indexOf("?");
  return at === -1
    ? { path: url, search: new URLSearchParams() }
    : { path: url.slice(0, at), search: new URLSearchParams(url.slice(at + 1)) };
}

function assertMethod(request: IncomingMessage, method: "GET" | "POST"): void {
  if (request.method === method) return;
  throw new Refusal(405, `method not allowed; this is ${method}`, { allow: method });
}
