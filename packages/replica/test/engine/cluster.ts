/** A few replicas over memory stores, joined by wires that deliver in order, driven by a clock that the test moves. */
import type { ClusterId, Message, PeerId, ProcessId, Role } from "@yarrow/protocol";
import { decodeFrame } from "@yarrow/protocol";
import * as Y from "yjs";
import { doWork } from "../../src/document/do-work.ts";
import { clusterIdOf } from "../../src/document/keys.ts";
import type { Effect, Fact } from "../../src/effect.ts";
import type { Event } from "../../src/event.ts";
import { MemoryStore } from "../../src/memory-store.ts";
import { Replica } from "../../src/replica.ts";
import { asVersion2 } from "./version-2.ts";

export const CLUSTER: ClusterId = clusterIdOf("test");

interface Wire {
  readonly from: Peer;
  readonly to: Peer;
  readonly fromLink: number;
  readonly toLink: number;
  readonly dialled: string;
}

/** A message as it went over a wire. */
export interface Sent {
  readonly from: Peer;
  readonly to: Peer;
  readonly message: Message;
}

/** The peer id that `add` gives to the nth peer. */
export function peerIdOf(number: number): PeerId {
  return number.toString(16).padStart(32, "0") as PeerId;
}

export class Peer {
  readonly replica: Replica;
  readonly store: MemoryStore;
  readonly url: string;
  readonly inbox: Event[] = [];
  /** Every effect so far, in order. */
  readonly effects: Effect[] = [];
  #marked = 0;

  constructor(replica: Replica, store: MemoryStore, url: string) {
    this.replica = replica;
    this.store = store;
    this.url = url;
  }

  /** From now on `of` and `facts` tell only of what is to come. */
  mark(): void {
    this.#marked = this.effects.length;
  }

  facts<K extends Fact["kind"]>(kind: K): Extract<Fact, { kind: K }>[] {
    return this.of("observe").flatMap(({ fact }) => (fact.kind === kind ? [fact as Extract<Fact, { kind: K }>] : []));
  }

  of<T extends Effect["type"]>(type: T): Extract<Effect, { type: T }>[] {
    return this.effects
      .slice(this.#marked)
      .filter((effect): effect is Extract<Effect, { type: T }> => effect.type === type);
  }
}

export class Cluster {
  readonly peers: Peer[] = [];
  now = 1_000_000;
  #nextLink = 1;
  #nextProcess = 1;
  readonly #wires: Wire[] = [];
  #seed: number;
  /** Set to keep what goes over the wires in `sent`. */
  records = false;
  readonly sent: Sent[] = [];
  /** Frames for which it says so are lost. */
  loses: (sent: Omit<Sent, "message"> & { readonly messages: () => Message[] }) => boolean = () => false;

  /** Frames for which it says so wait, and with them all that follow, until {@link flow} is called. */
  stalls: (from: Peer, to: Peer) => boolean = () => false;
  readonly #stalled: { readonly to: Peer; readonly event: Event }[] = [];

  /** Milliseconds that frames take; 0 = they are there in the same turn. */
  latencyMs = 0;
  readonly #underway: { readonly at: number; readonly to: Peer; readonly event: Event }[] = [];

  constructor(seed = 1) {
    this.#seed = seed;
  }

  add(
    options: {
      readonly peers?: readonly string[];
      readonly discovery?: boolean;
      readonly store?: MemoryStore;
      readonly clusterId?: ClusterId | undefined;
      readonly config?: ConstructorParameters<typeof Replica>[0]["config"];
      readonly copies?: ConstructorParameters<typeof Replica>[0]["copies"];
      readonly url?: string;
      /** False: it announces no address, and nobody can dial it. */
      readonly reachable?: boolean;
      readonly role?: Role;
      readonly credentials?: ConstructorParameters<typeof Replica>[0]["credentials"];
    } = {},
  ): Peer {
    const number = this.#nextProcess++;
    const url = options.url ?? `ws://peer-${number}:1`;
    const store = options.store ?? new MemoryStore({ peerId: peerIdOf(number) });
    const replica = new Replica({
      store,
      random: () => this.#random(),
      processId: number.toString(16).padStart(16, "0") as ProcessId,
      clusterId: "clusterId" in options ? options.clusterId : CLUSTER,
      addresses: options.reachable === false ? [] : [url],
      peers: options.peers ?? [],
      discovery: options.discovery ?? true,
      config: options.config ?? {},
      copies: options.copies ?? {},
      role: options.role ?? "writer",
      ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
      now: this.now,
    });
    const peer = new Peer(replica, store, options.reachable === false ? "" : url);
    this.peers.push(peer);
    return peer;
  }

