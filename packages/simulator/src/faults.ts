/** What goes wrong in an hour, drawn from the seed before it begins; every fault ends by itself or with `stop`. */
import type { Cluster } from "./cluster.ts";
import { planLinkFaults } from "./link-faults.ts";
import type { SimulatedPeer } from "./peer.ts";
import type { Random } from "./random.ts";
import type { Spells } from "./spells.ts";
import { spoilRow } from "./spoil.ts";

/** How often per hour. Crashes and partitions are a few more than must happen, because some find nobody to hit. */
const CRASHES = 25;
const PARTITIONS = 24;
const FULL_DISKS = 3;
const FAILED_DISKS = 1;
const SLOW_DISKS = 3;
const SPOILED_ROWS = 6;
const PAUSES = 3;
const SLOW_READERS = 12;
const OFFLINE_TABS = 20;
const BROKEN_CONNECTIONS = 40;
const CLOCK_LEAPS = 3;
/** Transactions that a peer may lose that does not wait for its disk. */
const UNSYNCED_MAX = 40;

export class Faults {
  readonly #cluster: Cluster;
  readonly #random: Random;
  readonly #lengthMs: number;
  readonly #spells: Spells;
  #stopped = false;

  constructor(cluster: Cluster, spells: Spells, lengthMs: number) {
    this.#cluster = cluster;
    this.#spells = spells;
    this.#random = cluster.random.fork();
    this.#lengthMs = lengthMs;
    this.#plan(CRASHES, () => this.#crash());
    this.#plan(PARTITIONS, () => this.#partition());
    this.#plan(FULL_DISKS, () => this.#fillDisk());
    this.#plan(FAILED_DISKS, () => this.#failDisk());
    this.#plan(SLOW_DISKS, () => this.#slowDisk());
    this.#plan(SPOILED_ROWS, () => spoilRow(cluster, this.#random));
    this.#plan(PAUSES, () => this.#pause());
    this.#plan(SLOW_READERS, () => this.#slowReader());
    this.#plan(OFFLINE_TABS, () => this.#tabOffline());
    this.#plan(BROKEN_CONNECTIONS, () => this.#random.pickOrNone(cluster.network.all())?.break());
    this.#planRestore();
    this.#planClone();
    if (!cluster.severe) return;
    this.#plan(CLOCK_LEAPS, () => this.#leapClock());
    planLinkFaults(cluster, this.#random, {
      plan: (count, action) => this.#plan(count, action),
      after: (ms, action) => this.#after(ms, action),
    });
  }

  /** Heals everything and starts whoever is down. What is sent from here on arrives: a link that loses frames is not whole. */
  stop(): void {
    this.#stopped = true;
    const { network, peers, browsers } = this.#cluster;
    network.healAll();
    network.adversarial = false;
    for (const peer of peers) {
      peer.crashOnCommit = undefined;
      peer.slowDisk = false;
      peer.resume();
      peer.disk.store.setCapacityBytes(Number.POSITIVE_INFINITY);
      peer.disk.store.failNext("failed", 0);
      if (!peer.running) peer.start();
    }
    for (const browser of browsers) browser.connection?.setReading(0, true);
    for (const connection of network.all()) for (const side of [0, 1] as const) connection.setReading(side, true);
  }

  #plan(count: number, action: () => void): void {
    for (const time of this.#spells.times(count, 20_000, this.#lengthMs - 20_000)) this.#at(time, action);
  }

  #at(time: number, action: () => void): void {
    this.#cluster.timeline.at(time, () => {
      if (!this.#stopped) action();
    });
  }

  #after(ms: number, action: () => void): void {
    this.#at(this.#cluster.timeline.now + ms, action);
  }

  #running(): SimulatedPeer | undefined {
    return this.#random.pickOrNone(this.#cluster.peers.filter((peer) => peer.running));
  }

  /** Most crashes wait for an edit that is just being committed, for no longer than a rest lasts. */
  #crash(): void {
    const peer = this.#running();
    if (peer === undefined) return;
    const downMs = this.#random.exponential(12_000);
    const now = (): void => this.#takeDown(peer, downMs);
    if (peer.settings.durability === "normal" || this.#random.chance(0.35)) return now();
    peer.crashOnCommit = now;
    this.#after(60_000, () => {
      if (peer.crashOnCommit === now) now();
    });
  }

  #takeDown(peer: SimulatedPeer, downMs: number): void {
    // A crash that waited for a commit may come when all of this is over.
    if (this.#stopped || !peer.running) return;
    this.#cluster.counters.crashes++;
    peer.crash(peer.settings.durability === "normal" ? this.#random.between(1, UNSYNCED_MAX) : 0);
    this.#after(downMs, () => this.#start(peer));
  }

  #start(peer: SimulatedPeer): void {
    if (peer.running || !this.#cluster.peers.includes(peer)) return;
    this.#cluster.counters.restarts++;
    // Nobody starts on a disk that is about to fail.
    peer.disk.store.failNext("failed", 0);
    peer.start();
  }

  /** Random groups; at times in one direction only, and at times the connections between them break at once. */
  #partition(): void {
    const random = this.#random;
    const { peers, network, counters } = this.#cluster;
    const shuffled = random.shuffled(peers);
    const size = random.between(1, Math.max(1, shuffled.length - 1));
    const one = shuffled.slice(0, size);
    const other = shuffled.slice(size);
    if (other.length === 0) return;
    counters.partitions++;
    const oneWay = random.chance(0.2);
    if (oneWay) counters.oneWayPartitions++;
    const pairs = one.flatMap((left) => other.map((right) => [left.place, right.place] as const));
    for (const [from, to] of pairs) {
      network.cut(from, to);
      if (!oneWay) network.cut(to, from);
      if (random.chance(0.4)) for (const connection of network.between(from, to)) connection.break();
    }
    this.#after(random.exponential(25_000), () => {
      for (const [from, to] of pairs) {
        network.heal(from, to);
        if (!oneWay) network.heal(to, from);
      }
    });
  }

  #fillDisk(): void {
    const peer = this.#running();
    if (peer === undefined) return;
    this.#cluster.counters.fullDisks++;
    const { store } = peer.disk;
    store.setCapacityBytes(store.counts().bytes + this.#random.between(0, 2_000));
    this.#after(this.#random.between(5_000, 40_000), () => store.setCapacityBytes(Number.POSITIVE_INFINITY));
  }

  /** The disk reports that it cannot be trusted: the peer stops, and is started again. */
  #failDisk(): void {
    const peer = this.#running();
    if (peer === undefined) return;
    this.#cluster.counters.failedDisks++;
    peer.disk.store.failNext("failed", 1);
    this.#after(this.#random.between(5_000, 30_000), () => {
      peer.disk.store.failNext("failed", 0);
      this.#start(peer);
    });
  }

  #slowDisk(): void {
    const peer = this.#running();
    if (peer === undefined) return;
    peer.slowDisk = true;
    this.#after(this.#random.between(5_000, 30_000), () => {
      peer.slowDisk = false;
    });
  }

  #leapClock(): void {
    const peer = this.#running();
    if (peer === undefined) return;
    this.#cluster.counters.clockLeaps++;
    peer.leap(this.#random.between(1_000, this.#random.chance(0.3) ? 3_600_000 : 60_000));
  }

  #pause(): void {
    this.#cluster.counters.pauses++;
    this.#running()?.pause(this.#random.between(1_000, 40_000));
  }

  #slowReader(): void {
    const connection = this.#random.pickOrNone(this.#cluster.browsers)?.connection;
    if (connection === undefined) return;
    this.#cluster.counters.slowReaders++;
    connection.setReading(0, false);
    this.#after(this.#random.between(1_000, 20_000), () => connection.setReading(0, true));
  }

  #tabOffline(): void {
    const { network } = this.#cluster;
    const browser = this.#random.pickOrNone(this.#cluster.browsers);
    if (browser === undefined) return;
    const { place } = browser;
    const peer = browser.peer.place;
    network.cut(place, peer);
    network.cut(peer, place);
    if (this.#random.chance(0.5)) browser.connection?.break();
    this.#after(this.#random.exponential(15_000), () => {
      network.heal(place, peer);
      network.heal(peer, place);
    });
  }

  /** The folder of a peer is put back to what it was a while ago. */
  #planRestore(): void {
    const random = this.#random;
    const originals = [...this.#cluster.peers];
    const copyAt = random.between(this.#lengthMs * 0.1, this.#lengthMs * 0.4);
    this.#at(copyAt, () => {
      const peer = random.pick(originals);
      const copy = peer.disk.copy();
      this.#after(random.between(this.#lengthMs * 0.2, this.#lengthMs * 0.5), () => {
        this.#cluster.counters.restores++;
        peer.crash(0);
        peer.disk = copy;
        this.#cluster.forgive(peer);
        this.#after(random.exponential(5_000), () => this.#start(peer));
      });
    });
  }

  /** The folder of a peer is copied, and the copy runs beside it for a while or for good. */
  #planClone(): void {
    const random = this.#random;
    this.#at(random.between(this.#lengthMs * 0.3, this.#lengthMs * 0.8), () => {
      const original = random.pick(this.#cluster.peers);
      this.#cluster.counters.clones++;
      const { peers, discovery, url, role } = original.settings;
      const clone = this.#cluster.addPeer({ peers: [url, ...peers], discovery, role }, original.disk.copy());
      if (random.chance(0.5)) return;
      this.#after(random.between(60_000, 600_000), () => {
        const others = this.#cluster.peers.filter((peer) => peer !== clone);
        if (others.length > 1 && others.some((peer) => peer.role === "writer")) this.#cluster.removePeer(clone);
      });
    });
  }
}
