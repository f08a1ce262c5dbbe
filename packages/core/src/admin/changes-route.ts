/**
 * `GET /changes?since=`: what arrived after a cursor, a JSON object per line. The answer ends when it has told what there was, or
 * waits for the next change when there was nothing (long poll). The last line is always `{"cursor"}`: go on from there.
 */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { ADMIN_CHANGES, ADMIN_CHANGES_MAX, ADMIN_WAIT_MS, ADMIN_WAIT_MAX_MS } from "../limits.ts";
import type { Change, Peer } from "../peer-api.ts";
import { assertKnown, wholeParam } from "./search-params.ts";

export async function respondChanges(
  response: ServerResponse,
  peer: Peer,
  search: URLSearchParams,
  gone: AbortSignal,
): Promise<void> {
  assertKnown(search, ["since", "limit", "waitMs"]);
  const limit = wholeParam(search, "limit", 1, ADMIN_CHANGES_MAX) ?? ADMIN_CHANGES;
  const waitMs = wholeParam(search, "waitMs", 0, ADMIN_WAIT_MAX_MS) ?? ADMIN_WAIT_MS;
  let cursor = search.get("since") ?? peer.cursor();
  const ended = AbortSignal.any([gone, AbortSignal.timeout(waitMs)]);
  let told = 0;
  const begin = (): void => {
    if (response.headersSent) return;
    response.writeHead(200, { "content-type": "application/x-ndjson", "cache-control": "no-store" });
  };
  try {
    for await (const change of peer.changes({ since: cursor, signal: ended })) {
      begin();
      ({ cursor } = change);
      if (!response.write(`${JSON.stringify(lineOf(change))}\n`)) await once(response, "drain", { signal: gone });
      if (++told === limit || cursor === peer.cursor()) break;
    }
  } catch (error) {
    if (!ended.aborted) throw error;
    if (gone.aborted) return;
  }
  begin();
  response.end(`${JSON.stringify({ cursor })}\n`);
}

/** JSON has no bytes: Base64. */
function lineOf({ updates, ...change }: Change): object {
  return {
    ...change,
    updates: updates.map(({ update, ...origin }) => ({ update: Buffer.from(update).toString("base64"), ...origin })),
  };
}
