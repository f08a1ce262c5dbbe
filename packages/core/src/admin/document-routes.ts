/** `GET /documents` and `GET /documents/NAME`. */
import type { ServerResponse } from "node:http";
import { YarrowError } from "@yarrow/protocol";
import { ADMIN_WAIT_MAX_MS, DOCUMENTS_PAGE, DOCUMENTS_PAGE_MAX, WAIT_TIMEOUT_MS } from "../limits.ts";
import type { DocumentDetail, Peer } from "../peer-api.ts";
import { Refusal, sendBytes, sendJson } from "./reply.ts";
import { assertKnown, choiceParam, wholeParam } from "./search-params.ts";

/** `next` is the `after` of the next page; null on the last. */
export function respondDocuments(response: ServerResponse, peer: Peer, search: URLSearchParams): void {
  assertKnown(search, ["prefix", "after", "limit", "deleted"]);
  const limit = wholeParam(search, "limit", 1, DOCUMENTS_PAGE_MAX) ?? DOCUMENTS_PAGE;
  const deleted = choiceParam(search, "deleted", ["true", "false"]) === "true";
  const prefix = search.get("prefix") ?? undefined;
  const after = search.get("after") ?? undefined;
  const documents = peer.documents({ prefix, after, limit, deleted });
  const next = documents.length < limit ? null : (documents.at(-1)?.name ?? null);
  sendJson(response, 200, { documents, next });
}

export async function respondDocument(
  response: ServerResponse,
  peer: Peer,
  encodedName: string,
  search: URLSearchParams,
  gone: AbortSignal,
): Promise<void> {
  assertKnown(search, ["format", "root", "after", "timeoutMs"]);
  const format = choiceParam(search, "format", ["json", "text", "update"]) ?? "json";
  const name = decodeName(encodedName);
  const timeoutMs = wholeParam(search, "timeoutMs", 1, ADMIN_WAIT_MAX_MS) ?? WAIT_TIMEOUT_MS;
  const after = search.get("after");
  if (after !== null) await peer.waitFor(after, { timeoutMs, signal: gone });
  const detail = await peer.show(name);
  if (detail === undefined || (detail.state === "deleted" && format !== "json")) {
    throw new YarrowError("YARROW_DOCUMENT_NOT_FOUND", `there is no document ${name}`);
  }
  const { update, ...shown } = detail;
  if (format === "update") return sendBytes(response, 200, update, "application/octet-stream");
  if (format === "text")
    return sendBytes(response, 200, textOf(detail, search.get("root")), "text/plain; charset=utf-8");
  const root = search.get("root");
  sendJson(response, 200, root === null ? shown : { ...shown, roots: { [root]: rootOf(detail, root) } });
}

function textOf(detail: DocumentDetail, root: string | null): string {
  const names = Object.keys(detail.roots);
  if (root === null && names.length > 1) throw new Refusal(400, `give root, one of ${names.join(", ")}`);
  const name = root ?? names[0];
  if (name === undefined) return "";
  const { value } = rootOf(detail, name);
  return typeof value === "string" ? value : JSON.stringify(value);
}

function rootOf(detail: DocumentDetail, root: string): DocumentDetail["roots"][string] {
  const found = Object.hasOwn(detail.roots, root) ? detail.roots[root] : undefined;
  if (found !== undefined) return found;
  throw new YarrowError("YARROW_DOCUMENT_NOT_FOUND", `${detail.name} has no root ${root}`);
}

function decodeName(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Refusal(400, "the name is not percent-encoded UTF-8");
  }
}
