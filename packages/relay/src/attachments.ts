/**
 * What ties sessions to documents: their questions, the answers, what is new, and slow readers. The states and their
 * invariants stand in `session.ts` and are cited here by number.
 */
import type { Answer, Deliver } from "@yarrow/replica";
import { CLOSE_OVERLOADED } from "./close-code.ts";
import type { LifetimeQueue } from "./lifetime-queue.ts";
import type { Outbox } from "./outbox.ts";
import type { PresenceTable } from "./presence-table.ts";
import type { RelayConfig } from "./relay-limits.ts";
import type { ReplicaPort } from "./replica-port.ts";
import { presenceFrame, syncStep1Frame, syncStep2Frame, updateFrame } from "./server-frame.ts";
import type { SessionTable } from "./session-table.ts";
import type { Session } from "./session.ts";

export class Attachments {
  readonly #config: RelayConfig;
  readonly #outbox: Outbox;
  readonly #presence: PresenceTable;
  readonly #sessions: SessionTable;
  readonly #replica: ReplicaPort;
  readonly #congested: LifetimeQueue<Session>;
  /** Sessions that attached, or were asked about a gap, too recently for it to happen again. */
  readonly #attachedLately: LifetimeQueue<Session>;
  readonly #askedLately: LifetimeQueue<Session>;
  /** Frames of answers, so that joiners who share an answer share its frame. */
  readonly #answerFrames = new WeakMap<Uint8Array, Uint8Array>();
  #now = 0;

  constructor(
    config: RelayConfig,
    replica: ReplicaPort,
    outbox: Outbox,
    presence: PresenceTable,
    sessions: SessionTable,
  ) {
    this.#config = config;
    this.#outbox = outbox;
    this.#presence = presence;
    this.#sessions = sessions;
    this.#replica = replica;
    this.#congested = sessions.createQueue(config.congestedMs);
    this.#attachedLately = sessions.createQueue(config.askIntervalMs);
    this.#askedLately = sessions.createQueue(config.askIntervalMs);
  }

  get congested(): number {
    return this.#congested.size;
  }

