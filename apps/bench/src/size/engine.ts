/** The engine and the store, for programs that measure them without sockets: loaded from what was built, as the daemon loads them. */

export interface Store {
  writeClusterId(id: string): void;
  readClusterId(): string | undefined;
  renewIdentity(): string;
  transaction<T>(body: () => T): T;
  listDocuments(query: { after: string; limit: number; include: "alive" }): DocumentRow[];
  readDocument(name: string): DocumentRow | undefined;
  appendLog(row: object): number;
  checkpoint(mode: "truncate"): boolean;
  close(): void;
}

export interface DocumentRow {
  readonly id: number;
  readonly name: string;
  readonly incarnation: number;
}

type Effect =
  | { readonly type: "send"; readonly link: number; readonly frames: readonly Uint8Array[] }
  | { readonly type: "close-link" }
  | {
      readonly type: "observe";
      readonly fact: { readonly kind: string; readonly result?: string; readonly bytes?: number };
    };

export interface Replica {
  step(events: readonly object[], now: number): readonly Effect[];
  nextDeadline(): number;
  status(now: number): { readonly root: string; readonly links: readonly { readonly equal: boolean }[] };
}

export interface Message {
  readonly type: string;
}

interface Engine {
  readonly openSqliteStore: (options: { folder: string; durability: "full" | "normal"; now: () => number }) => Store;
  readonly clusterIdOf: (name: string) => string;
  readonly Replica: new (options: object) => Replica;
  readonly decodeFrame: (frame: Uint8Array) => Message[];
  readonly encodeMessage: (message: Message) => Uint8Array;
}

/** Options of a replica that nobody reaches. */
export const ALONE = {
  processId: "0000000000000001",
  addresses: [],
  peers: [],
  discovery: false,
} as const;

export async function loadEngine(): Promise<Engine> {
  const paths = ["core/dist/store/open-store.js", "replica/dist/index.js", "protocol/dist/index.js"];
  const loaded: object[] = [];
  for (const path of paths) {
    loaded.push((await import(new URL(`../../../../packages/${path}`, import.meta.url).href)) as object);
  }
  return Object.assign({}, ...loaded) as Engine;
}