  /** Takes a peer off the network and out of the cluster, as a crash does. */
  remove(peer: Peer): void {
    this.peers.splice(this.peers.indexOf(peer), 1);
    for (const wire of this.#wires.filter((one) => one.from === peer || one.to === peer)) this.#cut(wire);
  }

  step(peer: Peer, ...events: Event[]): Effect[] {
    const effects = peer.replica.step(events, this.now);
    peer.effects.push(...effects);
    for (const effect of effects) this.#perform(peer, effect);
    return effects;
  }

  /** Delivers everything under way and runs every deadline within `ms` of simulated time. */
  run(ms: number): void {
    const end = this.now + ms;
    for (let guard = 0; guard < 200_000; guard++) {
      const busy = this.peers.find((peer) => peer.inbox.length > 0);
      if (busy !== undefined) {
        this.step(busy, ...busy.inbox.splice(0));
        continue;
      }
      const due = Math.min(this.#underway[0]?.at ?? end + 1, ...this.peers.map((peer) => peer.replica.nextDeadline()));
      if (due > end) {
        this.now = end;
        return;
      }
      this.now = Math.max(this.now, due);
      while ((this.#underway[0]?.at ?? end + 1) <= this.now) {
        const { to, event } = this.#underway.shift()!;
        to.inbox.push(event);
      }
      for (const peer of this.peers) if (peer.replica.nextDeadline() <= this.now) this.step(peer);
    }
    throw new Error("the cluster does not come to rest");
  }

  /** Runs until the condition holds; fails when it does not within `ms` of simulated time. */
  until(condition: () => boolean, ms: number): number {
    const startedAt = this.now;
    while (!condition()) {
      if (this.now - startedAt > ms) throw new Error(`not within ${ms} ms`);
      this.run(10);
    }
    return this.now - startedAt;
  }

  /** What was stalled arrives, in order, and nothing is stalled from here on. */
  flow(): void {
    this.stalls = () => false;
    for (const { to, event } of this.#stalled.splice(0)) to.inbox.push(event);
  }

  /** Ends all links between two peers without a word, as a broken cable does. */
  cut(a: Peer, b: Peer): void {
    for (const wire of this.#wires.filter((one) => one.from === a && one.to === b)) this.#cut(wire);
  }

  /** The link ids of one peer that lead to another. */
  linksOf(peer: Peer, to: Peer): number[] {
    return this.#wires.filter((one) => one.from === peer && one.to === to).map(({ fromLink }) => fromLink);
  }

  get equal(): boolean {
    return new Set(this.roots()).size === 1;
  }

  roots(): string[] {
    return this.peers.map((peer) => peer.replica.status(this.now).root);
  }

  #perform(peer: Peer, effect: Effect): void {
    switch (effect.type) {
      case "dial":
        return this.#dial(peer, effect.url);
      case "send": {
        const wire = this.#wires.find((one) => one.from === peer && one.fromLink === effect.link);
        for (const bytes of effect.frames) if (wire !== undefined) this.#carry(wire, bytes);
        return;
      }
      case "close-link": {
        const wire = this.#wires.find((one) => one.from === peer && one.fromLink === effect.link);
        if (wire !== undefined) this.#cut(wire);
        return;
      }
      case "work":
        peer.inbox.push({ type: "work-done", work: effect.work, result: doWork(effect.job) });
        return;
      default:
    }
  }

  /** Peers for which it says so are of the release before: they say and understand only what version 2 did. */
  isOfVersion2: (peer: Peer) => boolean = () => false;

  #carry({ from, to, toLink }: Wire, sent: Uint8Array): void {
    const bytes = this.isOfVersion2(from) || this.isOfVersion2(to) ? asVersion2(sent) : sent;
    if (bytes.length === 0) return;
    const messages = (): Message[] => decodeFrame(bytes);
    if (this.loses({ from, to, messages })) return;
    if (this.records) for (const message of messages()) this.sent.push({ from, to, message });
    const event = { type: "link-frame", link: toLink, bytes: bytes.slice() } as const;
    if (this.stalls(from, to)) this.#stalled.push({ to, event });
    else if (this.latencyMs === 0) to.inbox.push(event);
    else this.#underway.push({ at: this.now + this.latencyMs, to, event });
  }

  #dial(peer: Peer, url: string): void {
    const other = this.peers.find((one) => one.url === url);
    if (other === undefined) {
      peer.inbox.push({ type: "dial-failed", url, reason: "nobody there" });
      return;
    }
    const fromLink = this.#nextLink++;
    const toLink = this.#nextLink++;
    this.#wires.push({ from: peer, to: other, fromLink, toLink, dialled: url });
    this.#wires.push({ from: other, to: peer, fromLink: toLink, toLink: fromLink, dialled: url });
    peer.inbox.push({ type: "link-opened", link: fromLink, dialled: url });
    other.inbox.push({ type: "link-opened", link: toLink, dialled: undefined });
  }

  #cut(wire: Wire): void {
    for (const one of this.#wires.filter(
      (other) => other.fromLink === wire.fromLink || other.toLink === wire.fromLink,
    )) {
      this.#wires.splice(this.#wires.indexOf(one), 1);
      one.to.inbox.push({ type: "link-closed", link: one.toLink, reason: "closed" });
    }
  }

  #random(): number {
    this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
    return this.#seed / 2 ** 32;
  }
}

