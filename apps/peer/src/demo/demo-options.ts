/** What a demo can be told. */
export interface DemoOptions {
  readonly peers: number;
  /** Kept; undefined = a fresh folder that is removed at the end. */
  readonly data?: string;
  /** Of the playground; undefined = the friendly one, or the next free one. */
  readonly port?: number;
  readonly json?: true;
}

export const PLAYGROUND_PORT = 4300;

/** Peers of a demo: as many as a full mesh holds. */
export const DEMO_PEERS_MAX = 12;
