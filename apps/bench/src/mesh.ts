/**
 * Many replicas of the production engine in one process, over memory stores, simulated time and simulated links: deterministic,
 * and light enough for a thousand of them. Every message is the production codec's bytes.
 */
import type { PeerId, ProcessId } from "@yarrow/protocol";
import type { Effect, Event } from "@yarrow/replica";
import { clusterIdOf, doWork, MemoryStore, Replica } from "@yarrow/replica";
import { MeshTime } from "./mesh-time.ts";
import type { Topology } from "./mesh-topology.ts";

/** How long a peer takes to notice that it should look for another link, and to dial it. */
const REPLACE_MS = 200;
const LATENCY_MIN_MS = 10;
const LATENCY_MAX_MS = 90;
/** By how much the latency of one message differs from that of its link. */
const JITTER_SHARE = 0.1;
const STARTED_AT = 1_000_000;

interface Wire {
  readonly from: SimulatedPeer;
  readonly to: SimulatedPeer;
  readonly fromLink: number;
  readonly toLink: number;
  readonly latencyMs: number;
  /** Links keep their order. */
  lastAt: number;
  open: boolean;
}

export interface SimulatedPeer {
  readonly index: number;
  readonly replica: Replica;
  readonly wires: Map<number, Wire>;
  inbox: Event[];
  wakeAt: number;
  alive: boolean;
}

export interface MeshWatcher {
  /** A frame leaves, lost or not. */
  sent(from: SimulatedPeer, to: SimulatedPeer, frame: Uint8Array): void;
  /** A frame is there. */
  arrived(from: SimulatedPeer, to: SimulatedPeer, frame: Uint8Array): void;
  /** A peer has committed and shows something. */
  effect(peer: SimulatedPeer, effect: Effect, now: number): void;
}

export class Mesh {
  readonly time = new MeshTime();
  readonly peers: SimulatedPeer[];
  /** Share of frames that are lost. */
  loss = 0;
  readonly #topology: Topology;
  readonly #random: () => number;
  readonly #watcher: MeshWatcher;
  readonly #busy = new Set<SimulatedPeer>();
  #nextLink = 1;

  constructor(count: number, topology: Topology, random: () => number, watcher: MeshWatcher) {
    this.#topology = topology;
    this.#random = random;
    this.#watcher = watcher;
    this.peers = Array.from({ length: count }, (_, index) => this.#createPeer(index));
    for (const [a, b] of topology.links) this.#join(this.peers[a]!, this.peers[b]!);
  }

  /** Hands events to a peer, in this moment. */
  give(peer: SimulatedPeer, ...events: Event[]): void {
    if (!peer.alive) return;
    peer.inbox.push(...events);
    this.#busy.add(peer);
  }

  run(ms: number): void {
    const until = this.time.now + ms;
    while (this.time.step(until)) {
      // What a peer sends in this moment arrives later, so that one turn for each is enough.
      for (const peer of this.#busy) this.#step(peer);
      this.#busy.clear();
    }
  }

  /** Peers end at once, and with them their links, as processes that are killed do. */
  kill(peers: readonly SimulatedPeer[]): void {
    for (const peer of peers) peer.alive = false;
    for (const peer of peers) {
      for (const wire of peer.wires.values()) this.#end(wire);
      this.#busy.delete(peer);
    }
  }

  #createPeer(index: number): SimulatedPeer {
    const replica = new Replica({
      store: new MemoryStore({ peerId: index.toString(16).padStart(32, "0") as PeerId }),
      random: this.#random,
      processId: index.toString(16).padStart(16, "0") as ProcessId,
      clusterId: clusterIdOf("mesh"),
      addresses: [],
      peers: [],
      discovery: false,
      now: STARTED_AT,
    });
    return { index, replica, wires: new Map(), inbox: [], wakeAt: Number.POSITIVE_INFINITY, alive: true };
  }

  #join(a: SimulatedPeer, b: SimulatedPeer): void {
    const latencyMs = LATENCY_MIN_MS + this.#random() * (LATENCY_MAX_MS - LATENCY_MIN_MS);
    const [here, there] = [this.#nextLink++, this.#nextLink++];
    const common = { latencyMs, lastAt: 0, open: true };
    a.wires.set(here, { from: a, to: b, fromLink: here, toLink: there, ...common });
    b.wires.set(there, { from: b, to: a, fromLink: there, toLink: here, ...common });
    this.give(a, { type: "link-opened", link: here, dialled: undefined });
    this.give(b, { type: "link-opened", link: there, dialled: undefined });
  }

  #end(wire: Wire): void {
    const { to, toLink, latencyMs } = wire;
    wire.open = false;
    wire.from.wires.delete(wire.fromLink);
    this.time.at(this.time.now + latencyMs, () => {
      if (!to.wires.delete(toLink)) return;
      this.give(to, { type: "link-closed", link: toLink, reason: "the other side is gone" });
      this.time.at(this.time.now + REPLACE_MS, () => this.#replace(to));
    });
  }

  #replace(peer: SimulatedPeer): void {
    if (!peer.alive) return;
    const linked = new Set([...peer.wires.values()].map(({ to }) => to.index));
    const other = this.#topology.replace(peer.index, linked, (index) => this.peers[index]!.alive);
    if (other !== undefined) this.#join(peer, this.peers[other]!);
  }

  #step(peer: SimulatedPeer): void {
    if (!peer.alive) return;
    const { replica } = peer;
    const now = STARTED_AT + this.time.now;
    const events = peer.inbox;
    peer.inbox = [];
    for (const effect of replica.step(events, now)) this.#perform(peer, effect);
    const due = Math.max(replica.nextDeadline() - STARTED_AT, this.time.now + 1);
    if (due >= peer.wakeAt && peer.wakeAt > this.time.now) return;
    peer.wakeAt = due;
    if (due === Number.POSITIVE_INFINITY) return;
    const at = Math.ceil(due);
    this.time.at(at, () => {
      if (peer.wakeAt > at) return;
      peer.wakeAt = Number.POSITIVE_INFINITY;
      if (peer.alive) this.#busy.add(peer);
    });
  }

  #perform(peer: SimulatedPeer, effect: Effect): void {
    switch (effect.type) {
      case "send": {
        const wire = peer.wires.get(effect.link);
        if (wire !== undefined) for (const frame of effect.frames) this.#carry(wire, frame);
        return;
      }
      case "close-link": {
        const wire = peer.wires.get(effect.link);
        if (wire !== undefined) this.#end(wire);
        return;
      }
      case "work":
        return this.time.at(this.time.now + 1, () =>
          this.give(peer, { type: "work-done", work: effect.work, result: doWork(effect.job) }),
        );
      default:
        return this.#watcher.effect(peer, effect, this.time.now);
    }
  }

  #carry(wire: Wire, frame: Uint8Array): void {
    const { from, to, toLink } = wire;
    this.#watcher.sent(from, to, frame);
    if (this.loss > 0 && this.#random() < this.loss) return;
    const latencyMs = wire.latencyMs * (1 + JITTER_SHARE * (2 * this.#random() - 1));
    wire.lastAt = Math.max(wire.lastAt, this.time.now + latencyMs);
    this.time.at(wire.lastAt, () => {
      if (!to.alive || !to.wires.has(toLink)) return;
      this.#watcher.arrived(from, to, frame);
      this.give(to, { type: "link-frame", link: toLink, bytes: frame });
    });
  }
}
