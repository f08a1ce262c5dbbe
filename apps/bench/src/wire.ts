/** The y-websocket protocol as bytes, for clients that must be cheap or must look at what passes. */
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";

const MESSAGE_SYNC = 0;
const SYNC_STEP_1 = 0;
const SYNC_STEP_2 = 1;
const SYNC_UPDATE = 2;

export type SyncFrame =
  | { readonly kind: "step1"; readonly stateVector: Uint8Array }
  | { readonly kind: "step2" | "update"; readonly update: Uint8Array };

/** Reads a frame; undefined when it is not about document content. The result's bytes are views of the frame. */
export function decodeSyncFrame(frame: Uint8Array): SyncFrame | undefined {
  const decoder = decoding.createDecoder(frame);
  if (decoding.readVarUint(decoder) !== MESSAGE_SYNC) return undefined;
  const kind = decoding.readVarUint(decoder);
  const bytes = decoding.readVarUint8Array(decoder);
  if (kind === SYNC_STEP_1) return { kind: "step1", stateVector: bytes };
  if (kind === SYNC_STEP_2) return { kind: "step2", update: bytes };
  return kind === SYNC_UPDATE ? { kind: "update", update: bytes } : undefined;
}

export function encodeStep1(stateVector: Uint8Array): Uint8Array {
  return encodeFrame(SYNC_STEP_1, stateVector);
}

export function encodeStep2(update: Uint8Array): Uint8Array {
  return encodeFrame(SYNC_STEP_2, update);
}

export function encodeUpdate(update: Uint8Array): Uint8Array {
  return encodeFrame(SYNC_UPDATE, update);
}

/** The state vector and the update of an empty document. */
export const EMPTY_STATE_VECTOR = Uint8Array.of(0);
export const EMPTY_UPDATE = Uint8Array.of(0, 0);

function encodeFrame(kind: number, bytes: Uint8Array): Uint8Array {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, MESSAGE_SYNC);
  encoding.writeVarUint(encoder, kind);
  encoding.writeVarUint8Array(encoder, bytes);
  return encoding.toUint8Array(encoder);
}
