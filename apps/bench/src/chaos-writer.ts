/** One client of a chaos run: a stock provider whose every edit puts a token into the document that is nowhere else. */
import type { WebSocket } from "ws";
import * as Y from "yjs";
import type { ChaosRecorder } from "./chaos-recorder.ts";
import type { PeerProcess } from "./processes.ts";
import { type StockClient, openStockClient } from "./stock-client.ts";

export class ChaosWriter {
  readonly peer: PeerProcess;
  private readonly client: StockClient;
  private readonly recorder: ChaosRecorder;
  private readonly document: string;
  private readonly random: () => number;
  private count = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(peer: PeerProcess, document: string, recorder: ChaosRecorder, random: () => number) {
    this.peer = peer;
    this.document = document;
    this.recorder = recorder;
    this.random = random;
    let clientId = -1;
    this.client = openStockClient(
      peer.url,
      document,
      recorder.socketFor(() => clientId),
    );
    clientId = this.client.doc.clientID;
  }

  /** Edits at a steady rate, connected or not. */
  start(intervalMs: number): void {
    this.timer = setInterval(() => this.edit(), intervalMs);
  }

  /** Edits no more, and stays connected. */
  rest(): void {
    clearInterval(this.timer);
  }

  /** One edit: an array element, a map entry or a piece of text, in turn. */
  edit(): void {
    const { doc } = this.client;
    this.record((token) => {
      if (this.count % 3 === 0) doc.getArray("list").push([token]);
      else if (this.count % 3 === 1) doc.getMap("map").set(token, 1);
      else {
        const text = doc.getText("text");
        // Only before a token, so that no token is ever split by another.
        text.insert(this.random() < 0.5 ? 0 : text.length, token);
      }
    });
  }

  /** One edit with so much beside its token, in the place of what the last such edit brought. */
  editLarge(characters: number): void {
    const { doc } = this.client;
    this.record((token) =>
      doc.transact(() => {
        doc.getArray("list").push([token]);
        doc.getMap("large").set(String(doc.clientID), "x".repeat(characters));
      }),
    );
  }

  private record(change: (token: string) => void): void {
    const { doc } = this.client;
    const clientId = doc.clientID;
    const token = `<${clientId}.${this.count++}>`;
    const from = Y.getState(doc.store, clientId);
    change(token);
    this.recorder.edits.push({ clientId, from, to: Y.getState(doc.store, clientId), token, document: this.document });
  }

  /** The peer has answered: what it must keep is being written through it. */
  get isServed(): boolean {
    return this.client.provider.synced;
  }

  /** Something was sent to the peer that it has not acknowledged. */
  get hasInFlight(): boolean {
    return this.recorder.isInFlight(this.client.provider.ws as unknown as WebSocket | null);
  }

  /** Ends without a goodbye; what only this client had is gone. */
  vanish(): void {
    this.rest();
    this.client.vanish();
    this.client.doc.destroy();
  }
}

/** Every token in a document, whichever type it is in. */
export function tokensOf(doc: Y.Doc): Set<string> {
  const tokens = new Set<string>(doc.getMap("map").keys());
  for (const token of doc.getArray<string>("list").toArray()) tokens.add(token);
  for (const [token] of doc
    .getText("text")
    .toString()
    .matchAll(/<[^<>]*>/gu))
    tokens.add(token);
  return tokens;
}
