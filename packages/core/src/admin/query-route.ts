/** `POST /query` with `{"sql","params","after","timeoutMs","maxRows"}`. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { QUERY_PARAMS_BYTES_MAX, QUERY_SQL_BYTES_MAX } from "../query/query-limits.ts";
import type { Queries } from "../query/queries.ts";
import { Refusal, sendBytes } from "./reply.ts";

/** JSON may take six bytes for one. */
const BODY_BYTES_MAX = 6 * (QUERY_SQL_BYTES_MAX + QUERY_PARAMS_BYTES_MAX);
const KEYS = ["sql", "params", "after", "timeoutMs", "maxRows"];

export async function respondQuery(
  request: IncomingMessage,
  response: ServerResponse,
  queries: Queries,
  gone: AbortSignal,
): Promise<void> {
  const { sql, params, after, timeoutMs, maxRows } = await readRequest(request);
  const { rows, ...answer } = await queries.ask(sql, params, {
    after: after as string | undefined,
    timeoutMs: timeoutMs as number | undefined,
    maxRows: maxRows as number | undefined,
    signal: gone,
  });
  // The rows are passed on as they came: reading megabytes of JSON would hold up the loop.
  const head = JSON.stringify(answer).slice(0, -1);
  sendBytes(
    response,
    200,
    Buffer.concat([Buffer.from(`${head},"rows":`), rows, Buffer.from("}\n")]),
    "application/json",
  );
}

/** A form or an image of a page elsewhere can post, but not with this content type, unless it was allowed to. */
async function readRequest(request: IncomingMessage): Promise<Record<string, unknown>> {
  const [type] = (request.headers["content-type"] ?? "").split(";", 1);
  if (type?.trim().toLowerCase() !== "application/json") throw new Refusal(415, "send application/json");
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new Refusal(413, `a request has at most ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  let body: unknown;
  try {
    body = JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    throw new Refusal(400, "the request is not JSON");
  }
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw new Refusal(400, "the request is not an object");
  for (const key of Object.keys(body)) {
    if (!KEYS.includes(key)) throw new Refusal(400, `unknown key ${key}; there are ${KEYS.join(", ")}`);
  }
  return body as Record<string, unknown>;
}
