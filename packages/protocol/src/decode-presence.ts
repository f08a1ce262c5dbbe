/** Reads awareness, and who wants it; `encode-presence.ts` is its mirror image. */
import { flag, list, name } from "./decode-fields.ts";
import type { DocumentKey, ProcessId } from "./ids.ts";
import { INTEREST_KEYS_MAX, PRESENCE_STATE_BYTES_MAX, PRESENCE_STATES_MAX } from "./limits.ts";
import type { Interest, Message, Presence } from "./message.ts";
import type { Reader } from "./reader.ts";

export function decodePresence(type: Message["type"], reader: Reader): Presence | Interest | undefined {
  switch (type) {
    case "presence":
      return {
        type,
        origin: reader.hex(8) as ProcessId,
        sequence: reader.varUint(),
        name: name(reader),
        states: list(reader, 3, PRESENCE_STATES_MAX, () => ({
          clientId: reader.varUint(),
          clock: reader.varUint(),
          state: reader.text(PRESENCE_STATE_BYTES_MAX),
        })),
      };
    case "interest":
      return {
        type,
        origin: reader.hex(8) as ProcessId,
        version: reader.varUint(),
        base: reader.varUint(),
        everything: flag(reader),
        added: list(reader, 8, INTEREST_KEYS_MAX, key),
        removed: list(reader, 8, INTEREST_KEYS_MAX, key),
      };
    default:
      return undefined;
  }
}

function key(reader: Reader): DocumentKey {
  return reader.hex(8) as DocumentKey;
}
