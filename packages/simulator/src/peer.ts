/**
 * A simulated peer: a production relay over a production replica over a memory store, and around them what the shell of a
 * real peer does: it batches what happens, commits, performs effects after the commit, and wakes the engine at its deadlines.
 *
 * 1. While a commit is on its way to the disk, what arrives waits for the next batch. Effects leave when the commit is done.
 * 2. A crash in that time loses the effects, and by chance the commit: nobody has seen either.
 */
import type { Incarnation, ProcessId, Role } from "@yarrow/protocol";
import { Relay } from "@yarrow/relay";
import type { SessionEffect, SessionEvent } from "@yarrow/relay";
import { Replica, StoreFailedError, doWork } from "@yarrow/replica";
import type { Effect, Event, SubscriberId } from "@yarrow/replica";
import { Clock } from "./clock.ts";
import type { Disk } from "./disk.ts";
import type { Connection, Place } from "./network.ts";
import type { PeerSettings } from "./peer-settings.ts";
import type { Random } from "./random.ts";
import { observeFact } from "./peer-facts.ts";
import { Sockets } from "./sockets.ts";
import { violated } from "./witness.ts";
import type { World } from "./world.ts";

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
  readonly sockets: Sockets;
  readonly handles: Map<SubscriberId, Handle>;
  readonly clock: Clock;
  inbox: AnyEvent[];
  stepAt: number | undefined;
  committing: { readonly effects: readonly AnyEffect[]; readonly transactions: number } | undefined;
  stepsInPlace: number;
  lastStepAt: number;
  pausedUntil: number;
}

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
  #followerAt = Number.NEGATIVE_INFINITY;

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

  get processId(): ProcessId | undefined {
    return this.#process?.id;
  }

  get replica(): Replica | undefined {
    return this.#process?.replica;
  }

  get relay(): Relay | undefined {
    return this.#process?.relay;
  }

  /** Sockets of browsers that are open now. */
  get sessions(): number {
    return this.#process?.sockets.sessions ?? 0;
  }

  get handles(): number {
    return this.#process?.handles.size ?? 0;
  }

  /** Events that wait for the next step. */
  get waiting(): number {
    return this.#process?.inbox.length ?? 0;
  }

  /** As it is on the disk: what a running peer does from the end of the step that set it, and a stopped one when it starts. */
  get role(): Role {
    return this.disk.store.readRole() ?? this.settings.role;
  }

  /** What is sent to it now may be taken as a write. */
  get mayWrite(): boolean {
    return this.role === "writer" || (this.#process?.inbox.some(isPromotion) ?? false);
  }

  /** It was a follower not long ago. */
  wasFollower(withinMs: number): boolean {
    return this.role === "follower" || this.#world.timeline.now - this.#followerAt <= withinMs;
  }

  setRole(role: Role): void {
    if (this.#process === undefined) return;
    if (role === "writer") for (const witness of this.#world.witnesses) witness.promoted?.(this);
    this.submit({ type: "set-role", request: this.nextId(), role });
  }

  /** True when everything that happened has been stepped and performed. */
  get idle(): boolean {
    return this.#process === undefined || (this.#process.inbox.length === 0 && this.#process.committing === undefined);
  }

  now(): number {
    const { now } = this.#world.timeline;
    return this.#process?.clock.at(now) ?? now;
  }

  /** Its clock leaps forward. */
  leap(ms: number): void {
    const process = this.#process;
    if (process === undefined) return;
    process.clock.leap(ms);
    this.#schedule(process, this.#world.timeline.now);
  }

  incarnationOf(name: string): Incarnation {
    return this.disk.store.readDocument(name)?.incarnation ?? 0;
  }

  start(): void {
    const { timeline, clusterId, replicaConfig, relayConfig } = this.#world;
    const random = this.#random.fork();
    const clock = new Clock(timeline.now, this.#random, this.#world.severe);
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
      copies: this.settings.copies ?? {},
      role: this.settings.role,
      now: clock.at(timeline.now),
    });
    const sockets = new Sockets({
      world: this.#world,
      place: this.place,
      random: this.#random.fork(),
      submit: (event) => {
        if (sockets === this.#process?.sockets) this.submit(event);
      },
      nextId: () => this.nextId(),
      incarnationOf: (name) => this.incarnationOf(name),
      sent: (address, name, frame) => {
        if (this.settings.copies === undefined) return;
        for (const witness of this.#world.witnesses) witness.sent?.(this, address, name, frame);
      },
    });
    const relay = new Relay({ replica, random: () => random.next(), config: relayConfig });
    this.disk.takeTransactions();
    this.disk.takeWritten();
    this.#process = {
      id,
      replica,
      relay,
      sockets,
      handles: new Map(),
      clock,
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
    let lost = lose;
    const process = this.#process;
    if (process === undefined) return;
    const { counters, witnesses } = this.#world;
    this.#process = undefined;
    this.crashOnCommit = undefined;
    this.#note("crash");
    const { committing } = process;
    if (committing !== undefined && committing.transactions > 0) {
      if (committing.effects.some(({ type }) => type === "deliver" || type === "echo"))
        counters.crashesWithEchoInFlight++;
      if (this.#random.chance(0.5)) lost += committing.transactions;
    }
    if (lost > 0) {
      counters.transactionsLost += this.disk.loseTail(lost, { forgetSequence: this.#random.chance(0.5) });
      for (const witness of witnesses) witness.lost?.(this);
    }
    for (const handle of [...process.handles.values()]) handle.gone();
    process.sockets.breakAll();
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
    if (this.#process === undefined) connection.break();
    else this.#process.sockets.accept(connection, name, address);
  }

  /** Another peer has connected. */
  acceptLink(connection: Connection): void {
    if (this.#process === undefined) connection.break();
    else this.#process.sockets.addLink(connection, 1, undefined);
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
    const wasWriter = this.role === "writer";
    let effects: AnyEffect[];
    try {
      effects = process.relay.step(batch, this.now());
    } catch (error) {
      if (error instanceof StoreFailedError) return this.crash(0);
      throw error;
    }
    const transactions = this.disk.takeTransactions();
    const written = this.disk.takeWritten();
    const { role } = this;
    const originates = wasWriter || role === "writer";
    if (role === "follower") this.#followerAt = timeline.now;
    if (written.length > 0) {
      const asked = new Set(batch.flatMap((event) => (originates && event.type === "delete" ? [event.name] : [])));
      for (const witness of witnesses) witness.written?.(this, written, { asked, originates });
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
    this.#schedule(process, process.clock.whenShows(deadline));
  }

  #perform(process: Process, effect: AnyEffect): void {
    const { witnesses, counters } = this.#world;
    switch (effect.type) {
      case "session-send":
        return process.sockets.sendToSessions(effect.sessions, effect.frame);
      case "session-close":
        return process.sockets.closeSession(effect.session, effect.code);
      case "send":
        return process.sockets.send(effect.link, effect.frames);
      case "close-link":
        return process.sockets.closeLink(effect.link);
      case "dial":
        return process.sockets.dial(effect.url);
      case "work": {
        const result = doWork(effect.job);
        this.#world.timeline.after(this.#random.exponential(40), () => {
          if (process === this.#process) this.submit({ type: "work-done", work: effect.work, result });
        });
        return;
      }
      case "observe":
        return observeFact(this, effect.fact, this.#world);
      case "deleted":
        if (effect.failure?.code === "YARROW_FOLLOWER") counters.deletionsRefused++;
        return;
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

function isPromotion(event: AnyEvent): boolean {
  return event.type === "set-role" && event.role === "writer";
}
