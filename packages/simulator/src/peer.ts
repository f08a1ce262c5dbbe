/**
 * A simulated peer: a production relay over a production replica over a memory store, and around them what the shell of a
 * real peer does: it batches what happens, commits, performs effects after the commit, and wakes the engine at its deadlines.
 *
 * 1. While a commit is on its way to the disk, what arrives waits for the next batch. Effects leave when the commit is done.
 * 2. A crash in that time loses the effects, and by chance the commit: nobody has seen either.
 */
import type { ClusterId, Incarnation, ProcessId } from "@yarrow/protocol";
import { Relay } from "@yarrow/relay";
import type { RelayConfig, SessionEffect, SessionEvent } from "@yarrow/relay";
import { Replica, StoreFailedError, doWork } from "@yarrow/replica";
import type { Effect, Event, LinkId, ReplicaConfig, SubscriberId } from "@yarrow/replica";
import type { Counters } from "./counters.ts";
import type { Disk } from "./disk.ts";
import type { Connection, Network, Place } from "./network.ts";
import { ABNORMAL } from "./network.ts";
import type { Random } from "./random.ts";
import type { Timeline } from "./timeline.ts";
import type { Trace } from "./trace.ts";
import type { Witness } from "./witness.ts";
import { violated } from "./witness.ts";

export interface World {
  readonly timeline: Timeline;
  readonly network: Network;
  readonly trace: Trace;
  readonly counters: Counters;
  readonly witnesses: readonly Witness[];
  readonly clusterId: ClusterId;
  readonly replicaConfig: Partial<ReplicaConfig>;
  readonly relayConfig: Partial<RelayConfig>;
  /** Who answers at an address. */
  readonly peerAt: (url: string) => SimulatedPeer | undefined;
  readonly linkBudgetBytes: number;
}

export interface PeerSettings {
  readonly place: Place;
  readonly url: string;
  readonly durability: "full" | "normal";
  /** Addresses it is told to dial. */
  readonly peers: readonly string[];
  readonly discovery: boolean;
}

type AnyEvent = Event | SessionEvent;
type AnyEffect = Effect | SessionEffect;

/** Someone in the peer's own process. */
interface Handle {
  readonly take: (effect: Effect) => void;
  /** The process has ended. */
  readonly gone: () => void;
}

/** What lives and dies with the process. */
interface Process {
  readonly id: ProcessId;
  readonly replica: Replica;
  readonly relay: Relay;
  readonly links: Map<LinkId, { readonly connection: Connection; readonly side: 0 | 1 }>;
  readonly sessions: Map<SubscriberId, { readonly connection: Connection; readonly name: string }>;
  readonly handles: Map<SubscriberId, Handle>;
  readonly clockOffsetMs: number;
  inbox: AnyEvent[];
  stepAt: number | undefined;
  committing: { readonly effects: readonly AnyEffect[]; readonly transactions: number } | undefined;
  stepsInPlace: number;
  lastStepAt: number;
  pausedUntil: number;
}

/** Peers' clocks start at this time of 2026. */
const CLOCK_START_MS = 1_780_000_000_000;
/** An engine that wakes itself this often without time passing does not come to rest. */
const STEPS_IN_PLACE_MAX = 10_000;

export class SimulatedPeer {
  readonly place: Place;
  readonly settings: PeerSettings;
  disk: Disk;
  /** Crash as soon as an edit is being committed. */
  crashOnCommit: (() => void) | undefined;
  readonly #world: World;
  readonly #random: Random;
  #process: Process | undefined;
  #nextId = 1;
  slowDisk = false;

  constructor(world: World, random: Random, disk: Disk, settings: PeerSettings) {
    this.#world = world;
    this.#random = random;
    this.disk = disk;
    this.settings = settings;
    this.place = settings.place;
  }

  get running(): boolean {
    return this.#process !== undefined;
  }

  get replica(): Replica | undefined {
    return this.#process?.replica;
  }

  get relay(): Relay | undefined {
    return this.#process?.relay;
  }

  /** Sockets of browsers that are open now. */
  get sessions(): number {
    return this.#process?.sessions.size ?? 0;
  }

  get handles(): number {
    return this.#process?.handles.size ?? 0;
  }

