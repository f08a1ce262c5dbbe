/** The release before, as far as a wire tells it from this one. */
import type { Message } from "@yarrow/protocol";
import { decodeFrame, encodeFrame, encodeMessage } from "@yarrow/protocol";

/** What of a frame a peer of version 2 says or understands. */
export function asVersion2(frame: Uint8Array): Uint8Array {
  const messages = decodeFrame(frame)
    .filter(({ type }) => !SINCE_VERSION_3.has(type))
    .map((message): Message => (message.type === "hello" ? { ...message, protocolMax: 2 } : message));
  return encodeFrame(messages.map(encodeMessage));
}

/** Types that version 2 does not know; see docs/PROTOCOL.md. */
const SINCE_VERSION_3: ReadonlySet<Message["type"]> = new Set([
  "neighbour",
  "disconnect",
  "forward-join",
  "shuffle",
  "shuffle-reply",
  "interest",
  "have",
  "graft",
  "prune",
  "gone",
] as const);
