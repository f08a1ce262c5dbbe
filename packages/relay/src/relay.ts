/**
 * The outermost pure object of a peer: browser sessions in front, a replica behind. A batch of events is translated,
 * handed to the replica in one step, and what the replica answers is translated back into frames.
 *
 *     session events ─▶ attach, edit, detach, announce-presence ─▶ replica.step ─▶ answer, deliver, … ─▶ frames
 *
 * Events and effects that concern no session pass through in their places; so do `deliver`, `presence` and `rebound`,
 * which embedded handles need as well. Where to read on: `session.ts` for the states of a session, `attachments.ts` for
 * its moves, `session-table.ts` for how it comes and goes, `presence-table.ts` for awareness.
 *
 * 1. A frame takes effect whole or not at all.
 * 2. Nothing of a session but its SyncStep1 reaches the replica before that SyncStep1 has. Whatever a client sends
 *    earlier is dropped without loss: once attached it is asked for everything the replica lacks.
 * 3. A frame of a document is built once and shared by all who get it.
 * 4. Awareness of a session counts once the replica has not evicted it in the step of its attach, so that a stale tab
 *    is never seen.
 */
import { YarrowError } from "@yarrow/protocol";
import type { PresenceState } from "@yarrow/protocol";
import type { Effect, Event, PresenceChanged, SubscriberId } from "@yarrow/replica";
import { Attachments } from "./attachments.ts";
import { decodeClientFrame } from "./client-message.ts";
import type { ClientMessage } from "./client-message.ts";
import { CLOSE_INVALID, closeCodeOf } from "./close-code.ts";
import type { LifetimeQueue } from "./lifetime-queue.ts";
import { Outbox } from "./outbox.ts";
import { faultOfState } from "./presence-decode.ts";
import { PresenceTable } from "./presence-table.ts";
import { createRelayConfig } from "./relay-limits.ts";
import type { RelayConfig } from "./relay-limits.ts";
import type { ReplicaPort } from "./replica-port.ts";
import { presenceFrame, updateFrame } from "./server-frame.ts";
import type { SessionEffect } from "./session-effect.ts";
import type { SessionEvent } from "./session-event.ts";
import { SessionTable } from "./session-table.ts";
import { isAttached } from "./session.ts";
import type { Session } from "./session.ts";

export interface RelayOptions {
  readonly replica: ReplicaPort;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly config?: Partial<RelayConfig>;
}

/** Sizes of the relay's tables, for status and metrics. */
export interface RelayCounts {
  readonly sessions: number;
  /** Documents that a session is attached to. */
  readonly documents: number;
  /** Slow readers that have not caught up. */
  readonly congested: number;
  readonly parked: number;
  readonly denials: number;
  /** Awareness states, and remembered clocks of clients that are gone. */
  readonly presence: number;
  readonly presenceRemoved: number;
  readonly presenceBytes: number;
}

/** Effects that name one subscriber, and so concern a session or an embedded handle but never both. */
type SubscriberEffect = Extract<Effect, { readonly subscriber: SubscriberId }>;

export class Relay {
  readonly #replica: ReplicaPort;
  readonly #config: RelayConfig;
  readonly #outbox = new Outbox();
  readonly #presence: PresenceTable;
  readonly #sessions: SessionTable;
  readonly #attachments: Attachments;
  /** Sessions that were told the awareness too recently to be told again. */
  readonly #queriedLately: LifetimeQueue<Session>;
  /** Sessions that attached for the first time in this step. */
  readonly #newlyAttached = new Set<Session>();
  #now = 0;

  constructor({ replica, random, config }: RelayOptions) {
    this.#replica = replica;
    this.#config = createRelayConfig(config);
    this.#presence = new PresenceTable(this.#config);
    this.#sessions = new SessionTable(this.#config, this.#outbox, this.#presence, random);
    this.#queriedLately = this.#sessions.createQueue(this.#config.askIntervalMs);
    this.#attachments = new Attachments(this.#config, replica, this.#outbox, this.#presence, this.#sessions);
  }

