/**
 * What one step says: events for the replica behind, effects for the shell in front. Also the one place that knows
 * which sessions a frame may go to: those that are live get it, those that wait for their answer get it afterwards, and
 * for all others it is dropped.
 */
import type { Effect, Event, SubscriberId } from "@yarrow/replica";
import type { SessionEffect } from "./session-effect.ts";
import type { Audience, Session } from "./session.ts";

export class Outbox {
  #events: Event[] = [];
  #effects: (SessionEffect | Effect)[] = [];
  #now = 0;

  begin(now: number): void {
    this.#now = now;
  }

  /** Something waits for the replica's next step. */
  get hasEvents(): boolean {
    return this.#events.length > 0;
  }

  /** To the replica: in this step until it has stepped, from then on in the next. */
  tell(event: Event): void {
    this.#events.push(event);
  }

  takeEvents(): Event[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  takeEffects(): (SessionEffect | Effect)[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  pass(effect: SessionEffect | Effect): void {
    this.#effects.push(effect);
  }

  /** Sends now, whatever the state. */
  sendAtOnce(session: Session, frame: Uint8Array): void {
    session.sentAt = this.#now;
    this.#effects.push({ type: "session-send", sessions: [session.id], frame });
  }

  /** Sends, holds back or drops. False when the session would have to hold back more than this. */
  send(session: Session, frame: Uint8Array, heldBytesMax: number): boolean {
    const { state } = session;
    if (state.kind === "live") this.sendAtOnce(session, frame);
    if (state.kind !== "joining") return true;
    state.held.push(frame);
    state.heldBytes += frame.length;
    return state.heldBytes <= heldBytesMax;
  }

  /** Sends to all who are live but some. The others may be silent for longer, so the audience does not count as spoken to. */
  broadcastExcept(audience: Audience, frame: Uint8Array, except: { has(id: SubscriberId): boolean }): void {
    const sessions = audience.receivers().filter((id) => !except.has(id));
    if (sessions.length > 0) this.#effects.push({ type: "session-send", sessions, frame });
  }

  /** Sends to all who are live. */
  broadcast(audience: Audience, frame: Uint8Array): void {
    const sessions = audience.receivers();
    if (sessions.length === 0) return;
    audience.sentAt = this.#now;
    this.#effects.push({ type: "session-send", sessions, frame });
  }
}
