/**
 * Broadcasts that others have and this replica does not, and when which of those others is asked for them. What is on its way
 * by the tree is given time to come; then the first who told of it is asked, then the next, after half that time each.
 */
import type { ProcessId } from "@yarrow/protocol";
import type { ReplicaConfig } from "../config.ts";
import type { LinkId } from "../event.ts";

interface Want {
  /** Who told that it has it, first to last. */
  readonly announcers: LinkId[];
  readonly waitMs: number;
  readonly since: number;
  at: number;
  tries: number;
}

export interface DueWant {
  readonly origin: ProcessId;
  readonly ordinal: number;
  readonly announcers: readonly LinkId[];
  /** Times that it was asked for already. */
  readonly tries: number;
}

/** Links remembered for one broadcast; more than that are not needed to get it. */
const ANNOUNCERS_MAX = 8;

export class Wanted {
  readonly #config: ReplicaConfig;
  readonly #byOrigin = new Map<ProcessId, Map<number, Want>>();
  #size = 0;
  /** No want is due before. */
  #dueAt = Number.POSITIVE_INFINITY;

  constructor(config: ReplicaConfig) {
    this.#config = config;
  }

  get size(): number {
    return this.#size;
  }

  has(origin: ProcessId, ordinal: number): boolean {
    return this.#byOrigin.get(origin)?.has(ordinal) ?? false;
  }

  /** Returns false when no more can be wanted at once. */
  add(
    origin: ProcessId,
    ordinal: number,
    from: { readonly link: LinkId; readonly waitMs: number },
    now: number,
  ): boolean {
    const wants = this.#byOrigin.get(origin) ?? new Map<number, Want>();
    const known = wants.get(ordinal);
    if (known !== undefined) {
      const { announcers } = known;
      if (announcers.length < ANNOUNCERS_MAX && !announcers.includes(from.link)) announcers.push(from.link);
      return true;
    }
    if (this.#size >= this.#config.wantedMax) return false;
    this.#byOrigin.set(origin, wants);
    const at = now + from.waitMs;
    wants.set(ordinal, { announcers: [from.link], waitMs: from.waitMs, since: now, at, tries: 0 });
    this.#size++;
    this.#dueAt = Math.min(this.#dueAt, at);
    return true;
  }

  /** It has come, or nobody is left who could send it. */
  delete(origin: ProcessId, ordinal: number): void {
    const wants = this.#byOrigin.get(origin);
    if (wants === undefined || !wants.delete(ordinal)) return;
    this.#size--;
    if (wants.size === 0) this.#byOrigin.delete(origin);
  }

  /** This link cannot send it. Returns true when it was the last that might. */
  refused(origin: ProcessId, ordinal: number, link: LinkId): boolean {
    const want = this.#byOrigin.get(origin)?.get(ordinal);
    if (want === undefined) return false;
    remove(want.announcers, link);
    if (want.announcers.length > 0) return false;
    this.delete(origin, ordinal);
    return true;
  }

  forget(origin: ProcessId): void {
    this.#size -= this.#byOrigin.get(origin)?.size ?? 0;
    this.#byOrigin.delete(origin);
  }

  linkEnded(link: LinkId): void {
    for (const [origin, wants] of this.#byOrigin) {
      for (const ordinal of wants.keys()) this.refused(origin, ordinal, link);
    }
  }

  /**
   * Those to be asked for now; each is due again after half its first wait. `filling`: a large message is coming in, which may be
   * what is wanted: nothing is asked for the first time before it is there, or has taken as long as a round may be silent.
   */
  takeDue(now: number, filling: boolean): DueWant[] {
    if (now < this.#dueAt) return [];
    const due: DueWant[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const [origin, wants] of this.#byOrigin) {
      for (const [ordinal, want] of wants) {
        const patient = filling && want.tries === 0 && now - want.since < this.#config.roundTimeoutMs;
        if (want.at <= now && patient) want.at = now + want.waitMs / 2;
        else if (want.at <= now) {
          due.push({ origin, ordinal, announcers: want.announcers, tries: want.tries });
          want.tries++;
          want.at = now + want.waitMs / 2;
        }
        next = Math.min(next, want.at);
      }
    }
    this.#dueAt = next;
    return due;
  }

  nextDeadline(): number {
    return this.#dueAt;
  }
}

function remove<T>(list: T[], item: T): void {
  const at = list.indexOf(item);
  if (at >= 0) list.splice(at, 1);
}
