/**
 * Whose turn it is to hear that the server is alive. Sessions are spread over slots at random, one slot is looked at
 * per tick, and each comes round once per half the longest silence; so one that was passed over because it had just
 * heard something is never silent for longer than the whole.
 */
import type { Session } from "./session.ts";

const SLOTS = 10;

export class KeepAlive {
  readonly #tickMs: number;
  readonly #random: () => number;
  readonly #slots: readonly Set<Session>[] = Array.from({ length: SLOTS }, () => new Set<Session>());
  readonly #slotBySession = new Map<Session, Set<Session>>();
  #tickedAt = 0;
  #slot = 0;

  constructor(silenceMs: number, random: () => number) {
    this.#tickMs = silenceMs / 2 / SLOTS;
    this.#random = random;
  }

  add(session: Session, now: number): void {
    if (this.#slotBySession.size === 0) this.#tickedAt = now;
    const slot = this.#slots[Math.floor(this.#random() * SLOTS) % SLOTS];
    if (slot === undefined) return;
    slot.add(session);
    this.#slotBySession.set(session, slot);
  }

  delete(session: Session): void {
    this.#slotBySession.get(session)?.delete(session);
    this.#slotBySession.delete(session);
  }

  /** How recently a session must have heard something to be passed over. */
  get restMs(): number {
    return this.#tickMs * SLOTS;
  }

  /** Sessions whose turn has come since the last call. */
  takeDue(now: number): Session[] {
    const due: Session[] = [];
    if (this.#slotBySession.size === 0) return due;
    const ticks = Math.floor((now - this.#tickedAt) / this.#tickMs);
    // After a long pause every slot is due, but none more than once.
    for (let tick = 0; tick < Math.min(ticks, SLOTS); tick++) {
      this.#slot = (this.#slot + 1) % SLOTS;
      due.push(...(this.#slots[this.#slot] ?? []));
    }
    this.#tickedAt += ticks * this.#tickMs;
    return due;
  }

  nextDeadline(): number {
    return this.#slotBySession.size === 0 ? Infinity : this.#tickedAt + this.#tickMs;
  }
}
