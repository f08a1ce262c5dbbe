/** A client that speaks just enough y-websocket to write and to be written to; it keeps no document. */
import { randomInt } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { WebSocket } from "ws";
import { EMPTY_STATE_VECTOR, EMPTY_UPDATE, encodeStep1, encodeStep2, encodeUpdate } from "./wire.ts";
import { within } from "./waiting.ts";

const SYNC_STEP_1 = 0;
const SYNC_STEP_2 = 1;
const OPEN_TIMEOUT_MS = 30_000;

export interface RawClient {
  readonly clientId: number;
  readonly socket: WebSocket;
  /** Sends updates; many in one go share a system call. */
  send(updates: readonly Uint8Array[]): void;
  /** Says goodbye and resolves when the socket is closed. */
  close(): Promise<void>;
}

/** Opens a document and resolves when the server has answered the state vector. Then every content frame goes to `received`. */
export async function openRawClient(url: string, name: string, received: (frame: Buffer) => void): Promise<RawClient> {
  const socket = new WebSocket(`${url}/${name}`, { perMessageDeflate: false });
  const clientId = randomInt(2 ** 20, 2 ** 31);
  const answered = new Promise<void>((resolve, reject) => {
    socket.on("error", reject);
    socket.on("close", (code) => reject(new Error(`${url}/${name} was closed with ${code} before it was synced.`)));
    socket.on("message", (frame: Buffer) => {
      if (frame[0] !== 0) return;
      if (frame[1] === SYNC_STEP_1) socket.send(encodeStep2(EMPTY_UPDATE));
      else if (frame[1] === SYNC_STEP_2) resolve();
      else received(frame);
    });
  });
  socket.on("open", () => socket.send(encodeStep1(EMPTY_STATE_VECTOR)));
  await within(answered, OPEN_TIMEOUT_MS, `the answer of ${url}/${name}`);
  return {
    clientId,
    socket,
    send: (updates) => {
      const carrier = (socket as unknown as { _socket: Socket })._socket;
      carrier.cork();
      for (const update of updates) socket.send(encodeUpdate(update));
      carrier.uncork();
    },
    close: async () => {
      if (socket.readyState === WebSocket.CLOSED) return;
      const closed = once(socket, "close");
      socket.close();
      await closed;
    },
  };
}