  /** Handles a batch. `now` is in ms and never goes backwards. */
  step(events: readonly (SessionEvent | Event)[], now: number): (SessionEffect | Effect)[] {
    this.#now = now;
    this.#outbox.begin(now);
    this.#presence.expire(now);
    this.#sessions.keepTime(now);
    this.#attachments.keepTime(now);
    this.#queriedLately.takeDue(now);
    for (const event of events) this.#translateEvent(event);
    for (const announcement of this.#presence.takeAnnouncements(now)) this.#outbox.tell(announcement);
    for (const effect of this.#replica.step(this.#outbox.takeEvents(), now)) this.#translateEffect(effect);
    this.#admitAttached();
    this.#sendPresence();
    return this.#outbox.takeEffects();
  }

  /**
   * When `step` must be called again at the latest: the last step's `now` if something waits for the next one, Infinity
   * if nothing does.
   */
  nextDeadline(): number {
    if (this.#outbox.hasEvents || this.#presence.hasAnnouncements) return this.#now;
    return Math.min(
      this.#replica.nextDeadline(),
      this.#presence.nextDeadline(),
      this.#sessions.nextDeadline(),
      this.#attachments.nextDeadline(),
      this.#queriedLately.nextDeadline(),
    );
  }

  /** Open sessions, in whatever state. */
  sessions(): number {
    return this.#sessions.size;
  }

  /** Sessions attached to a document. */
  sessionsOf(name: string): number {
    return this.#sessions.audience(name)?.size ?? 0;
  }

  /** Awareness of everybody at a document, on any peer. */
  presenceOf(name: string): PresenceState[] {
    return this.#presence.statesOf(name, false);
  }

  counts(): RelayCounts {
    return {
      sessions: this.#sessions.size,
      documents: this.#sessions.documents,
      congested: this.#attachments.congested,
      parked: this.#sessions.parked,
      denials: this.#sessions.denials,
      presence: this.#presence.size,
      presenceRemoved: this.#presence.removedSize,
      presenceBytes: this.#presence.bytes,
    };
  }

  #translateEvent(event: SessionEvent | Event): void {
    switch (event.type) {
      case "session-opened":
        return this.#sessions.open(event.session, event.name, event.address);
      case "session-frame":
      case "session-closed":
      case "session-congested":
      case "session-drained": {
        const session = this.#sessions.get(event.session);
        if (session !== undefined) this.#translateSessionEvent(session, event);
        return;
      }
      default:
        this.#outbox.tell(event);
    }
  }

  #translateSessionEvent(session: Session, event: Exclude<SessionEvent, { readonly type: "session-opened" }>): void {
    switch (event.type) {
      case "session-frame":
        return this.#receive(session, event.bytes);
      case "session-closed":
        return this.#sessions.closed(session, event.abnormal);
      case "session-congested":
        return this.#attachments.fallBehind(session);
      case "session-drained":
        return this.#attachments.catchUp(session);
    }
  }

  #receive(session: Session, bytes: Uint8Array): void {
    if (session.state.kind === "parked") return;
    const knows = (clientId: number, state: string): boolean => this.#presence.holds(session.name, clientId, state);
    let messages: readonly ClientMessage[];
    try {
      messages = decodeClientFrame(bytes, this.#config, knows);
    } catch (error) {
      if (!(error instanceof YarrowError)) throw error;
      return this.#sessions.dismiss(session, CLOSE_INVALID, error.message);
    }
    for (const message of messages) this.#hear(session, message);
  }

  #hear(session: Session, message: ClientMessage): void {
    if (message.type === "sync-step-1") {
      if (this.#attachments.syncStep1(session, message.stateVector)) this.#newlyAttached.add(session);
      return;
    }
    if (!isAttached(session)) return;
    switch (message.type) {
      case "update":
        // Every client answers our SyncStep1, most with nothing. That needs no row, no echo, and no permission to
        // write.
        if (message.answer && isEmptyUpdate(message.update)) return;
        return this.#outbox.tell({
          type: "edit",
          subscriber: session.id,
          update: message.update,
          principal: "",
          perhapsRead: message.answer || hasNoStructs(message.update),
          // Of an answer that leaves a gap itself there is no more to be had.
          answersGaps: !message.answer,
        });
      case "awareness":
        if (session.admitted) this.#hearAwareness(session, message.states);
        else session.withheld.push(message.states);
        return;
      case "query-awareness":
        return this.#hearQuery(session);
      case "auth":
        return;
    }
  }

  #hearAwareness(session: Session, states: readonly PresenceState[]): void {
    this.#presence.receive(session.name, session.id, states, this.#now, session.presenceUnheard);
    session.presenceUnheard = false;
  }

  #hearQuery(session: Session): void {
    // Who is not live will be told with the answer.
    if (session.state.kind !== "live" || this.#queriedLately.has(session)) return;
    this.#queriedLately.start(session, this.#now);
    this.#outbox.sendAtOnce(session, presenceFrame(this.#presence.statesOf(session.name, false)));
  }

  #translateEffect(effect: Effect): void {
    switch (effect.type) {
      case "answer":
      case "saved":
      case "confirmed":
      case "echo":
      case "gap":
      case "evict": {
        const session = this.#sessions.get(effect.subscriber);
        if (session !== undefined) return this.#translateSessionEffect(session, effect);
        if (this.#sessions.wasLetGo(effect.subscriber)) return;
        break;
      }
      case "deliver":
        this.#attachments.deliver(effect);
        break;
      case "presence":
        this.#receivePresence(effect);
        break;
      case "presence-wanted":
        this.#presence.announceAgain(effect.name);
        break;
      case "presence-lost":
        this.#presence.lose(effect.origin, this.#now);
        break;
      default:
    }
    this.#outbox.pass(effect);
  }

  #translateSessionEffect(session: Session, effect: SubscriberEffect): void {
    if (!isAttached(session)) return;
    switch (effect.type) {
      case "answer":
        return this.#attachments.answer(session, effect);
      case "echo":
        return this.#attachments.echo(session, updateFrame(effect.update));
      case "gap":
        return this.#attachments.gap(session, effect.stateVector);
      case "evict":
        return this.#sessions.evicted(session, closeCodeOf(effect.reason), effect.detail);
      case "saved":
      case "confirmed":
        // The frame that came before it has told the client.
        return;
    }
  }

  /** States of other peers' sessions. Those peers have checked them, but what a browser is sent is our affair. */
  #receivePresence({ name, origin, states }: PresenceChanged): void {
    const { presenceClockMax, presenceStateBytesMax } = this.#config;
    const sound = states.filter(
      ({ clock, state }) =>
        clock <= presenceClockMax &&
        state.length <= presenceStateBytesMax &&
        faultOfState(state, this.#config) === undefined,
    );
    this.#presence.receive(name, origin, sound, this.#now, false);
  }

  /** Invariant 4. */
  #admitAttached(): void {
    for (const session of this.#newlyAttached) {
      if (!isAttached(session)) continue;
      session.admitted = true;
      for (const states of session.withheld) this.#hearAwareness(session, states);
      session.withheld.length = 0;
    }
    this.#newlyAttached.clear();
  }

  /** Everything of this step about who is at a document, in one frame. */
  #sendPresence(): void {
    for (const [name, states] of this.#presence.takeChanged()) {
      const audience = this.#sessions.audience(name);
      if (audience === undefined || audience.receivers().length === 0) continue;
      this.#outbox.broadcast(audience, presenceFrame(states));
    }
  }
}

/** A Yjs update, encoding V1, that only deletes: Yjs makes such by itself when it tidies up formatting that came from elsewhere. */
function hasNoStructs(update: Uint8Array): boolean {
  return update[0] === 0;
}

/** A Yjs update, encoding V1, of no structs and no deletions. */
function isEmptyUpdate(update: Uint8Array): boolean {
  return update.length === 2 && update[0] === 0 && update[1] === 0;
}
