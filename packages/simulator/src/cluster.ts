/** Everything that exists in one simulation: peers and their disks, tabs, embedded handles, the network between them, checkers. */
import type { ClusterId, PeerId } from "@yarrow/protocol";
import type { RelayConfig } from "@yarrow/relay";
import { clusterIdOf } from "@yarrow/replica";
import type { DocumentRow, ReplicaConfig } from "@yarrow/replica";
import { Browser } from "./browser.ts";
import { Authorship } from "./checkers/authorship.ts";
import { CopiesChecker } from "./checkers/copies.ts";
import { Deletions } from "./checkers/deletions.ts";
import { Ledger } from "./checkers/ledger.ts";
import { Monotony } from "./checkers/monotony.ts";
import { Origins } from "./checkers/origins.ts";
import { Refusals } from "./checkers/refusals.ts";
import { Timeliness } from "./checkers/timeliness.ts";
import { createCounters } from "./counters.ts";
import { Disk } from "./disk.ts";
import { Embedded } from "./embedded.ts";
import { Network } from "./network.ts";
import { SimulatedPeer } from "./peer.ts";
import type { PeerSettings } from "./peer-settings.ts";
import type { World } from "./world.ts";
import { Random } from "./random.ts";
import { Timeline } from "./timeline.ts";
import { Trace } from "./trace.ts";
import type { Witness } from "./witness.ts";

export interface ClusterOptions {
  readonly seed: number;
  readonly adversarial: boolean;
  readonly replicaConfig: Partial<ReplicaConfig>;
  readonly relayConfig?: Partial<RelayConfig>;
  readonly linkBudgetBytes?: number;
  readonly severe?: boolean;
  readonly print?: ((line: string) => void) | undefined;
}

const CLUSTER_ID: ClusterId = clusterIdOf("simulation");

export class Cluster {
  readonly timeline = new Timeline();
  readonly counters = createCounters();
  readonly random: Random;
  readonly severe: boolean;
  readonly trace: Trace;
  readonly network: Network;
  readonly clusterId = CLUSTER_ID;
  readonly peers: SimulatedPeer[] = [];
  readonly browsers: Browser[] = [];
  readonly handles: Embedded[] = [];
  readonly ledger: Ledger;
  readonly authorship = new Authorship();
  readonly deletions = new Deletions(this.counters);
  readonly monotony = new Monotony();
  readonly copies: CopiesChecker;
  readonly origins = new Origins();
  readonly refusals: Refusals;
  readonly timeliness = new Timeliness();
  readonly #world: World;
  #places = 0;