let nextSubscriber = 1;
let nextClient = 1_000;

/** An editor: a Y.Doc that is a subscriber of one peer. */
export class Editor {
  readonly doc = new Y.Doc();
  readonly subscriber: number;
  readonly cluster: Cluster;
  readonly peer: Peer;
  readonly name: string;
  saved = 0;
  /** Edits that had to wait for copies, and need no longer. */
  confirmed = 0;
  sent = 0;
  evicted: string | undefined;
  /** A browser session, and no embedded handle. */
  readonly session: boolean;
  /** What it was sent of its own writing. */
  readonly echoes: Uint8Array[] = [];
  /** The state vector that came with the last answer. */
  asked: Uint8Array = new Uint8Array();
  answers = 0;
  #taken: number;

  constructor(
    cluster: Cluster,
    peer: Peer,
    name: string,
    ids: { readonly clientId?: number; readonly subscriber?: number; readonly session?: boolean } = {},
  ) {
    this.session = ids.session ?? false;
    this.cluster = cluster;
    this.peer = peer;
    this.name = name;
    this.#taken = peer.effects.length;
    this.subscriber = ids.subscriber ?? nextSubscriber++;
    this.doc.clientID = ids.clientId ?? nextClient++;
    this.doc.on("update", (update: Uint8Array, origin: unknown) => {
      if (origin === "remote") return;
      this.sent++;
      peer.inbox.push({ type: "edit", subscriber: this.subscriber, update, principal: "" });
    });
    this.attach();
  }

  attach(): void {
    this.evicted = undefined;
    const stateVector = Y.encodeStateVector(this.doc);
    this.peer.inbox.push({
      type: "attach",
      subscriber: this.subscriber,
      name: this.name,
      stateVector,
      countsCopies: !this.session,
    });
  }

  /** Takes in what its peer has shown since the last call. */
  take(): this {
    for (; this.#taken < this.peer.effects.length; this.#taken++) {
      const effect = this.peer.effects[this.#taken]!;
      if (effect.type === "answer" && effect.subscriber === this.subscriber) {
        Y.applyUpdate(this.doc, effect.update, "remote");
        this.asked = effect.stateVector;
        this.answers++;
      } else if (effect.type === "deliver" && effect.name === this.name) this.#show(effect);
      else if (effect.type === "echo" && effect.subscriber === this.subscriber) this.#echoed(effect.update);
      else if (effect.type === "confirmed" && effect.subscriber === this.subscriber) this.confirmed += effect.edits;
      else if (effect.type === "saved" && effect.subscriber === this.subscriber) this.saved += effect.edits;
      else if (effect.type === "evict" && effect.subscriber === this.subscriber) this.evicted = effect.reason;
      else if (effect.type === "gap" && effect.subscriber === this.subscriber) this.answer(effect.stateVector);
    }
    return this;
  }

  get text(): string {
    return this.doc.getText("t").toString();
  }

  /** How much of its own writing it has been told is kept. */
  get echoed(): number {
    return Math.max(0, ...this.echoes.map((update) => Y.parseUpdateMeta(update).to.get(this.doc.clientID) ?? 0));
  }

  #show({ update, writers, deferred }: Extract<Effect, { type: "deliver" }>): void {
    const mine = this.session ? deferred?.find(({ subscriber }) => subscriber === this.subscriber) : undefined;
    if (mine?.others !== undefined) Y.applyUpdate(this.doc, mine.others, "remote");
    if (mine === undefined && writers.includes(this.subscriber)) this.#echoed(update);
    else if (mine === undefined) Y.applyUpdate(this.doc, update, "remote");
  }

  #echoed(update: Uint8Array): void {
    this.echoes.push(update);
    Y.applyUpdate(this.doc, update, "remote");
  }

  /** Sends everything it holds, as a browser does that came back. */
  send(): this {
    const update = this.everything();
    this.peer.inbox.push({ type: "edit", subscriber: this.subscriber, update, principal: "" });
    return this;
  }

  /** Answers a question for what the peer lacks, as a browser answers SyncStep1. */
  answer(stateVector?: Uint8Array): this {
    const update = Y.encodeStateAsUpdate(this.doc, stateVector);
    const edit = { type: "edit", subscriber: this.subscriber, update, principal: "", perhapsRead: true } as const;
    this.peer.inbox.push(edit);
    return this;
  }

  everything(): Uint8Array {
    return Y.encodeStateAsUpdate(this.doc);
  }

  stateVector(): Uint8Array {
    return Y.encodeStateVector(this.doc);
  }

  type(text: string, at = this.doc.getText("t").length): this {
    this.doc.getText("t").insert(at, text);
    return this;
  }
}

/** What a peer's stored rows give when loaded by Yjs. */
export function textOf(peer: Peer, name: string, now: number): string | undefined {
  const read = peer.replica.read(name, now);
  if (read === undefined || read.row.incarnation % 2 === 0) return undefined;
  const doc = new Y.Doc();
  for (const part of read.parts) Y.applyUpdate(doc, part);
  return doc.getText("t").toString();
}