  /** Events that wait for the next step. */
  get waiting(): number {
    return this.#process?.inbox.length ?? 0;
  }

  /** True when everything that happened has been stepped and performed. */
  get idle(): boolean {
    return this.#process === undefined || (this.#process.inbox.length === 0 && this.#process.committing === undefined);
  }

  now(): number {
    return CLOCK_START_MS + this.#world.timeline.now + (this.#process?.clockOffsetMs ?? 0);
  }

  incarnationOf(name: string): Incarnation {
    return this.disk.store.readDocument(name)?.incarnation ?? 0;
  }

  start(): void {
    const { timeline, clusterId, replicaConfig, relayConfig } = this.#world;
    const random = this.#random.fork();
    const clockOffsetMs = this.#random.chance(0.1) ? this.#random.between(-600_000, 600_000) : this.#random.between(0, 5_000);
    const id = random.hex(16) as ProcessId;
    const { store } = this.disk;
    if (store.readClusterId() === undefined) store.transaction(() => store.writeClusterId(clusterId));
    const replica = new Replica({
      store,
      random: () => random.next(),
      processId: id,
      clusterId,
      addresses: [this.settings.url],
      peers: this.settings.peers,
      discovery: this.settings.discovery,
      config: replicaConfig,
      now: CLOCK_START_MS + timeline.now + clockOffsetMs,
    });
    const relay = new Relay({ replica, random: () => random.next(), config: relayConfig });
    this.disk.takeTransactions();
    this.disk.takeWritten();
    this.#process = {
      id,
      replica,
      relay,
      links: new Map(),
      sessions: new Map(),
      handles: new Map(),
      clockOffsetMs,
      inbox: [],
      stepAt: undefined,
      committing: undefined,
      stepsInPlace: 0,
      lastStepAt: -1,
      pausedUntil: 0,
    };
    this.#note("start");
    this.#schedule(this.#process, timeline.now);
  }

  /** The process is gone, and with it all that was not on the disk. `lose`: transactions that were not synced. */
  crash(lose: number): void {
    const process = this.#process;
    if (process === undefined) return;
    const { counters, witnesses } = this.#world;
    this.#process = undefined;
    this.crashOnCommit = undefined;
    this.#note("crash");
    const { committing } = process;
    const { store } = this.disk;
    if (committing !== undefined && committing.transactions > 0) {
      if (committing.effects.some(({ type }) => type === "deliver" || type === "echo")) counters.crashesWithEchoInFlight++;
      if (this.#random.chance(0.5)) lose += committing.transactions;
    }
    if (lose > 0) {
      counters.transactionsLost += store.loseTail(lose, { forgetSequence: this.#random.chance(0.5) });
      for (const witness of witnesses) witness.lost?.(this);
    }
    for (const handle of [...process.handles.values()]) handle.gone();
    for (const { connection, side } of process.links.values()) connection.break(side);
    for (const { connection } of process.sessions.values()) connection.break(1);
  }

  /** The machine stands still for a while; sockets stay open. */
  pause(ms: number): void {
    const process = this.#process;
    if (process === undefined) return;
    process.pausedUntil = Math.max(process.pausedUntil, this.#world.timeline.now + ms);
  }

  /** Ends a pause. */
  resume(): void {
    const process = this.#process;
    if (process === undefined) return;
    process.pausedUntil = 0;
    this.#schedule(process, this.#world.timeline.now);
  }

  submit(event: AnyEvent): void {
    const process = this.#process;
    if (process === undefined) return;
    process.inbox.push(event);
    this.#schedule(process, this.#world.timeline.now);
  }

  /** A number for a request, session or handle of this process. */
  nextId(): number {
    return this.#nextId++;
  }

  /** An embedded handle: effects that name it are handed to it. */
  embed(id: SubscriberId, handle: Handle): void {
    this.#process?.handles.set(id, handle);
  }

  unembed(id: SubscriberId): void {
    this.#process?.handles.delete(id);
  }

  /** A browser has connected. */
  accept(connection: Connection, name: string, address: string): void {
    const process = this.#process;
    if (process === undefined) return connection.break();
    const session = this.nextId();
    process.sessions.set(session, { connection, name });
    this.submit({ type: "session-opened", session, name, address });
    connection.listen(1, {
      frame: (bytes) => this.submit({ type: "session-frame", session, bytes }),
      closed: (code) => {
        process.sessions.delete(session);
        this.submit({ type: "session-closed", session, abnormal: code === ABNORMAL });
      },
      congested: () => this.submit({ type: "session-congested", session }),
      drained: () => this.submit({ type: "session-drained", session }),
    });
  }

  /** Another peer has connected. */
  acceptLink(connection: Connection): void {
    this.#addLink(connection, 1, undefined);
  }

  #addLink(connection: Connection, side: 0 | 1, dialled: string | undefined): void {
    const process = this.#process;
    if (process === undefined) return connection.break();
    const link = this.nextId();
    const { counters, trace, timeline } = this.#world;
    process.links.set(link, { connection, side });
    this.submit({ type: "link-opened", link, dialled });
    connection.listen(side, {
      frame: (bytes) => {
        counters.linkFrames++;
        trace.note(timeline.now, this.place, "link frame", bytes);
        this.submit({ type: "link-frame", link, bytes });
      },
      closed: () => {
        process.links.delete(link);
        this.submit({ type: "link-closed", link, reason: "the connection is gone" });
      },
      congested: () => {
        counters.congestedLinks++;
        this.submit({ type: "link-congested", link });
      },
      drained: () => this.submit({ type: "link-drained", link }),
    });
  }

  #schedule(process: Process, time: number): void {
    if (process.committing !== undefined) return;
    const at = Math.max(time, process.pausedUntil, this.#world.timeline.now);
    if (process.stepAt !== undefined && process.stepAt <= at) return;
    process.stepAt = at;
    this.#world.timeline.at(at, () => {
      if (process !== this.#process || process.stepAt !== at || process.committing !== undefined) return;
      process.stepAt = undefined;
      if (process.pausedUntil > at) this.#schedule(process, at);
      else this.#step(process);
    });
  }

  #step(process: Process): void {
    const { timeline, counters, witnesses } = this.#world;
    this.#assertProgress(process);
    const batch = process.inbox;
    process.inbox = [];
    counters.steps++;
    let effects: AnyEffect[];
    try {
      effects = process.relay.step(batch, this.now());
    } catch (error) {
      if (error instanceof StoreFailedError) return this.crash(0);
      throw error;
    }
    const transactions = this.disk.takeTransactions();
    const written = this.disk.takeWritten();
    if (written.length > 0) {
      const asked = new Set(batch.flatMap((event) => (event.type === "delete" ? [event.name] : [])));
      for (const witness of witnesses) witness.written?.(this, written, asked);
    }
    counters.commits += transactions;
    process.committing = { effects, transactions };
    const commitMs = this.#commitMs(transactions);
    if (commitMs === 0) return this.#finish(process);
    timeline.after(commitMs, () => {
      if (process === this.#process) this.#finish(process);
    });
    const edits = batch.some(({ type }) => type === "edit" || type === "session-frame");
    if (this.crashOnCommit !== undefined && edits && effects.some(({ type }) => type === "deliver")) {
      const crash = this.crashOnCommit;
      this.crashOnCommit = undefined;
      timeline.after(Math.floor(commitMs / 2), () => {
        if (process === this.#process) crash();
      });
    }
  }

  /** How long the disk takes to make it durable. */
  #commitMs(transactions: number): number {
    if (transactions === 0 || this.settings.durability === "normal") return 0;
    if (this.slowDisk) return this.#random.between(50, 400);
    return this.#random.between(1, 6);
  }

  #finish(process: Process): void {
    const { effects } = process.committing ?? { effects: [] };
    process.committing = undefined;
    for (const effect of effects) this.#perform(process, effect);
    if (process !== this.#process) return;
    if (process.inbox.length > 0) return this.#schedule(process, this.#world.timeline.now);
    const deadline = process.relay.nextDeadline();
    if (deadline === Number.POSITIVE_INFINITY) return;
    this.#schedule(process, Math.ceil(deadline - CLOCK_START_MS - process.clockOffsetMs));
  }

  #perform(process: Process, effect: AnyEffect): void {
    const { witnesses, counters } = this.#world;
    switch (effect.type) {
      case "session-send":
        return this.#sendToSessions(process, effect.sessions, effect.frame);
      case "session-close":
        process.sessions.get(effect.session)?.connection.close(1, effect.code);
        process.sessions.delete(effect.session);
        return;
      case "send": {
        const link = process.links.get(effect.link);
        for (const frame of effect.frames) link?.connection.send(link.side, frame);
        return;
      }
      case "close-link": {
        const link = process.links.get(effect.link);
        if (link === undefined) return;
        link.connection.close(link.side, 1000);
        process.links.delete(effect.link);
        // The socket takes its time to say goodbye.
        this.#world.timeline.after(this.#random.between(1, 1_000), () => {
          if (process === this.#process) this.submit({ type: "link-closed", link: effect.link, reason: "closed" });
        });
        return;
      }
      case "dial":
        return this.#dial(process, effect.url);
      case "work": {
        const result = doWork(effect.job);
        this.#world.timeline.after(this.#random.between(1, 40), () => {
          if (process === this.#process) this.submit({ type: "work-done", work: effect.work, result });
        });
        return;
      }
      case "observe":
        return this.#observe(effect.fact, counters);
      case "deliver":
        for (const witness of witnesses) witness.shown?.(this, effect);
        for (const handle of [...process.handles.values()]) handle.take(effect);
        return;
      case "answer":
      case "saved":
      case "echo":
      case "gap":
      case "evict":
        process.handles.get(effect.subscriber)?.take(effect);
        return;
      case "copies":
        if (effect.failure === undefined) counters.copiesReached++;
        return;
      default:
    }
  }

  #sendToSessions(process: Process, sessions: readonly SubscriberId[], frame: Uint8Array): void {
    const { trace, timeline } = this.#world;
    trace.note(timeline.now, this.place, "session frame", frame);
    for (const id of sessions) {
      const session = process.sessions.get(id);
      // Checkers want to know of which incarnation it tells.
      session?.connection.send(1, frame, this.incarnationOf(session.name));
    }
  }

  #observe(fact: Extract<Effect, { type: "observe" }>["fact"], counters: Counters): void {
    if (fact.kind === "round-ended" && fact.documents > 0) counters.roundsThatRepaired++;
    else if (fact.kind === "compacted") counters.compactions++;
    else if (fact.kind === "commit-failed" && fact.code === "YARROW_STORE_FULL") counters.refusedForRoom++;
    else if (fact.kind === "reconciliation-stuck") this.#note("reconciliation stuck");
    else if (fact.kind === "quarantined") violated("storage", `${this.place} found damage in ${fact.name}: ${fact.detail}`);
    else if (fact.kind === "refused-update" && fact.code === "YARROW_UPDATE_INVALID") {
      violated("validation", `${this.place} refused an update of ${fact.name}: ${fact.detail}`);
    }
  }

  #dial(process: Process, url: string): void {
    const { network, timeline, peerAt, linkBudgetBytes } = this.#world;
    const other = peerAt(url);
    const unreachable = (): boolean =>
      other === undefined || !other.running || network.isCut(this.place, other.place) || network.isCut(other.place, this.place);
    const delay = other === undefined ? 1 : 2 * network.delay(this.place, other.place);
    timeline.after(unreachable() ? delay + this.#random.between(1, 2_000) : delay, () => {
      if (process !== this.#process) return;
      if (other === undefined || unreachable()) {
        this.submit({ type: "dial-failed", url, reason: "nobody answers" });
        return;
      }
      const connection = network.connect(this.place, other.place, true);
      connection.budgetBytes = linkBudgetBytes;
      this.#addLink(connection, 0, url);
      other.acceptLink(connection);
    });
  }

  #assertProgress(process: Process): void {
    const { now } = this.#world.timeline;
    process.stepsInPlace = process.lastStepAt === now ? process.stepsInPlace + 1 : 0;
    process.lastStepAt = now;
    if (process.stepsInPlace > STEPS_IN_PLACE_MAX) violated("rest", `${this.place} wakes itself without end`);
  }

  #note(what: string): void {
    this.#world.trace.note(this.#world.timeline.now, this.place, what);
  }
}