  constructor(options: ClusterOptions) {
    this.random = new Random(options.seed);
    this.severe = options.severe ?? false;
    this.trace = new Trace(options.print);
    const { timeline, counters } = this;
    this.network = new Network({ timeline, counters, random: this.random.fork(), adversarial: options.adversarial });
    this.ledger = new Ledger(() => this.peers.map(({ disk }) => disk));
    this.copies = new CopiesChecker({ timeline, counters, peers: () => this.peers, browsers: () => this.browsers });
    this.refusals = new Refusals(timeline, counters);
    const { ledger, authorship, deletions, monotony, copies, origins, refusals } = this;
    const witnesses: Witness[] = [ledger, authorship, deletions, monotony, copies, origins, refusals];
    this.#world = {
      timeline,
      network: this.network,
      trace: this.trace,
      counters,
      witnesses,
      clusterId: CLUSTER_ID,
      replicaConfig: options.replicaConfig,
      relayConfig: options.relayConfig ?? {},
      peerAt: (url) => this.peers.find((peer) => peer.settings.url === url),
      linkBudgetBytes: options.linkBudgetBytes ?? Number.POSITIVE_INFINITY,
      severe: this.severe,
    };
  }

  /** Adds a peer, on a blank disk unless one is given, and starts it. */
  addPeer(settings: Partial<PeerSettings> = {}, disk?: Disk): SimulatedPeer {
    const number = this.#places++;
    const peerId = this.random.hex(32) as PeerId;
    const peer = new SimulatedPeer(this.#world, this.random.fork(), disk ?? Disk.blank(peerId, CLUSTER_ID), {
      place: `peer-${number}`,
      url: `ws://peer-${number}:1`,
      durability: "full",
      peers: [],
      discovery: true,
      role: "writer",
      ...settings,
    });
    this.peers.push(peer);
    peer.start();
    return peer;
  }

  /** Takes a peer and its disk away for good. */
  removePeer(peer: SimulatedPeer): void {
    peer.crash(0);
    this.peers.splice(this.peers.indexOf(peer), 1);
    for (const browser of this.browsers) if (browser.peer === peer) browser.peer = this.random.pick(this.peers);
    this.forgive(peer);
  }

  /** A disk holds less than it did, and may. */
  forgive(peer: SimulatedPeer): void {
    for (const witness of this.#world.witnesses) witness.lost?.(peer);
  }

  /** A writer that is none of our peers has written this, and sends it to one that takes it. */
  own(client: number, { name, incarnation }: Pick<DocumentRow, "name" | "incarnation">, update: Uint8Array): void {
    this.origins.wroteElsewhere(name, incarnation, update);
    const writer = this.peers.find(({ mayWrite }) => mayWrite);
    for (const witness of this.#world.witnesses) {
      witness.wrote?.(client, name, update);
      if (writer !== undefined) witness.offered?.(writer, client, Number.MAX_SAFE_INTEGER);
    }
  }

  openTab(
    name: string,
    peer: SimulatedPeer,
    options: { stubborn?: boolean; roams?: boolean; budgetBytes?: number } = {},
  ): Browser {
    let first: SimulatedPeer | undefined = peer;
    const random = this.random.fork();
    const browser = new Browser({
      world: this.#world,
      random,
      place: `tab-${this.#places++}`,
      name,
      stubborn: options.stubborn ?? false,
      roams: options.roams ?? false,
      budgetBytes: options.budgetBytes ?? Number.POSITIVE_INFINITY,
      chooseWriter: () => random.pickOrNone(this.peers.filter(({ role, running }) => running && role === "writer")),
      choosePeer: () => {
        const chosen = first ?? random.pick(this.peers);
        first = undefined;
        return chosen;
      },
    });
    this.browsers.push(browser);
    return browser;
  }

  closeTab(browser: Browser): void {
    browser.close();
    this.browsers.splice(this.browsers.indexOf(browser), 1);
  }

  openHandle(name: string, peer: SimulatedPeer): Embedded {
    const handle = new Embedded({
      world: this.#world,
      random: this.random.fork(),
      peer,
      name,
      closed: (gone) => void this.handles.splice(this.handles.indexOf(gone), 1),
    });
    this.handles.push(handle);
    return handle;
  }

  deleteDocument(name: string, peer: SimulatedPeer): void {
    peer.submit({ type: "delete", request: peer.nextId(), name });
  }

  run(ms: number): void {
    this.timeline.runUntil(this.timeline.now + ms);
  }

  /** Runs until the condition holds; false when it does not within the time. */
  runUntil(condition: () => boolean, withinMs: number): boolean {
    const end = this.timeline.now + withinMs;
    while (!condition()) {
      if (this.timeline.now >= end) return false;
      this.run(500);
    }
    return true;
  }

  /** Cuts two groups of peers off from each other, in both directions. */
  cut(one: readonly SimulatedPeer[], other: readonly SimulatedPeer[]): void {
    this.#eachPair(one, other, (from, to) => this.network.cut(from, to));
  }

  heal(one: readonly SimulatedPeer[], other: readonly SimulatedPeer[]): void {
    this.#eachPair(one, other, (from, to) => this.network.heal(from, to));
  }

  #eachPair(
    one: readonly SimulatedPeer[],
    other: readonly SimulatedPeer[],
    action: (from: string, to: string) => void,
  ): void {
    for (const left of one) {
      for (const right of other) {
        action(left.place, right.place);
        action(right.place, left.place);
      }
    }
  }
}
