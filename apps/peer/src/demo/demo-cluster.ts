/**
 * The peers of a demo, from the first start to the last end.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { YarrowError } from "@yarrow/core/command";
import { freePort } from "./free-port.ts";
import { PeerProcess } from "./peer-process.ts";

export interface DemoPorts {
  readonly playground: number;
  readonly firstPeer: number;
  readonly firstAdmin: number;
}

/** All ports of a demo, by that of the playground: 4300, 4321 and on, 4421 and on. 0 = whatever is free. */
export function demoPorts(playground: number): DemoPorts {
  return {
    playground,
    firstPeer: playground === 0 ? 0 : playground + 21,
    firstAdmin: playground === 0 ? 0 : playground + 121,
  };
}

const READY_TIMEOUT_MS = 30_000;

export interface DemoClusterOptions {
  readonly peers: number;
  /** Undefined: a fresh folder that is removed at the end. */
  readonly data: string | undefined;
  readonly ports: DemoPorts;
  /** How long the peers have to become ready; for tests. */
  readonly readyTimeoutMs?: number;
}

export class DemoCluster {
  readonly data: string;
  readonly #options: DemoClusterOptions;
  readonly #peers: PeerProcess[] = [];
  #stopping = false;

  constructor(options: DemoClusterOptions) {
    this.#options = options;
    this.data = options.data === undefined ? mkdtempSync(join(tmpdir(), "yarrow-demo-")) : resolve(options.data);
  }

  get peers(): readonly PeerProcess[] {
    return this.#peers;
  }

  find(name: string): PeerProcess | undefined {
    return this.#peers.find((peer) => peer.name === name);
  }

  /**
   * Starts the peers one after the other, each dialling the one before it; they learn of the rest from each other.
   * Call {@link stop} whatever comes of it. Errors: YARROW_LISTEN_FAILED, YARROW_TIMEOUT.
   */
  async start(): Promise<void> {
    const { ports, peers } = this.#options;
    const taken = new Set<number>(ports.playground === 0 ? [] : [ports.playground]);
    while (this.#peers.length < peers && !this.#stopping) {
      const name = String.fromCharCode("A".charCodeAt(0) + this.#peers.length);
      const port = await takePort(ports.firstPeer, taken);
      const adminPort = await takePort(ports.firstAdmin, taken);
      if (this.#stopping) return;
      const data = join(this.data, name.toLowerCase());
      mkdirSync(data, { recursive: true });
      const peer = new PeerProcess({ name, data, port, adminPort, peerUrl: this.#peers.at(-1)?.url });
      this.#peers.push(peer);
      await peer.listening();
    }
    if (!this.#stopping) await allReady(this.#peers, this.#options.readyTimeoutMs ?? READY_TIMEOUT_MS);
  }

  /** Ends every peer, all at once, and removes a folder that was only lent. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#peers.map((peer) => peer.stop()));
    this.#cleanUp();
  }

  /** The same without waiting, for somebody who lost patience. */
  kill(): void {
    this.#stopping = true;
    for (const peer of this.#peers) peer.kill();
    this.#cleanUp();
  }

  #cleanUp(): void {
    if (this.#options.data === undefined) rmSync(this.data, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function takePort(first: number, taken: Set<number>): Promise<number> {
  const port = await freePort(first, taken);
  taken.add(port);
  return port;
}

async function allReady(peers: readonly PeerProcess[], timeoutMs: number): Promise<void> {
  const signal = AbortSignal.timeout(timeoutMs);
  const ready = await Promise.all(peers.map((peer) => peer.ready(signal)));
  const missing = peers.filter((_, index) => !ready[index]).map((peer) => peer.name);
  if (missing.length === 0) return;
  const log = peers
    .filter((_, index) => !ready[index])
    .flatMap((peer) => peer.lastLog)
    .map((line) => `\n    ${line}`);
  throw new YarrowError(
    "YARROW_TIMEOUT",
    `peer ${missing.join(", ")} was not ready within ${timeoutMs / 1_000} s${log.join("")}`,
  );
}
