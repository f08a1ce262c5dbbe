/**
 * Many replicas of the production engine in one process, over memory stores, simulated time and a simulated network in which they dial
 * each other as they see fit: deterministic, and light enough for a thousand of them.
 */
import type { PeerId, ProcessId } from "@yarrow/protocol";
import type { Effect, Event } from "@yarrow/replica";
import { clusterIdOf, doWork, MemoryStore, Replica } from "@yarrow/replica";
import { MeshTime } from "./mesh-time.ts";

const LATENCY_MIN_MS = 10;
const LATENCY_MAX_MS = 90;
/** A dial into a network that is down ends after this time, as it does in the production shell. */
const DIAL_TIMEOUT_MS = 5_000;
export const STARTED_AT = 1_000_000;

interface Wire {
  readonly from: DialledPeer;
  readonly to: DialledPeer;
  readonly toLink: number;
  readonly latencyMs: number;
  /** Links keep their order. */
  lastAt: number;
}

export interface DialledPeer {
  readonly index: number;
  readonly url: string;
  readonly replica: Replica;
  readonly wires: Map<number, Wire>;
  /** Links that this side takes for open, with whom. */
  readonly open: Map<number, DialledPeer>;
  inbox: Event[];
  wakeAt: number;
  alive: boolean;
  /** Dials in the second that began last, and that second. */
  dials: number;
  dialSecond: number;
}

export interface DialCounts {
  /** The most that one peer made within a second. */
  perPeerMax: number;
  /** Of all peers together, by second. */
  readonly bySecond: Map<number, number>;
}

export class DialledMesh {
  readonly time = new MeshTime();
  readonly peers: DialledPeer[] = [];
  /** Nothing arrives anywhere. */
  down = false;
  dials: DialCounts = { perPeerMax: 0, bySecond: new Map() };
  readonly #random: () => number;
  readonly #byUrl = new Map<string, DialledPeer>();
  readonly #busy = new Set<DialledPeer>();
  #nextLink = 1;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Starts a peer. One that is not `reachable` has no address, and cannot be dialled. */
  start(index: number, options: { readonly peers: readonly string[]; readonly reachable: boolean }): DialledPeer {
    const url = urlOf(index);
    const replica = new Replica({
      store: new MemoryStore({ peerId: index.toString(16).padStart(32, "0") as PeerId }),
      random: this.#random,
      processId: index.toString(16).padStart(16, "0") as ProcessId,
      clusterId: clusterIdOf("mesh"),
      addresses: options.reachable ? [url] : [],
      peers: options.peers,
      discovery: true,
      now: STARTED_AT + this.time.now,
    });
    const peer: DialledPeer = {
      ...{ index, url, replica, wires: new Map(), open: new Map(), inbox: [] },
      ...{ wakeAt: Number.POSITIVE_INFINITY, alive: true, dials: 0, dialSecond: 0 },
    };
    this.peers.push(peer);
    if (options.reachable) this.#byUrl.set(url, peer);
    this.#busy.add(peer);
    return peer;
  }

  run(ms: number): void {
    const until = this.time.now + ms;
    this.#stepBusy();
    while (this.time.step(until)) this.#stepBusy();
  }

  /** Peers end at once, and with them their links, as processes that are killed do. */
  kill(peers: readonly DialledPeer[]): void {
    for (const peer of peers) peer.alive = false;
    for (const peer of peers) {
      for (const link of peer.wires.keys()) this.#end(peer, link);
      this.#busy.delete(peer);
    }
  }

  clearDials(): void {
    this.dials = { perPeerMax: 0, bySecond: new Map() };
  }

  /** What a peer sends in this moment arrives later, so that one turn for each is enough. */
  #stepBusy(): void {
    const busy = [...this.#busy];
    this.#busy.clear();
    for (const peer of busy) this.#step(peer);
  }