  keepTime(now: number): void {
    this.#now = now;
    for (const session of this.#congested.takeDue(now)) this.#losePatience(session);
    for (const session of this.#askedLately.takeDue(now)) {
      if (session.gapStateVector !== undefined) this.gap(session, session.gapStateVector);
    }
    for (const session of this.#attachedLately.takeDue(now)) {
      if (session.repeatedStateVector !== undefined) this.#attachAgain(session, session.repeatedStateVector);
    }
  }

  nextDeadline(): number {
    return Math.min(
      this.#congested.nextDeadline(),
      this.#askedLately.nextDeadline(),
      this.#attachedLately.nextDeadline(),
    );
  }

  /** The client says what it has. Returns true when it attached by that for the first time. */
  syncStep1(session: Session, stateVector: Uint8Array): boolean {
    const { state } = session;
    if (state.kind === "silent") {
      session.state = { kind: "joining", known: stateVector, ask: true, again: false, held: [], heldBytes: 0 };
      this.#sessions.join(session);
      this.#attachedLately.start(session, this.#now);
      this.#attach(session, stateVector);
      return true;
    }
    if (state.kind === "congested") {
      // The client's own word is better than what is remembered, and invariant 2 holds for it.
      state.known = stateVector;
      state.ask = true;
    } else if (this.#attachedLately.has(session)) session.repeatedStateVector = stateVector;
    else this.#attachAgain(session, stateVector);
    return false;
  }

  /** What the session lacks. Invariant 3: an answer that a later one will cover is dropped. */
  answer(session: Session, { update, stateVector }: Answer): void {
    session.answersDue -= 1;
    const { state } = session;
    if (state.kind === "congested" || session.answersDue > 0) return;
    session.answerBytes = update.length;
    this.#outbox.sendAtOnce(session, this.#answerFrame(update));
    if (state.kind !== "joining" || state.ask) this.#outbox.sendAtOnce(session, syncStep1Frame(stateVector));
    if (state.kind !== "joining") return;
    session.state = { kind: "live" };
    this.#sessions.audience(session.name)?.changed();
    // A session that missed awareness must also hear who has gone away meanwhile. Of those whose clocks are forgotten
    // by now it has lost sight by itself: clients expire what is not renewed.
    const states = this.#presence.statesOf(session.name, state.again);
    if (states.length > 0) this.#outbox.sendAtOnce(session, presenceFrame(states));
    for (const frame of state.held) this.#outbox.sendAtOnce(session, frame);
    for (const frame of session.echoes.splice(0)) this.#outbox.sendAtOnce(session, frame);
    session.echoBytes = 0;
  }

  /** New content, for everybody: to the writers it is the acknowledgement, unless theirs is withheld until it is one. */
  deliver({ name, update, deferred }: Deliver): void {
    const audience = this.#sessions.audience(name);
    if (audience === undefined) return;
    const joining = audience.joining();
    if (joining.length === 0 && audience.receivers().length === 0) return;
    const frame = updateFrame(update);
    if (deferred === undefined) {
      this.#outbox.broadcast(audience, frame);
      for (const session of joining) this.send(session, frame);
      return;
    }
    const othersById = new Map(deferred.map(({ subscriber, others }) => [subscriber, others]));
    this.#outbox.broadcastExcept(audience, frame, othersById);
    for (const session of joining) if (!othersById.has(session.id)) this.send(session, frame);
    for (const [id, others] of othersById) {
      const session = this.#sessions.get(id);
      if (session !== undefined && others !== undefined) this.send(session, updateFrame(others));
    }
  }

  /** The session's own edits come back to it: invariant 4. */
  echo(session: Session, frame: Uint8Array): void {
    if (session.state.kind === "live") return this.#outbox.sendAtOnce(session, frame);
    session.echoes.push(frame);
    session.echoBytes += frame.length;
    if (session.echoBytes <= this.#config.heldBytesMax) return;
    this.#sessions.dismiss(session, CLOSE_OVERLOADED, "too much happened before the answer");
  }

  send(session: Session, frame: Uint8Array): void {
    if (this.#outbox.send(session, frame, this.#config.heldBytesMax)) return;
    this.#sessions.dismiss(session, CLOSE_OVERLOADED, "too much happened before the first answer");
  }

  /** Asks for what an edit of the session refers to and nobody here has. */
  gap(session: Session, stateVector: Uint8Array): void {
    const { state } = session;
    session.gapStateVector = undefined;
    if (state.kind === "joining" || state.kind === "congested") state.ask = true;
    else if (this.#askedLately.has(session)) session.gapStateVector = stateVector;
    else {
      this.#askedLately.start(session, this.#now);
      this.#outbox.sendAtOnce(session, syncStep1Frame(stateVector));
    }
  }

  /** The session does not read as fast as it is written to. Invariant 2. */
  fallBehind(session: Session): void {
    const { state } = session;
    if (state.kind !== "live" && state.kind !== "joining") return;
    const since = this.#now;
    if (state.kind === "joining") {
      session.state = { kind: "congested", since, known: state.known, ask: state.ask, again: state.again };
    } else {
      // Asked before the replica steps: a live session has been sent all that was committed until now, and no more.
      const known = this.#replica.stateVector(session.name, this.#now);
      session.state = { kind: "congested", since, known, ask: session.gapStateVector !== undefined, again: true };
      session.gapStateVector = undefined;
    }
    this.#sessions.audience(session.name)?.changed();
    this.#congested.start(session, this.#now);
  }

  /** The session has read all it was sent. */
  catchUp(session: Session): void {
    const { state } = session;
    if (state.kind !== "congested") return;
    this.#congested.delete(session);
    session.answerBytes = 0;
    if (this.#isTooOften(session, state.since)) {
      this.#sessions.dismiss(session, CLOSE_OVERLOADED, "reads too slowly");
      return;
    }
    session.state = { kind: "joining", known: state.known, ask: state.ask, again: state.again, held: [], heldBytes: 0 };
    this.#attach(session, state.known);
  }

  /** A single large frame congests any session for a moment; only what lasts is held against it. */
  #isTooOften(session: Session, since: number): boolean {
    const { congestionForgivenMs, congestionWindowMs, congestionsMax } = this.#config;
    if (this.#now - since < congestionForgivenMs) return false;
    session.congestedAt = session.congestedAt.filter((at) => at + congestionWindowMs > this.#now);
    session.congestedAt.push(this.#now);
    return session.congestedAt.length > congestionsMax;
  }

  /**
   * A session has been congested for a while. One that was sent a large document is given time, or it would never get
   * it.
   */
  #losePatience(session: Session): void {
    if (session.state.kind !== "congested") return;
    const { congestedMs, drainBytesPerSecond } = this.#config;
    const patienceMs = congestedMs + Math.floor(session.answerBytes / drainBytesPerSecond) * 1_000;
    if (this.#now - session.state.since < patienceMs) this.#congested.start(session, this.#now);
    else this.#sessions.dismiss(session, CLOSE_OVERLOADED, "reads too slowly");
  }

  /** A client that asks again is answered, one question at a time and not too often. */
  #attachAgain(session: Session, stateVector: Uint8Array): void {
    this.#attachedLately.start(session, this.#now);
    const mustWait = session.answersDue > 0;
    session.repeatedStateVector = mustWait ? stateVector : undefined;
    if (!mustWait) this.#attach(session, stateVector);
  }

  #attach(session: Session, stateVector: Uint8Array): void {
    session.answersDue += 1;
    this.#outbox.tell({ type: "attach", subscriber: session.id, name: session.name, stateVector });
  }

  #answerFrame(update: Uint8Array): Uint8Array {
    let frame = this.#answerFrames.get(update);
    if (frame === undefined) this.#answerFrames.set(update, (frame = syncStep2Frame(update)));
    return frame;
  }
}
