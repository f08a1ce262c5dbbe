/**
 * Which sessions there are, who looks at which document, and how a session comes and goes. A session is let go exactly
 * once; whatever still names it afterwards is ignored.
 */
import { assert } from "@yarrow/protocol";
import type { SubscriberId } from "@yarrow/replica";
import { closeReason, isFinal } from "./close-code.ts";
import { Denials } from "./denials.ts";
import { KeepAlive } from "./keep-alive.ts";
import { LifetimeQueue } from "./lifetime-queue.ts";
import type { Outbox } from "./outbox.ts";
import type { PresenceTable } from "./presence-table.ts";
import type { RelayConfig } from "./relay-limits.ts";
import { KEEP_ALIVE_FRAME } from "./server-frame.ts";
import { Audience, createSession, isAttached } from "./session.ts";
import type { Session } from "./session.ts";

export class SessionTable {
  readonly #config: RelayConfig;
  readonly #outbox: Outbox;
  readonly #presence: PresenceTable;
  readonly #sessions = new Map<SubscriberId, Session>();
  readonly #audiences = new Map<string, Audience>();
  readonly #denials: Denials;
  readonly #keepAlive: KeepAlive;
  readonly #parked: LifetimeQueue<Session>;
  readonly #queues: LifetimeQueue<Session>[] = [];
  /** Sessions let go in this step, of which the replica may still speak in it. */
  readonly #letGo = new Set<SubscriberId>();
  #now = 0;

  constructor(config: RelayConfig, outbox: Outbox, presence: PresenceTable, random: () => number) {
    this.#config = config;
    this.#outbox = outbox;
    this.#presence = presence;
    this.#denials = new Denials(config.denialMs, config.denialsMax);
    this.#keepAlive = new KeepAlive(config.keepAliveMs, random);
    this.#parked = new LifetimeQueue(config.parkMs);
  }

  get size(): number {
    return this.#sessions.size;
  }

  get documents(): number {
    return this.#audiences.size;
  }

  get parked(): number {
    return this.#parked.size;
  }

  get denials(): number {
    return this.#denials.size;
  }

  get(id: SubscriberId): Session | undefined {
    return this.#sessions.get(id);
  }

  wasLetGo(id: SubscriberId): boolean {
    return this.#letGo.has(id);
  }

  audience(name: string): Audience | undefined {
    return this.#audiences.get(name);
  }

  open(id: SubscriberId, name: string, address: string): void {
    assert(!this.#sessions.has(id), `session ${id} is open already`);
    const session = createSession(id, name, address, this.#now);
    this.#sessions.set(id, session);
    this.#keepAlive.add(session, this.#now);
  }

  /** A queue that a session leaves when it is let go. */
  createQueue(lifetimeMs: number): LifetimeQueue<Session> {
    const queue = new LifetimeQueue<Session>(lifetimeMs);
    this.#queues.push(queue);
    return queue;
  }

  /** Makes a session one of its document's audience. */
  join(session: Session): void {
    let audience = this.#audiences.get(session.name);
    if (audience === undefined) this.#audiences.set(session.name, (audience = new Audience()));
    audience.add(session);
  }

  /** Its connection is gone. */
  closed(session: Session, abnormal: boolean): void {
    if (isAttached(session)) this.#outbox.tell({ type: "detach", subscriber: session.id });
    this.#leave(session, abnormal);
    this.#forget(session);
  }

  /** The relay lets it go. */
  dismiss(session: Session, code: number, reason: string): void {
    if (isAttached(session)) this.#outbox.tell({ type: "detach", subscriber: session.id });
    this.evicted(session, code, reason);
  }

  /** The replica has let it go. A final denial that repeats another is not told at once. */
  evicted(session: Session, code: number, reason: string): void {
    const repeated = isFinal(code) && this.#denials.note(session.address, session.name, this.#now);
    // A tab that is told to retry will be back; one that is denied will not.
    this.#leave(session, !isFinal(code));
    if (repeated && this.#parked.size < this.#config.parkedMax) {
      session.state = { kind: "parked", code, reason };
      this.#parked.start(session, this.#now);
    } else this.#close(session, code, reason);
  }

  /** To be called first in every step. */
  keepTime(now: number): void {
    this.#now = now;
    this.#letGo.clear();
    for (const session of this.#parked.takeDue(now)) {
      if (session.state.kind === "parked") this.#close(session, session.state.code, session.state.reason);
    }
    for (const session of this.#keepAlive.takeDue(now)) this.#keepAlivePerhaps(session);
  }

  nextDeadline(): number {
    return Math.min(this.#parked.nextDeadline(), this.#keepAlive.nextDeadline());
  }

  #keepAlivePerhaps(session: Session): void {
    const { kind } = session.state;
    // A congested session has bytes under way.
    if (kind === "congested") return;
    const sharedAt = kind === "live" ? (this.#audiences.get(session.name)?.sentAt ?? -Infinity) : -Infinity;
    if (this.#now - Math.max(session.sentAt, sharedAt) < this.#keepAlive.restMs) return;
    this.#outbox.sendAtOnce(session, KEEP_ALIVE_FRAME);
  }

  /** Ends all that a session is to its document. */
  #leave(session: Session, mayReturn: boolean): void {
    this.#presence.release(session.id, mayReturn, this.#now);
    this.#keepAlive.delete(session);
    for (const queue of this.#queues) queue.delete(session);
    const audience = this.#audiences.get(session.name);
    audience?.delete(session);
    if (audience?.size !== 0) return;
    this.#audiences.delete(session.name);
    this.#presence.forgetOthers(session.name);
  }

  #close(session: Session, code: number, reason: string): void {
    this.#outbox.pass({ type: "session-close", session: session.id, code, reason: closeReason(reason) });
    this.#forget(session);
  }

  #forget(session: Session): void {
    session.state = { kind: "closed" };
    this.#parked.delete(session);
    this.#sessions.delete(session.id);
    this.#letGo.add(session.id);
  }
}
