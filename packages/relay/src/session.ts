/**
 * One browser session, and the audience of a document.
 *
 * A session moves through these states; `relay.ts` holds the moves:
 *
 *     silent ──SyncStep1──▶ joining ──answer──▶ live ──congested──▶ congested
 *                              ▲                                        │
 *                              └───────────────drained──────────────────┘
 *     any ──denied again──▶ parked ──time──▶ closed
 *
 * 1. Nothing of a document is sent before its answer: frames that come meanwhile are held back, in order.
 * 2. While congested, everything for the session is dropped. `known` is a state vector that the client certainly has,
 *    or will have once its socket has drained; the answer to it brings back all that was dropped.
 * 3. Of several attaches under way only the last one's answer is sent: it holds what the earlier ones held.
 * 4. An echo is never dropped: `known` may name what it holds, and to the client it is the acknowledgement. Whoever is not
 *    live gets it after the answer.
 */
import type { SubscriberId } from "@yarrow/replica";
import type { PresenceState } from "@yarrow/protocol";

type SessionState =
  | { readonly kind: "silent" }
  | Joining
  | { readonly kind: "live" }
  | Congested
  | { readonly kind: "parked"; readonly code: number; readonly reason: string }
  | { readonly kind: "closed" };

interface Joining {
  readonly kind: "joining";
  readonly known: Uint8Array;
  /** Our own SyncStep1 goes with the answer. */
  ask: boolean;
  /** The session was live before, so it may know of clients that have gone away since. */
  readonly again: boolean;
  readonly held: Uint8Array[];
  heldBytes: number;
}

interface Congested {
  readonly kind: "congested";
  readonly since: number;
  known: Uint8Array;
  ask: boolean;
  readonly again: boolean;
}

export interface Session {
  readonly id: SubscriberId;
  readonly name: string;
  readonly address: string;
  state: SessionState;
  /** Attaches that the replica has not answered yet. */
  answersDue: number;
  /** A step has passed since its first attach, and it was not evicted: its awareness counts. */
  admitted: boolean;
  /** Awareness that came in the batch of its first attach. */
  readonly withheld: (readonly PresenceState[])[];
  /** No awareness has been taken in yet. */
  presenceUnheard: boolean;
  /** A SyncStep1 that came too soon after the last one. */
  repeatedStateVector: Uint8Array | undefined;
  /** The state vector of a gap found too soon after the last question. */
  gapStateVector: Uint8Array | undefined;
  /** When it fell behind for long, as far back as the window reaches. */
  congestedAt: number[];
  /** Echoes of its own edits that came while it was not live. */
  readonly echoes: Uint8Array[];
  echoBytes: number;
  /** Bytes of the last answer, which may still wait in the socket. */
  answerBytes: number;
  /** When something was last sent to it alone. */
  sentAt: number;
}

export function createSession(id: SubscriberId, name: string, address: string, now: number): Session {
  return {
    id,
    name,
    address,
    state: { kind: "silent" },
    answersDue: 0,
    admitted: false,
    withheld: [],
    presenceUnheard: true,
    repeatedStateVector: undefined,
    gapStateVector: undefined,
    congestedAt: [],
    echoes: [],
    echoBytes: 0,
    answerBytes: 0,
    sentAt: now,
  };
}

/** True when the replica knows the session as a subscriber. */
export function isAttached(session: Session): boolean {
  const { kind } = session.state;
  return kind === "joining" || kind === "live" || kind === "congested";
}

/** The attached sessions of one document. */
export class Audience {
  readonly #sessions = new Set<Session>();
  #receivers: readonly SubscriberId[] | undefined;
  /** When something was last sent to all who are live. */
  sentAt = -Infinity;

  get size(): number {
    return this.#sessions.size;
  }

  add(session: Session): void {
    this.#sessions.add(session);
    this.#receivers = undefined;
  }

  delete(session: Session): void {
    this.#sessions.delete(session);
    this.#receivers = undefined;
  }

  /** To be called when a session of this audience becomes live or ceases to be. */
  changed(): void {
    this.#receivers = undefined;
  }

  /**
   * The live sessions. The list is kept until the audience changes, because most frames go to the same ones as the
   * last.
   */
  receivers(): readonly SubscriberId[] {
    if (this.#receivers === undefined) {
      const receivers: SubscriberId[] = [];
      for (const session of this.#sessions) if (session.state.kind === "live") receivers.push(session.id);
      this.#receivers = receivers;
    }
    return this.#receivers;
  }

  /** Sessions whose answer is under way. */
  joining(): Session[] {
    const all = this.receivers().length;
    if (all === this.#sessions.size) return [];
    return [...this.#sessions].filter((session) => session.state.kind === "joining");
  }
}
