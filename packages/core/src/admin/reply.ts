/** How the admin listener answers, and how it refuses: always JSON, `{"error","code","hint"}`. */
import type { ServerResponse } from "node:http";
import { YarrowError } from "@yarrow/protocol";
import type { YarrowErrorCode } from "@yarrow/protocol";

/** A request that cannot be answered, with its HTTP status. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** Codes that are not the server's fault, nor its state. Those of a state that passes are 503; all others 500. */
const STATUSES: Partial<Record<YarrowErrorCode, number>> = {
  YARROW_CONFIG_INVALID: 400,
  YARROW_NAME_INVALID: 400,
  YARROW_TOKEN_INVALID: 400,
  YARROW_CLUSTER_MISMATCH: 400,
  YARROW_QUERY_INVALID: 400,
  YARROW_QUERY_OFF: 404,
  YARROW_DOCUMENT_NOT_FOUND: 404,
  YARROW_CURSOR_LOST: 410,
  YARROW_QUERY_TOO_LARGE: 413,
  YARROW_QUERY_TIMEOUT: 504,
  YARROW_TIMEOUT: 504,
  YARROW_QUERY_NOT_READY: 503,
  YARROW_QUERY_BUSY: 503,
  YARROW_PEER_CLOSED: 503,
};

export interface RefusalReply {
  readonly status: number;
  readonly body: { readonly error: string; readonly code?: string; readonly hint?: string };
  readonly headers: Readonly<Record<string, string>>;
}

export function refusalFor(error: unknown): RefusalReply {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof Refusal) return { status: error.status, body: { error: message }, headers: error.headers };
  if (!(error instanceof YarrowError)) return { status: 500, body: { error: message }, headers: {} };
  const { code, hint } = error;
  const status = STATUSES[code] ?? 500;
  const headers: Record<string, string> = status === 503 ? { "retry-after": "1" } : {};
  return { status, body: { error: message, code, ...(hint === undefined ? {} : { hint }) }, headers };
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  sendBytes(response, status, `${JSON.stringify(body)}\n`, "application/json", headers);
}

export function sendBytes(
  response: ServerResponse,
  status: number,
  body: string | Uint8Array,
  contentType: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { "content-type": contentType, "cache-control": "no-store", ...headers });
  response.end(body);
}
