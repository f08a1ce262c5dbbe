/**
 * Requests that wait until other peers have committed something. Who holds it is asked along the links, right behind the
 * update itself, and again at growing intervals and whenever a link opens, for an update may arrive by another way.
 * Distinct peer ids are counted: two processes with one identity are one copy.
 */
import type { Incarnation, PeerId, ProcessId } from "@yarrow/protocol";
import type { ReplicaConfig } from "../config.ts";
import { encodeContribution } from "../document/contribution.ts";
import type { Contribution } from "../document/contribution.ts";
import type { Effect } from "../effect.ts";
import type { RequestId } from "../event.ts";
import type { Gossip } from "./gossip.ts";

/** The first time to ask again; doubles from there. */
const FIRST_WAIT_MS = 250;

interface Waiting {
  readonly request: RequestId;
  readonly copies: number;
  readonly subject: number;
  readonly name: string;
  readonly incarnation: Incarnation;
  readonly contribution: Uint8Array;
  readonly reached: Set<PeerId>;
  readonly deadline: number;
  askAt: number;
  waitMs: number;
  readonly done: () => void;
}

export class CopyRequests {
  readonly #config: ReplicaConfig;
  readonly #gossip: Gossip;
  readonly #processId: ProcessId;
  readonly #peerId: PeerId;
  readonly #emit: (effect: Effect) => void;
  readonly #bySubject = new Map<number, Waiting>();

  constructor(options: {
    readonly config: ReplicaConfig;
    readonly gossip: Gossip;
    readonly processId: ProcessId;
    readonly peerId: PeerId;
    readonly emit: (effect: Effect) => void;
  }) {
    this.#config = options.config;
    this.#gossip = options.gossip;
    this.#processId = options.processId;
    this.#peerId = options.peerId;
    this.#emit = options.emit;
  }

  get size(): number {
    return this.#bySubject.size;
  }

  /** `done` is called when enough copies were reached. */
  start(
    request: { readonly request: RequestId; readonly copies: number; readonly timeoutMs: number },
    wanted: { readonly name: string; readonly incarnation: Incarnation; readonly contribution: Contribution },
    now: number,
    done: () => void,
  ): void {
    if (request.copies <= 0) {
      done();
      this.#emit({ type: "copies", request: request.request, reached: [], failure: undefined });
      return;
    }
    if (this.#bySubject.size >= this.#config.copyRequestsMax) {
      return this.#fail(request.request, [], `${this.#bySubject.size} requests wait for copies already`);
    }
    const waiting: Waiting = {
      request: request.request,
      copies: request.copies,
      subject: this.#gossip.nextSequence(),
      name: wanted.name,
      incarnation: wanted.incarnation,
      contribution: encodeContribution(wanted.contribution),
      reached: new Set(),
      deadline: now + request.timeoutMs,
      askAt: now + FIRST_WAIT_MS,
      waitMs: FIRST_WAIT_MS,
      done,
    };
    this.#bySubject.set(waiting.subject, waiting);
    this.#ask(waiting, waiting.subject, now);
  }

  cancel(request: RequestId): void {
    for (const waiting of this.#bySubject.values()) {
      if (waiting.request === request) this.#bySubject.delete(waiting.subject);
    }
  }

  acknowledged(subject: number, peerId: PeerId): void {
    const waiting = this.#bySubject.get(subject);
    if (waiting === undefined || peerId === this.#peerId) return;
    waiting.reached.add(peerId);
    if (waiting.reached.size < waiting.copies) return;
    this.#bySubject.delete(subject);
    waiting.done();
    this.#emit({ type: "copies", request: waiting.request, reached: [...waiting.reached], failure: undefined });
  }

  linkOpened(now: number): void {
    for (const waiting of this.#bySubject.values()) this.#ask(waiting, this.#gossip.nextSequence(), now);
  }

  wake(now: number): void {
    for (const waiting of this.#bySubject.values()) {
      if (now >= waiting.deadline) {
        this.#bySubject.delete(waiting.subject);
        this.#fail(
          waiting.request,
          [...waiting.reached],
          `${waiting.reached.size} of ${waiting.copies} copies of ${JSON.stringify(waiting.name)} were reached in time`,
        );
      } else if (now >= waiting.askAt) {
        waiting.waitMs *= 2;
        waiting.askAt = now + waiting.waitMs;
        this.#ask(waiting, this.#gossip.nextSequence(), now);
      }
    }
  }

  nextDeadline(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const waiting of this.#bySubject.values()) next = Math.min(next, waiting.askAt, waiting.deadline);
    return next;
  }

  #ask(waiting: Waiting, sequence: number, now: number): void {
    const { subject, name, incarnation, contribution } = waiting;
    const origin = this.#processId;
    this.#gossip.originate({ type: "cover-ask", origin, sequence, subject, name, incarnation, contribution }, now);
  }

  #fail(request: RequestId, reached: PeerId[], detail: string): void {
    this.#emit({ type: "copies", request, reached, failure: { code: "YARROW_COPIES_MISSING", detail } });
  }
}