  #give(peer: DialledPeer, event: Event): void {
    if (!peer.alive) return;
    peer.inbox.push(event);
    this.#busy.add(peer);
  }

  #step(peer: DialledPeer): void {
    if (!peer.alive) return;
    const { replica, inbox } = peer;
    peer.inbox = [];
    for (const effect of replica.step(inbox, STARTED_AT + this.time.now)) this.#perform(peer, effect);
    const due = Math.max(Math.ceil(replica.nextDeadline() - STARTED_AT), this.time.now + 1);
    if (due >= peer.wakeAt && peer.wakeAt > this.time.now) return;
    peer.wakeAt = due;
    if (due === Number.POSITIVE_INFINITY) return;
    this.time.at(due, () => {
      if (peer.wakeAt !== due) return;
      peer.wakeAt = Number.POSITIVE_INFINITY;
      if (peer.alive) this.#busy.add(peer);
    });
  }

  #perform(peer: DialledPeer, effect: Effect): void {
    switch (effect.type) {
      case "dial":
        return this.#dial(peer, effect.url);
      case "send": {
        const wire = peer.wires.get(effect.link);
        if (wire !== undefined) for (const frame of effect.frames) this.#carry(wire, frame);
        return;
      }
      case "close-link":
        return this.#end(peer, effect.link);
      case "work":
        return this.time.at(this.time.now + 1, () =>
          this.#give(peer, { type: "work-done", work: effect.work, result: doWork(effect.job) }),
        );
      case "observe": {
        const { fact } = effect;
        if (fact.kind === "link-up") peer.open.set(fact.link, peer.wires.get(fact.link)!.to);
        else if (fact.kind === "link-down") peer.open.delete(fact.link);
        return;
      }
      default:
        return;
    }
  }

  #dial(peer: DialledPeer, url: string): void {
    this.#countDial(peer);
    const other = this.#byUrl.get(url);
    const latencyMs = LATENCY_MIN_MS + this.#random() * (LATENCY_MAX_MS - LATENCY_MIN_MS);
    const fail = (afterMs: number): void =>
      this.time.at(this.time.now + afterMs, () => this.#give(peer, { type: "dial-failed", url, reason: "no answer" }));
    if (this.down) return fail(DIAL_TIMEOUT_MS);
    this.time.at(this.time.now + 2 * latencyMs, () => {
      if (!peer.alive) return;
      if (this.down) return fail(DIAL_TIMEOUT_MS);
      if (other === undefined || !other.alive) return fail(0);
      const [here, there] = [this.#nextLink++, this.#nextLink++];
      peer.wires.set(here, { from: peer, to: other, toLink: there, latencyMs, lastAt: 0 });
      other.wires.set(there, { from: other, to: peer, toLink: here, latencyMs, lastAt: 0 });
      this.#give(peer, { type: "link-opened", link: here, dialled: url });
      this.#give(other, { type: "link-opened", link: there, dialled: undefined });
    });
  }

  #countDial(peer: DialledPeer): void {
    const { dials } = this;
    const second = Math.floor(this.time.now / 1_000);
    if (peer.dialSecond !== second) Object.assign(peer, { dialSecond: second, dials: 0 });
    dials.perPeerMax = Math.max(dials.perPeerMax, ++peer.dials);
    dials.bySecond.set(second, (dials.bySecond.get(second) ?? 0) + 1);
  }

  /** One side's end; the other hears of it unless the network is down, and falls silent for it then. */
  #end(peer: DialledPeer, link: number): void {
    const wire = peer.wires.get(link);
    if (wire === undefined) return;
    peer.wires.delete(link);
    peer.open.delete(link);
    this.#give(peer, { type: "link-closed", link, reason: "closed" });
    if (this.down) return;
    wire.lastAt = Math.max(wire.lastAt, this.time.now + wire.latencyMs);
    this.time.at(wire.lastAt, () => {
      if (!wire.to.wires.delete(wire.toLink)) return;
      this.#give(wire.to, { type: "link-closed", link: wire.toLink, reason: "the other side is gone" });
    });
  }

  #carry(wire: Wire, frame: Uint8Array): void {
    if (this.down) return;
    wire.lastAt = Math.max(wire.lastAt, this.time.now + wire.latencyMs);
    this.time.at(wire.lastAt, () => {
      if (this.down || !wire.to.alive || !wire.to.wires.has(wire.toLink)) return;
      this.#give(wire.to, { type: "link-frame", link: wire.toLink, bytes: frame });
    });
  }
}

export function urlOf(index: number): string {
  return `ws://peer-${index}:1`;
}
