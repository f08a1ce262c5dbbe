/** Peers change their roles while everything runs: by hand, and when a primary is gone and a follower takes its place. */
import type { Cluster } from "./cluster.ts";
import type { SimulatedPeer } from "./peer.ts";
import type { Random } from "./random.ts";

/** How often per hour. */
const CHANGES = 10;
const FAILOVERS = 4;

export class RoleChanges {
  readonly #cluster: Cluster;
  readonly #random: Random;
  #stopped = false;

  constructor(cluster: Cluster, random: Random, lengthMs: number) {
    this.#cluster = cluster;
    this.#random = random;
    for (const time of random.times(CHANGES, 60_000, lengthMs - 60_000)) this.#at(time, () => this.#change());
    for (const time of random.times(FAILOVERS, 120_000, lengthMs - 300_000)) this.#at(time, () => this.#failOver());
  }

  /** No role changes any more, and somebody writes. */
  stop(): void {
    this.#stopped = true;
    const { peers } = this.#cluster;
    if (this.#writers().length === 0) this.#random.pickOrNone(peers)?.setRole("writer");
  }

  /** Everybody writes from now on. */
  promoteAll(): void {
    for (const peer of this.#cluster.peers) if (peer.role === "follower") peer.setRole("writer");
  }

  #at(time: number, action: () => void): void {
    this.#cluster.timeline.at(time, () => {
      if (!this.#stopped) action();
    });
  }

  #after(ms: number, action: () => void): void {
    this.#at(this.#cluster.timeline.now + ms, action);
  }

  #writers(): SimulatedPeer[] {
    return this.#cluster.peers.filter(({ role }) => role === "writer");
  }

  #running(role: SimulatedPeer["role"]): SimulatedPeer | undefined {
    return this.#random.pickOrNone(this.#cluster.peers.filter((peer) => peer.running && peer.role === role));
  }

  /** The other role for a while, or for good. The last writer stays one. */
  #change(): void {
    const random = this.#random;
    const demotes = this.#writers().length > 1 && random.chance(0.5);
    const peer = this.#running(demotes ? "writer" : "follower");
    if (peer === undefined) return;
    peer.setRole(demotes ? "follower" : "writer");
    if (random.chance(0.7))
      this.#after(random.exponential(90_000), () => this.#turn(peer, demotes ? "writer" : "follower"));
  }

  #turn(peer: SimulatedPeer, role: SimulatedPeer["role"]): void {
    if (role === "writer" || this.#writers().length > 1) peer.setRole(role);
  }

  /** A primary is gone, a follower takes its place; the primary comes back with what it had not sent, and later one of the two steps down. */
  #failOver(): void {
    const random = this.#random;
    const primary = this.#running("writer");
    const next = this.#running("follower");
    if (primary === undefined || next === undefined) return;
    this.#cluster.counters.failovers++;
    this.#cluster.counters.crashes++;
    primary.crash(0);
    this.#after(random.between(1_000, 10_000), () => next.setRole("writer"));
    this.#after(random.between(5_000, 60_000), () => {
      if (primary.running || !this.#cluster.peers.includes(primary)) return;
      this.#cluster.counters.restarts++;
      primary.start();
      this.#after(random.exponential(60_000), () => this.#turn(random.chance(0.5) ? primary : next, "follower"));
    });
  }
}
