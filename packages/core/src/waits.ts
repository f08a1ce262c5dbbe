/** Waiting until a peer is good enough to read from: until it holds what a token stands for, or until it is fresh. */
import { YarrowError } from "@yarrow/protocol";
import type { Event, Waited } from "@yarrow/replica";
import { WAIT_TIMEOUT_MS } from "./limits.ts";
import type { WaitOptions } from "./peer-api.ts";
import type { Requests } from "./requests.ts";

/** As text a token is base64url without padding. Errors: YARROW_TOKEN_INVALID, YARROW_CLUSTER_MISMATCH, YARROW_TIMEOUT. */
export async function waitForToken(requests: Requests, token: string, options: WaitOptions = {}): Promise<void> {
  if (typeof token !== "string" || !/^[A-Za-z0-9_-]+$/.test(token)) {
    throw new YarrowError("YARROW_TOKEN_INVALID", "not a token: it holds what no token does", {
      hint: "Pass a token on as `saved` returned it.",
    });
  }
  const bytes = new Uint8Array(Buffer.from(token, "base64url"));
  await settle(requests, options, (request, timeoutMs) => ({ type: "await-token", request, token: bytes, timeoutMs }));
}

/** Errors: YARROW_TIMEOUT, YARROW_CONFIG_INVALID. */
export async function waitUntilFresh(
  requests: Requests,
  { maxLagMs, ...options }: WaitOptions & { readonly maxLagMs: number },
): Promise<void> {
  if (!(maxLagMs >= 0)) {
    throw new YarrowError("YARROW_CONFIG_INVALID", `maxLagMs must be a number of at least 0, not ${maxLagMs}`);
  }
  await settle(requests, options, (request, timeoutMs) => ({ type: "await-fresh", request, maxLagMs, timeoutMs }));
}

/** Errors: YARROW_CONFIG_INVALID. A deadline that is no number would never come, and keep all others from coming. */
export function checkTimeout(timeoutMs: number): void {
  if (typeof timeoutMs === "number" && timeoutMs >= 0) return;
  const message = `timeoutMs must be a number of at least 0, not ${String(timeoutMs)}`;
  throw new YarrowError("YARROW_CONFIG_INVALID", message);
}

export function encodeTokenText(token: Uint8Array): string {
  return Buffer.from(token.buffer, token.byteOffset, token.byteLength).toString("base64url");
}

async function settle(
  requests: Requests,
  { timeoutMs = WAIT_TIMEOUT_MS, signal }: WaitOptions,
  build: (request: number, timeoutMs: number) => Event,
): Promise<void> {
  checkTimeout(timeoutMs);
  const { failure } = await requests.ask<Waited>((request) => build(request, timeoutMs), { signal });
  if (failure !== undefined) throw new YarrowError(failure.code, failure.detail);
}
