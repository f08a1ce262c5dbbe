/** A browser's side: the stock `y-websocket` provider on a Y.Doc, over `ws`, unmodified. */
import { WebsocketProvider } from "y-websocket";
import { WebSocket } from "ws";
import * as Y from "yjs";
import { within } from "./waiting.ts";

/** A reconnect must come before the next kill for a chaos run to write at all. It is an option of the stock provider. */
const BACKOFF_MAX_MS = 300;

export interface StockClient {
  readonly doc: Y.Doc;
  readonly provider: WebsocketProvider;
  /** Says goodbye and ends. */
  close(): void;
  /** Ends as a process does that is killed: the socket is gone, and no close frame was sent. */
  vanish(): void;
}

/** Opens a document through `url` (`ws://host:port`). `socket` may watch what passes; it must not change it. */
export function openStockClient(url: string, name: string, socket: typeof WebSocket = WebSocket): StockClient {
  const doc = new Y.Doc();
  const provider = new WebsocketProvider(url, name, doc, {
    WebSocketPolyfill: socket as unknown as typeof globalThis.WebSocket,
    disableBc: true,
    maxBackoffTime: BACKOFF_MAX_MS,
  });
  return {
    doc,
    provider,
    close: () => {
      provider.destroy();
      doc.destroy();
    },
    vanish: () => {
      const open = provider.ws as unknown as WebSocket | null;
      provider.shouldConnect = false;
      open?.terminate();
      provider.destroy();
    },
  };
}

/** Resolves when the provider has had the server's answer to its state vector. */
export async function synced(client: StockClient, timeoutMs = 30_000): Promise<void> {
  if (client.provider.synced) return;
  const event = new Promise<void>((resolve) => {
    client.provider.on("sync", (state) => {
      if (state) resolve();
    });
  });
  await within(event, timeoutMs, `the first sync of ${client.provider.url}`);
}

/** What a fresh client is given by a peer: the document as it stands there. The caller destroys the Y.Doc. */
export async function readThroughClient(url: string, name: string): Promise<Y.Doc> {
  const client = openStockClient(url, name);
  await synced(client);
  const copy = new Y.Doc();
  Y.applyUpdate(copy, Y.encodeStateAsUpdate(client.doc));
  client.close();
  return copy;
}
