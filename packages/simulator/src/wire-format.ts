/** What a stock y-websocket provider says and hears, written down a second time so that the relay is not checked against itself. */
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";

const SYNC = 0;
const AWARENESS = 1;
const STEP_1 = 0;
const STEP_2 = 1;
const UPDATE = 2;

export type ServerMessage =
  | { readonly type: "step-1"; readonly stateVector: Uint8Array }
  | { readonly type: "step-2" | "update"; readonly update: Uint8Array }
  | { readonly type: "awareness"; readonly states: readonly AwarenessState[] };

/** `present`: false when the client says goodbye. */
export interface AwarenessState {
  readonly client: number;
  readonly clock: number;
  readonly present: boolean;
}

export function step1(stateVector: Uint8Array): Uint8Array {
  return syncMessage(STEP_1, stateVector);
}

export function step2(update: Uint8Array): Uint8Array {
  return syncMessage(STEP_2, update);
}

export function updateMessage(update: Uint8Array): Uint8Array {
  return syncMessage(UPDATE, update);
}

/** `state` is JSON text; "null" = gone. */
export function awarenessMessage(client: number, clock: number, state: string): Uint8Array {
  const body = encoding.createEncoder();
  encoding.writeVarUint(body, 1);
  encoding.writeVarUint(body, client);
  encoding.writeVarUint(body, clock);
  encoding.writeVarString(body, state);
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, AWARENESS);
  encoding.writeVarUint8Array(encoder, encoding.toUint8Array(body));
  return encoding.toUint8Array(encoder);
}

/** Reads one whole unmasked WebSocket frame with one message in it. */
export function decodeServerFrame(frame: Uint8Array): ServerMessage {
  const short = (frame[1] as number) & 0x7f;
  const decoder = decoding.createDecoder(frame.subarray(short < 126 ? 2 : short === 126 ? 4 : 10));
  const type = decoding.readVarUint(decoder);
  if (type === AWARENESS) return { type: "awareness", states: readStates(decoding.readVarUint8Array(decoder)) };
  if (type !== SYNC) throw new Error(`a server sent message type ${type}`);
  const kind = decoding.readVarUint(decoder);
  const bytes = decoding.readVarUint8Array(decoder);
  if (kind === STEP_1) return { type: "step-1", stateVector: bytes };
  return { type: kind === STEP_2 ? "step-2" : "update", update: bytes };
}

function readStates(bytes: Uint8Array): AwarenessState[] {
  const decoder = decoding.createDecoder(bytes);
  return Array.from({ length: decoding.readVarUint(decoder) }, () => ({
    client: decoding.readVarUint(decoder),
    clock: decoding.readVarUint(decoder),
    present: decoding.readVarString(decoder) !== "null",
  }));
}

function syncMessage(kind: number, body: Uint8Array): Uint8Array {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, SYNC);
  encoding.writeVarUint(encoder, kind);
  encoding.writeVarUint8Array(encoder, body);
  return encoding.toUint8Array(encoder);
}
