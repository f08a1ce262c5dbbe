/** Stock y-websocket providers of several releases, as an application would use them. */
import type { Awareness } from "y-protocols/awareness";
import { onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { WebsocketProvider as Provider31 } from "y-websocket";
import { WebsocketProvider as Provider1 } from "y-websocket-1";
import { WebsocketProvider as Provider2 } from "y-websocket-2";
import { WebsocketProvider as Provider30 } from "y-websocket-30";
import * as Y from "yjs";
import { until } from "./peers.ts";

/** What all releases have in common. */
interface Provider {
  readonly awareness: Awareness;
  readonly wsconnected: boolean;
  readonly synced: boolean;
  readonly shouldConnect: boolean;
  connect(): void;
  disconnect(): void;
  destroy(): void;
  on(event: string, listener: (...values: never[]) => void): void;
}

type ProviderClass = new (url: string, room: string, doc: Y.Doc, options: object) => Provider;

export const RELEASES = {
  "1.5.4": Provider1 as unknown as ProviderClass,
  "2.1.0": Provider2 as unknown as ProviderClass,
  "3.0.0": Provider30 as unknown as ProviderClass,
  "3.1.0": Provider31 as unknown as ProviderClass,
} as const;

export type Release = keyof typeof RELEASES;

export interface StockClient {
  readonly doc: Y.Doc;
  readonly provider: Provider;
  /** Codes of every close so far. */
  readonly closes: number[];
  readonly text: Y.Text;
}

/** Connects a client; it is destroyed after the test. */
export function connectClient(url: string, room: string, release: Release = "3.1.0", doc = new Y.Doc()): StockClient {
  const closes: number[] = [];
  const provider = new RELEASES[release](url, room, doc, { WebSocketPolyfill: WebSocket, disableBc: true });
  provider.on("connection-close", (event: { code: number } | null) => {
    if (event !== null) closes.push(event.code);
  });
  onTestFinished(() => {
    provider.destroy();
    doc.destroy();
  });
  return { doc, provider, closes, text: doc.getText("body") };
}

export async function connectSynced(
  url: string,
  room: string,
  release: Release = "3.1.0",
  doc?: Y.Doc,
): Promise<StockClient> {
  const client = connectClient(url, room, release, doc);
  await until(() => client.provider.synced);
  return client;
}
