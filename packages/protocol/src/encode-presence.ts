/** Writes awareness, and who wants it; `decode-presence.ts` is its mirror image. */
import type { Encoder } from "./encode-fields.ts";
import { list, raw, text, uint } from "./encode-fields.ts";
import type { Interest, Presence } from "./message.ts";
import { fromHex } from "./reader.ts";

export function encodePresence(encoder: Encoder, message: Presence | Interest): void {
  raw(encoder, fromHex(message.origin));
  if (message.type === "presence") {
    uint(encoder, message.sequence);
    text(encoder, message.name);
    return list(encoder, message.states, (_, state) => {
      uint(encoder, state.clientId);
      uint(encoder, state.clock);
      text(encoder, state.state);
    });
  }
  uint(encoder, message.version);
  uint(encoder, message.base);
  uint(encoder, message.everything ? 1 : 0);
  list(encoder, message.added, encodeKey);
  list(encoder, message.removed, encodeKey);
}

function encodeKey(encoder: Encoder, key: Interest["added"][number]): void {
  raw(encoder, fromHex(key));
}
