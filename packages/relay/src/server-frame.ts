/** What the relay says to browsers, each as one whole WebSocket frame. */
import type { PresenceState } from "@yarrow/protocol";
import * as encoding from "lib0/encoding";
import { messageYjsSyncStep1, messageYjsSyncStep2, messageYjsUpdate } from "y-protocols/sync";
import { MESSAGE_AWARENESS, MESSAGE_SYNC } from "./client-message.ts";
import { buildBinaryFrame } from "./websocket-frame.ts";

/** Asks the client for what this state vector lacks. */
export function syncStep1Frame(stateVector: Uint8Array): Uint8Array {
  return syncFrame(messageYjsSyncStep1, stateVector);
}

/** Answers a client's SyncStep1. */
export function syncStep2Frame(update: Uint8Array): Uint8Array {
  return syncFrame(messageYjsSyncStep2, update);
}

export function updateFrame(update: Uint8Array): Uint8Array {
  return syncFrame(messageYjsUpdate, update);
}

export function presenceFrame(states: readonly PresenceState[]): Uint8Array {
  const body = encoding.createEncoder();
  encoding.writeVarUint(body, states.length);
  for (const { clientId, clock, state } of states) {
    encoding.writeVarUint(body, clientId);
    encoding.writeVarUint(body, clock);
    encoding.writeVarString(body, state);
  }
  const bytes = encoding.toUint8Array(body);
  return buildBinaryFrame(prefix(bytes.length, MESSAGE_AWARENESS), bytes);
}

/** An awareness message about nobody: a stock provider notes that the server is alive, and does nothing else. */
export const KEEP_ALIVE_FRAME: Uint8Array = presenceFrame([]);

function syncFrame(type: number, body: Uint8Array): Uint8Array {
  return buildBinaryFrame(prefix(body.length, MESSAGE_SYNC, type), body);
}

function prefix(bodyBytes: number, ...types: readonly number[]): Uint8Array {
  const encoder = encoding.createEncoder();
  for (const type of types) encoding.writeVarUint(encoder, type);
  encoding.writeVarUint(encoder, bodyBytes);
  return encoding.toUint8Array(encoder);
}
