/**
 * Who is there: the awareness states of every document, of our own sessions and of other peers.
 *
 * Stock providers repeat to the server whatever they hear of others, so a message says little about who sent it. The
 * table therefore gives every client id an owner, and believes nobody else. Its rules, cited below:
 *
 * 1. A higher clock is believed from anybody, and makes the sender the owner.
 * 2. At an equal clock only the owner is believed, and only that the client is gone. From another peer it is also a
 *    renewal.
 * 3. For a while after the owner's connection broke, a session that states an equal clock in its first message takes
 *    over: a tab that reconnects repeats its clock.
 * 4. A lower clock is never believed. The clock of a client that is gone is remembered, so that rules 1 to 3 hold for
 *    it too.
 * 5. A state not renewed in time is gone, and so is every state of a session that closes.
 * 6. What would exceed a bound is ignored; remembered clocks make room for states.
 *
 * A client that goes away keeps its clock: `applyAwarenessUpdate` of y-protocols accepts a removal at an equal clock,
 * and a higher one would make other clients ignore a tab that comes back.
 */
import type { PresenceState, ProcessId } from "@yarrow/protocol";
import type { AnnouncePresence, SubscriberId } from "@yarrow/replica";
import { LifetimeQueue } from "./lifetime-queue.ts";
import { GONE } from "./presence-decode.ts";
import type { RelayConfig } from "./relay-limits.ts";

/** A session of ours, or the process whose session it is. */
export type PresenceOwner = SubscriberId | ProcessId;

interface Entry {
  readonly name: string;
  readonly clientId: number;
  clock: number;
  /** JSON text; "null" when the client is gone and only its clock is remembered. */
  state: string;
  owner: PresenceOwner;
}

/** Rough memory of an entry besides its text: the object, and its places in maps and queues. */
const ENTRY_BYTES = 200;

export class PresenceTable {
  readonly #config: RelayConfig;
  readonly #documents = new Map<string, Map<number, Entry>>();
  readonly #ownedBySession = new Map<SubscriberId, Set<Entry>>();
  /** States that are there, since their last renewal. */
  readonly #live: LifetimeQueue<Entry>;
  /** Those whose owner's connection broke. */
  readonly #grace: LifetimeQueue<Entry>;
  /** Clocks of those that are gone. */
  readonly #removed: LifetimeQueue<Entry>;
  /** States of our own sessions, since the other peers were last told. */
  readonly #announced: LifetimeQueue<Entry>;
  #changed = new Map<string, Set<Entry>>();
  #toAnnounce = new Map<string, Set<Entry>>();
  #bytes = 0;

  constructor(config: RelayConfig) {
    this.#config = config;
    this.#live = new LifetimeQueue(config.presenceMs);
    this.#grace = new LifetimeQueue(config.presenceGraceMs);
    this.#removed = new LifetimeQueue(config.presenceRemovedMs);
    this.#announced = new LifetimeQueue(config.presenceRenewalMs);
  }

  /** Clients that are there. */
  get size(): number {
    return this.#live.size;
  }

