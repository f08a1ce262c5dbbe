/** The release before, as far as a wire tells it from this one. */
import type { Message } from "@yarrow/protocol";
import { decodeFrame, encodeFrame, encodeMessage } from "@yarrow/protocol";

/** What of a frame a peer of version 2 says or understands. */
export function asVersion2(frame: Uint8Array): Uint8Array {
  const messages = decodeFrame(frame)
    .filter(({ type }) => !SINCE_VERSION_3.has(type))
    .map(withoutFields);
  return encodeFrame(messages.map(encodeMessage));
}

/** Fields that version 2 neither reads nor, where it passes something on, says. */
function withoutFields(message: Message): Message {
  switch (message.type) {
    case "hello":
      return { ...message, protocolMax: 2 };
    case "broadcast":
      return { ...message, ordinal: 0 };
    case "nodes-ask":
      return { ...message, sums: [] };
    case "nodes":
      return { ...message, answered: 0 };
    case "stream-ask":
      return { ...message, through: "" };
    default:
      return message;
  }
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
