/**
 * A few minutes of a small cluster in which peers are backed up at random times, and the backups are restored at random later times as
 * new peers that join: beside the peer that was backed up, or in its place when its disk is lost. Then the same end as an hour's.
 */
import type { PeerId } from "@yarrow/protocol";
import { Cluster } from "./cluster.ts";
import type { Counters } from "./counters.ts";
import type { Disk } from "./disk.ts";
import { checkEnd, scrub, settle } from "./ending.ts";
import type { SimulatedPeer } from "./peer.ts";
import type { Random } from "./random.ts";
import { Random as Generator } from "./random.ts";
import { drawConfig } from "./simulate-hour.ts";
import type { HourReport } from "./simulate-hour.ts";
import { Spells } from "./spells.ts";
import { violated } from "./witness.ts";
import { Workload } from "./workload.ts";

export interface BackupsOptions {
  readonly seed: number;
  /** Backups that are taken, restored and joined. */
  readonly cycles: number;
  readonly print?: ((line: string) => void) | undefined;
}

const LENGTH_MS = 300_000;
const PEERS_MIN = 2;
const PEERS_MAX = 5;
const CRASHES = 4;
const PARTITIONS = 3;

/** Throws a violation when a promise is broken. */
export function simulateBackups({ seed, cycles, print }: BackupsOptions): HourReport {
  const draw = new Generator(seed, 2);
  const cluster = new Cluster({ seed, adversarial: draw.chance(0.3), replicaConfig: drawConfig(draw), print });
  const count = draw.between(PEERS_MIN, 3);
  for (let index = 0; index < count; index++) cluster.addPeer({ peers: index === 0 ? [] : ["ws://peer-0:1"] });
  const workload = new Workload(cluster, new Spells(new Generator(seed, 5), LENGTH_MS), LENGTH_MS);
  const plan = new BackupPlan(cluster, cycles);
  cluster.run(LENGTH_MS);
  workload.stop();
  plan.stop();
  scrub(cluster);
  settle(cluster);
  checkEnd(cluster);
  checkCycles(cluster.counters, cycles);
  return { seed, counters: cluster.counters, hash: cluster.trace.hash };
}

/** Every backup was restored, and nobody took one for a disk that was put back: it is another peer's. */
function checkCycles({ backups, backupsRestored, rollbacksTold }: Counters, cycles: number): void {
  if (backups !== cycles || backupsRestored !== cycles) {
    violated("hardness", `${backups} backups and ${backupsRestored} restores of ${cycles}`);
  }
  if (rollbacksTold > 0) violated("alarm", `${rollbacksTold} alarms for peers that were not put back`);
}

class BackupPlan {
  readonly #cluster: Cluster;
  readonly #random: Random;
  #stopped = false;

  constructor(cluster: Cluster, cycles: number) {
    this.#cluster = cluster;
    this.#random = cluster.random.fork();
    for (const time of this.#random.times(cycles, 10_000, LENGTH_MS * 0.7)) {
      cluster.timeline.at(time, () => this.#backUp());
    }
    for (const time of this.#random.times(CRASHES, 5_000, LENGTH_MS - 20_000)) {
      cluster.timeline.at(time, () => this.#crash());
    }
    for (const time of this.#random.times(PARTITIONS, 5_000, LENGTH_MS - 60_000)) {
      cluster.timeline.at(time, () => this.#part());
    }
  }

  /** Heals everything, and starts whoever is down. */
  stop(): void {
    this.#stopped = true;
    this.#cluster.network.healAll();
    for (const peer of this.#cluster.peers) if (!peer.running) peer.start();
  }

  #backUp(): void {
    const random = this.#random;
    const peer = random.pick(this.#cluster.peers);
    const backup = peer.disk.copy();
    this.#cluster.counters.backups++;
    const lost = random.chance(0.5);
    this.#cluster.timeline.after(random.between(1, LENGTH_MS * 0.25), () =>
      this.#restore(backup, lost ? peer : undefined),
    );
  }

  /** With the disk of the peer that was backed up goes what had reached nobody else. */
  #restore(backup: Disk, lost: SimulatedPeer | undefined): void {
    const cluster = this.#cluster;
    cluster.counters.backupsRestored++;
    const gone = lost !== undefined && cluster.peers.includes(lost) && cluster.peers.length > 1 ? lost : undefined;
    if (gone !== undefined) cluster.removePeer(gone);
    else if (cluster.peers.length >= PEERS_MAX) cluster.removePeer(this.#random.pick(cluster.peers));
    const peers = cluster.peers.map(({ settings }) => settings.url);
    const peerId = this.#random.hex(32) as PeerId;
    cluster.addPeer({ peers }, backup.restored(peerId));
  }

  #crash(): void {
    const peer = this.#random.pickOrNone(this.#cluster.peers.filter(({ running }) => running));
    if (peer === undefined) return;
    this.#cluster.counters.crashes++;
    peer.crash(0);
    this.#cluster.timeline.after(this.#random.exponential(8_000), () => {
      if (!this.#stopped && !peer.running && this.#cluster.peers.includes(peer)) peer.start();
    });
  }

  #part(): void {
    const [one, ...others] = this.#random.shuffled(this.#cluster.peers);
    if (one === undefined || others.length === 0) return;
    this.#cluster.counters.partitions++;
    this.#cluster.cut([one], others);
    this.#cluster.timeline.after(this.#random.exponential(20_000), () => this.#cluster.heal([one], others));
  }
}
