/**
 * What a browser may say: the protocol of y-websocket (types 0 to 3) over that of y-protocols/sync. A frame is decoded
 * whole before anything of it takes effect, so a frame with a bad end does nothing.
 */
import type { PresenceState } from "@yarrow/protocol";
import { messageYjsSyncStep1, messageYjsSyncStep2, messageYjsUpdate } from "y-protocols/sync";
import { FrameReader, invalidFrame } from "./frame-reader.ts";
import { decodePresence } from "./presence-decode.ts";
import type { KnowsState } from "./presence-decode.ts";
import type { RelayConfig } from "./relay-limits.ts";

/** Message types of y-websocket, as in its `src/y-websocket.js`. */
export const MESSAGE_SYNC = 0;
export const MESSAGE_AWARENESS = 1;
const MESSAGE_AUTH = 2;
const MESSAGE_QUERY_AWARENESS = 3;

export type ClientMessage =
  | { readonly type: "sync-step-1"; readonly stateVector: Uint8Array }
  /** `answer` marks a SyncStep2, which a client sends because it was asked, whether it has anything or not. */
  | { readonly type: "update"; readonly update: Uint8Array; readonly answer: boolean }
  | { readonly type: "awareness"; readonly states: readonly PresenceState[] }
  | { readonly type: "query-awareness" }
  | { readonly type: "auth" };

/** The messages of one frame, in order, at least one. Errors: YARROW_FRAME_INVALID. */
export function decodeClientFrame(bytes: Uint8Array, config: RelayConfig, knows: KnowsState): ClientMessage[] {
  const reader = new FrameReader(bytes);
  const messages: ClientMessage[] = [];
  do {
    if (messages.length >= config.messagesPerFrameMax) throw invalidFrame("too many messages in one frame");
    messages.push(decodeMessage(reader, config, knows));
  } while (reader.remaining > 0);
  return messages;
}

function decodeMessage(reader: FrameReader, config: RelayConfig, knows: KnowsState): ClientMessage {
  const type = reader.varUint();
  switch (type) {
    case MESSAGE_SYNC:
      return decodeSync(reader);
    case MESSAGE_AWARENESS:
      return { type: "awareness", states: decodePresence(reader.varBytes(), config, knows) };
    case MESSAGE_AUTH:
      // Only servers speak it, and its body is not ours to know: it takes up the rest of the frame.
      reader.rest();
      return { type: "auth" };
    case MESSAGE_QUERY_AWARENESS:
      return { type: "query-awareness" };
    default:
      throw invalidFrame(`unknown message type ${type}`);
  }
}

function decodeSync(reader: FrameReader): ClientMessage {
  const type = reader.varUint();
  switch (type) {
    case messageYjsSyncStep1:
      return { type: "sync-step-1", stateVector: reader.varBytes() };
    case messageYjsSyncStep2:
      return { type: "update", update: reader.varBytes(), answer: true };
    case messageYjsUpdate:
      return { type: "update", update: reader.varBytes(), answer: false };
    default:
      throw invalidFrame(`unknown sync message ${type}`);
  }
}
