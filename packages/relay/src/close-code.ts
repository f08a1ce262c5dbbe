/**
 * Close codes of browser sessions. From 4400 to 4499 a recent stock provider stays away; every other code it retries.
 */
import type { EvictReason } from "@yarrow/replica";
import * as string from "lib0/string";

export const CLOSE_INVALID = 4400;
const CLOSE_READ_ONLY = 4403;
const CLOSE_DELETED = 4404;
const CLOSE_TOO_LARGE = 4413;
export const CLOSE_OVERLOADED = 1013;
const CLOSE_INTERNAL = 1011;

/** RFC 6455, section 5.5: a control frame carries at most 125 bytes, of which the code takes two. */
const REASON_BYTES_MAX = 123;

export function closeCodeOf(reason: EvictReason): number {
  switch (reason) {
    case "invalid":
      return CLOSE_INVALID;
    case "read-only":
      return CLOSE_READ_ONLY;
    case "deleted":
    case "stale":
      return CLOSE_DELETED;
    case "too-large":
      return CLOSE_TOO_LARGE;
    case "overloaded":
    case "joining":
      return CLOSE_OVERLOADED;
    case "quarantined":
      return CLOSE_INTERNAL;
  }
}

/** True when coming back with the same would end the same. */
export function isFinal(code: number): boolean {
  return code >= 4400 && code < 4500;
}

/** The longest beginning of a text that a close frame can carry, in whole characters. */
export function closeReason(text: string): string {
  let reason = "";
  let bytes = 0;
  // A lone surrogate cannot be sent; the replacement character can.
  for (const character of text.replace(/\p{Surrogate}/gu, "\ufffd")) {
    bytes += string.encodeUtf8(character).length;
    if (bytes > REASON_BYTES_MAX) break;
    reason += character;
  }
  return reason;
}
