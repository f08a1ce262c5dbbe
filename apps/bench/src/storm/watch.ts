/** Looks at processes now and then while a storm lasts: how much memory each has, and whether one has ended that nobody killed. */
import type { PeerProcess } from "../processes.ts";
import { residentBytesOf } from "../resident-memory.ts";

const INTERVAL_MS = 2_000;

export interface MemorySample {
  readonly atMs: number;
  /** Resident bytes by peer; undefined of a process that was not running. */
  readonly residentBytes: readonly (number | undefined)[];
}

export class Watch implements Disposable {
  readonly samples: MemorySample[] = [];
  /** Last words of peers that ended by themselves. */
  readonly deaths = new Map<PeerProcess, string>();
  private readonly timer: NodeJS.Timeout;

  /** `isDown` tells of a peer that it was killed and has not listened since. */
  constructor(peers: readonly PeerProcess[], isDown: (peer: PeerProcess) => boolean, nowMs: () => number) {
    const look = () => {
      for (const peer of peers) {
        if (!peer.isRunning && !isDown(peer) && !this.deaths.has(peer)) this.deaths.set(peer, peer.lastWords);
      }
      const residentBytes = peers.map((peer) => (peer.isRunning ? residentBytesOf(peer.pid) : undefined));
      this.samples.push({ atMs: nowMs(), residentBytes });
    };
    look();
    this.timer = setInterval(look, INTERVAL_MS);
  }

  [Symbol.dispose](): void {
    clearInterval(this.timer);
  }
}