  /** Remembered clocks of clients that are gone. */
  get removedSize(): number {
    return this.#removed.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Takes in states that passed `faultOfState`. `first` marks the first awareness message of a session. */
  receive(name: string, owner: PresenceOwner, states: readonly PresenceState[], now: number, first: boolean): void {
    for (const state of states) {
      const entry = this.#documents.get(name)?.get(state.clientId);
      if (entry === undefined) this.#insert(name, owner, state, now);
      else if (state.clock > entry.clock) this.#replace(entry, owner, state, now);
      else if (state.clock === entry.clock) this.#repeat(entry, owner, state, now, first);
      // Else rule 4.
    }
  }

  /** A session has closed. `broken`: its tab may be back in a moment. */
  release(session: SubscriberId, broken: boolean, now: number): void {
    for (const entry of [...(this.#ownedBySession.get(session) ?? [])]) {
      if (broken) this.#grace.start(entry, now);
      else this.#remove(entry, now);
    }
  }

  /** Another peer cannot be reached any more: its sessions are gone from here until it is heard of again. */
  lose(origin: ProcessId, now: number): void {
    for (const entries of this.#documents.values()) {
      for (const entry of entries.values())
        if (entry.owner === origin && entry.state !== GONE) this.#remove(entry, now);
    }
  }

  /** Somebody elsewhere has begun to look: the states of our own sessions are told again. */
  announceAgain(name: string): void {
    for (const entry of this.#documents.get(name)?.values() ?? []) {
      if (typeof entry.owner === "number" && entry.state !== GONE) mark(this.#toAnnounce, entry);
    }
  }

  /**
   * Nobody here looks any more, so the other peers tell no more of who is there. What they told is out of date when somebody looks
   * again, and then they tell it anew.
   */
  forgetOthers(name: string): void {
    for (const entry of [...(this.#documents.get(name)?.values() ?? [])]) {
      if (typeof entry.owner === "number" || entry.state === GONE) continue;
      this.#disown(entry);
      this.#live.delete(entry);
      this.#changed.get(name)?.delete(entry);
      this.#forget(entry);
    }
  }

  /** Lets go what has had its time, and marks what the other peers must hear again. */
  expire(now: number): void {
    for (const entry of this.#live.takeDue(now)) this.#remove(entry, now);
    for (const entry of this.#grace.takeDue(now)) this.#remove(entry, now);
    for (const entry of this.#removed.takeDue(now)) this.#forget(entry);
    for (const entry of this.#announced.takeDue(now)) mark(this.#toAnnounce, entry);
  }

  nextDeadline(): number {
    return Math.min(
      this.#live.nextDeadline(),
      this.#grace.nextDeadline(),
      this.#removed.nextDeadline(),
      this.#announced.nextDeadline(),
    );
  }

  /** True when this is, word for word, the state of the client. */
  holds(name: string, clientId: number, state: string): boolean {
    return this.#documents.get(name)?.get(clientId)?.state === state;
  }

  /** What is known of a document, with the clients that are gone if asked for. */
  statesOf(name: string, withRemoved: boolean): PresenceState[] {
    const states: PresenceState[] = [];
    for (const { clientId, clock, state } of this.#documents.get(name)?.values() ?? []) {
      if (withRemoved || state !== GONE) states.push({ clientId, clock, state });
    }
    return states;
  }

  /** What changed since the last call, by document: each client once, as it is now. */
  takeChanged(): ReadonlyMap<string, readonly PresenceState[]> {
    const changed = new Map<string, readonly PresenceState[]>();
    for (const [name, entries] of this.#changed) changed.set(name, [...entries].map(stateOf));
    this.#changed = new Map();
    return changed;
  }

  get hasAnnouncements(): boolean {
    return this.#toAnnounce.size > 0;
  }

  /** What the other peers must hear of our own sessions, one event per document. */
  takeAnnouncements(now: number): AnnouncePresence[] {
    const announcements: AnnouncePresence[] = [];
    for (const [name, entries] of this.#toAnnounce) {
      // Another peer may have taken over a client since it was marked; then it is for that peer to tell.
      const ours = [...entries].filter((entry) => typeof entry.owner === "number");
      for (const entry of ours) if (entry.state !== GONE) this.#announced.start(entry, now);
      if (ours.length > 0) announcements.push({ type: "announce-presence", name, states: ours.map(stateOf) });
    }
    this.#toAnnounce = new Map();
    return announcements;
  }

  #insert(name: string, owner: PresenceOwner, { clientId, clock, state }: PresenceState, now: number): void {
    // Providers repeat every removal they see. From another peer, though, it may have overtaken the state it removes.
    if (state === GONE && typeof owner === "number") return;
    if (!this.#mayOwn(undefined, owner) || !this.#makeRoom(name, ENTRY_BYTES + 2 * state.length)) return;
    const entry: Entry = { name, clientId, clock, state, owner };
    let entries = this.#documents.get(name);
    if (entries === undefined) this.#documents.set(name, (entries = new Map<number, Entry>()));
    entries.set(clientId, entry);
    this.#bytes += bytesOf(entry);
    this.#own(entry, owner);
    this.#settle(entry, now);
  }

  /** Rule 1. */
  #replace(entry: Entry, owner: PresenceOwner, { clock, state }: PresenceState, now: number): void {
    if (state !== GONE && !this.#mayOwn(entry, owner)) return;
    const growth = 2 * (state.length - entry.state.length);
    if (growth > 0 && this.#bytes + growth > this.#config.presenceBytesMax) return;
    this.#disown(entry);
    this.#own(entry, owner);
    this.#bytes += growth;
    entry.clock = clock;
    entry.state = state;
    this.#settle(entry, now);
  }

  /** Rules 2 and 3. */
  #repeat(entry: Entry, owner: PresenceOwner, { state }: PresenceState, now: number, first: boolean): void {
    if (entry.state === GONE) return;
    if (entry.owner === owner) {
      if (state === GONE) this.#remove(entry, now);
      else if (typeof owner === "string") this.#live.start(entry, now);
      return;
    }
    // A provider that repeats others' states cannot do so in its first message: it has heard of nobody yet.
    const claims = state !== GONE && (first || typeof owner === "string");
    if (!claims || !this.#grace.has(entry) || !this.#mayOwn(entry, owner)) return;
    this.#disown(entry);
    this.#own(entry, owner);
    this.#live.start(entry, now);
    if (typeof owner === "number") this.#announced.start(entry, now);
  }

  #remove(entry: Entry, now: number): void {
    this.#bytes += 2 * (GONE.length - entry.state.length);
    entry.state = GONE;
    this.#settle(entry, now);
  }

  /** Puts an entry that changed into the queues of its kind, and marks it to be told. */
  #settle(entry: Entry, now: number): void {
    mark(this.#changed, entry);
    if (typeof entry.owner === "number") mark(this.#toAnnounce, entry);
    if (entry.state !== GONE) {
      this.#removed.delete(entry);
      this.#live.start(entry, now);
      return;
    }
    this.#disown(entry);
    this.#live.delete(entry);
    this.#removed.start(entry, now);
  }

  #own(entry: Entry, owner: PresenceOwner): void {
    entry.owner = owner;
    if (typeof owner !== "number") return;
    let owned = this.#ownedBySession.get(owner);
    if (owned === undefined) this.#ownedBySession.set(owner, (owned = new Set()));
    owned.add(entry);
  }

  /** The entry still names its owner afterwards: its removal is told in that owner's name. */
  #disown(entry: Entry): void {
    this.#grace.delete(entry);
    this.#announced.delete(entry);
    if (typeof entry.owner !== "number") return;
    const owned = this.#ownedBySession.get(entry.owner);
    owned?.delete(entry);
    if (owned?.size === 0) this.#ownedBySession.delete(entry.owner);
  }

  #mayOwn(entry: Entry | undefined, owner: PresenceOwner): boolean {
    const owned = typeof owner === "number" ? this.#ownedBySession.get(owner) : undefined;
    if (owned === undefined || (entry !== undefined && owned.has(entry))) return true;
    return owned.size < this.#config.presencePerSessionMax;
  }

  /** Rule 6. */
  #makeRoom(name: string, bytes: number): boolean {
    while (this.#bytes + bytes > this.#config.presenceBytesMax) {
      const oldest = this.#removed.oldest();
      if (oldest === undefined) return false;
      this.#forget(oldest);
    }
    const entries = this.#documents.get(name);
    if (entries === undefined || entries.size < this.#config.presenceStatesMax) return true;
    for (const entry of entries.values()) {
      if (entry.state !== GONE) continue;
      this.#forget(entry);
      return true;
    }
    return false;
  }

  #forget(entry: Entry): void {
    this.#removed.delete(entry);
    this.#bytes -= bytesOf(entry);
    const entries = this.#documents.get(entry.name);
    entries?.delete(entry.clientId);
    if (entries?.size === 0) this.#documents.delete(entry.name);
  }
}

function mark(marked: Map<string, Set<Entry>>, entry: Entry): void {
  const entries = marked.get(entry.name);
  if (entries === undefined) marked.set(entry.name, new Set([entry]));
  else entries.add(entry);
}

function stateOf({ clientId, clock, state }: Entry): PresenceState {
  return { clientId, clock, state };
}

function bytesOf(entry: Entry): number {
  return ENTRY_BYTES + 2 * entry.state.length;
}
