/**
 * A browser as the stock provider makes it: `y-protocols` on a Y.Doc and an Awareness, wired as in y-websocket's
 * `src/y-websocket.js`, with a list of frames in place of a socket.
 */
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate, removeAwarenessStates } from "y-protocols/awareness";
import * as sync from "y-protocols/sync";
import * as Y from "yjs";
import { payloadOf } from "./desk.ts";

const MESSAGE_SYNC = 0;
const MESSAGE_AWARENESS = 1;

export class StockClient {
  readonly document = new Y.Doc();
  readonly awareness = new Awareness(this.document);
  /** What it wants to send. */
  readonly outgoing: Uint8Array[] = [];
  /** Its own updates that came back: what a provider that waits for acknowledgement looks at. */
  readonly echoes: Uint8Array[] = [];
  synced = false;
  #connected = false;

  constructor() {
    this.document.on("update", (update: Uint8Array, origin: unknown) => {
      if (origin === this) return;
      this.#send(MESSAGE_SYNC, (encoder) => sync.writeUpdate(encoder, update));
    });
    this.awareness.on("update", ({ added, updated, removed }: Record<"added" | "updated" | "removed", number[]>) => {
      this.#sendAwareness([...added, ...updated, ...removed]);
    });
  }

  get text(): string {
    return this.document.getText("body").toString();
  }

  type(text: string): void {
    const body = this.document.getText("body");
    body.insert(body.length, text);
  }

  /** Names of those it sees, itself included. */
  get names(): string[] {
    return [...this.awareness.getStates().values()].map((state) => String(state["name"])).sort();
  }

  connect(): void {
    this.#connected = true;
    this.#send(MESSAGE_SYNC, (encoder) => sync.writeSyncStep1(encoder, this.document));
    if (this.awareness.getLocalState() !== null) this.#sendAwareness([this.document.clientID]);
  }

  /** The socket is gone; as the provider, it forgets the others. */
  lose(): void {
    this.#connected = false;
    this.synced = false;
    this.outgoing.length = 0;
    const others = [...this.awareness.getStates().keys()].filter((clientId) => clientId !== this.document.clientID);
    removeAwarenessStates(this.awareness, others, this);
  }

  receive(frame: Uint8Array): void {
    const decoder = decoding.createDecoder(payloadOf(frame));
    const type = decoding.readVarUint(decoder);
    if (type === MESSAGE_AWARENESS) {
      applyAwarenessUpdate(this.awareness, decoding.readVarUint8Array(decoder), this);
      return;
    }
    const encoder = encoding.createEncoder();
    encoding.writeVarUint(encoder, MESSAGE_SYNC);
    const body = decoding.clone(decoder);
    const kind = sync.readSyncMessage(decoder, encoder, this.document, this, (error) => {
      throw error;
    });
    if (kind === sync.messageYjsSyncStep2) this.synced = true;
    if (kind === sync.messageYjsUpdate) {
      decoding.readVarUint(body);
      this.echoes.push(decoding.readVarUint8Array(body));
    }
    if (encoding.length(encoder) > 1) this.outgoing.push(encoding.toUint8Array(encoder));
  }

  destroy(): void {
    this.#connected = false;
    this.awareness.destroy();
    this.document.destroy();
  }

  #sendAwareness(clientIds: number[]): void {
    this.#send(MESSAGE_AWARENESS, (encoder) => {
      encoding.writeVarUint8Array(encoder, encodeAwarenessUpdate(this.awareness, clientIds));
    });
  }

  #send(type: number, write: (encoder: encoding.Encoder) => void): void {
    if (!this.#connected) return;
    const encoder = encoding.createEncoder();
    encoding.writeVarUint(encoder, type);
    write(encoder);
    this.outgoing.push(encoding.toUint8Array(encoder));
  }
}
