/** What a peer asks its replica and waits for, one function each. */
import { YarrowError } from "@yarrow/protocol";
import { checkName } from "@yarrow/replica";
import type { Compacted, Deleted, Event, VerifyReport, Verified } from "@yarrow/replica";
import type { CompactReport } from "./control-message.ts";
import { VERIFY_TIMEOUT_MS } from "./limits.ts";
import type { Peer } from "./peer-api.ts";
import type { Requests } from "./requests.ts";
import { checkTimeout } from "./waits.ts";

export async function deleteDocument(requests: Requests, name: string): Promise<boolean> {
  checkName(name);
  const { existed, failure } = await requests.ask<Deleted>((request) => ({ type: "delete", request, name }));
  if (failure !== undefined) throw new YarrowError(failure.code, `${name}: ${failure.detail}`);
  return existed;
}

export async function verifySet(
  requests: Requests,
  { deep = false, timeoutMs = VERIFY_TIMEOUT_MS, signal }: NonNullable<Parameters<Peer["verify"]>[0]> = {},
): Promise<VerifyReport> {
  checkTimeout(timeoutMs);
  const build = (request: number): Event => ({ type: "verify", request, deep, timeoutMs });
  return (await requests.ask<Verified>(build, { signal })).report;
}

export async function compactSet(requests: Requests): Promise<CompactReport> {
  const build = (request: number): Event => ({ type: "compact", request });
  const { documents, bytesBefore, bytesAfter } = await requests.ask<Compacted>(build);
  return { documents, bytesBefore, bytesAfter };
}
