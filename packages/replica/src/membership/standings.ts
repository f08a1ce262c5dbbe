/**
 * How far the store of each other peer had come when it last told, so that one that comes back older than it was does not do so
 * in silence: a disk was put back. An alarm for people and nothing else; anti-entropy gives that peer what it has forgotten.
 *
 * Invariants
 * 1. What is remembered of a peer only grows, until it is equal again: then it is what the peer says.
 * 2. The sequence of a process never falls, so only another process can have come back; and never an alarm for a peer id that two
 *    live processes share: a copied disk is told as that.
 * 3. What this peer says of itself counts committed rows only: a commit that fails uses sequences up which no restart knows of.
 */
import type { PeerId, ProcessId } from "@yarrow/protocol";
import type { Effect } from "../effect.ts";
import type { Link } from "../links/link.ts";
import type { ArrivalSequence, StandingRow, Store } from "../store.ts";
import { STANDINGS_MAX, StoreFullError } from "../store.ts";

/** What changed is written together, so late at most. What a crash takes of it makes an alarm less exact, or silent. */
const WRITE_INTERVAL_MS = 15_000;
/** Since this version a hello tells its sender's sequence. */
const TOLD_SINCE_VERSION = 2;

/** A peer that came back older than it was, and is not yet equal again. */
export interface RolledBack {
  /** The one that came back; where it is this peer itself, the one that had seen it further. */
  readonly peerId: PeerId;
  /** Changes between what was seen of it and what it came back with. */
  readonly behind: number;
  readonly here: boolean;
}

export interface StandingsParts {
  readonly store: Store;
  readonly peerId: PeerId;
  readonly emit: (effect: Effect) => void;
}

interface Standing {
  sequence: ArrivalSequence;
  seenMs: number;
  /** Undefined for what was read from the store. */
  processId: ProcessId | undefined;
}

export class Standings {
  readonly #parts: StandingsParts;
  readonly #seen = new Map<PeerId, Standing>();
  /** Peer ids that two live processes had at one time. */
  readonly #shared = new Set<PeerId>();
  readonly #alarms = new Map<string, RolledBack>();
  #own: ArrivalSequence;
  #writeAt = Number.POSITIVE_INFINITY;

  constructor(parts: StandingsParts) {
    this.#parts = parts;
    this.#own = parts.store.lastSequence();
    for (const { peerId, sequence, seenMs } of parts.store.readStandings()) {
      this.#seen.set(peerId, { sequence, seenMs, processId: undefined });
    }
  }

  /** How far this peer has come. */
  get own(): ArrivalSequence {
    return this.#own;
  }

  /** Alarms that stand. */
  list(): RolledBack[] {
    return [...this.#alarms.values()];
  }

  /** Something was committed. */
  committed(): void {
    this.#own = this.#parts.store.lastSequence();
  }

  /** `live` are all open links, this one among them. */
  linkOpened(link: Link, live: readonly Link[], now: number): void {
    const { hello } = link;
    if (hello === undefined || this.#isShared(link, live)) return;
    if (hello.protocolMax < TOLD_SINCE_VERSION) return;
    const { peerId, processId, lastSequence } = hello;
    const seen = this.#seen.get(peerId);
    const behind = (seen?.sequence ?? 0) - lastSequence;
    if (seen !== undefined && behind > 0 && seen.processId !== processId) {
      this.#raise({ peerId, behind, here: false });
      link.send({ type: "recall", sequence: seen.sequence });
    }
    this.#note(peerId, processId, lastSequence, now);
  }

  /** The other side tells where it stands. */
  told(link: Link, sequence: ArrivalSequence, now: number): void {
    const { peerId, processId } = link;
    if (peerId === undefined || processId === undefined || sequence === 0 || this.#shared.has(peerId)) return;
    link.toldSequence = sequence;
    this.#note(peerId, processId, sequence, now);
  }

  /** The other side had seen this peer further than its greeting said. */
  recalled(link: Link, sequence: ArrivalSequence): void {
    const { peerId, sentHello } = link;
    if (peerId === undefined || sentHello === undefined || this.#shared.has(this.#parts.peerId)) return;
    const behind = sequence - sentHello.lastSequence;
    if (behind > 0) this.#raise({ peerId, behind, here: true });
  }

  /** Both sets are equal: whatever had been forgotten is back. */
  equal(link: Link, now: number): void {
    const { peerId } = link;
    if (peerId === undefined) return;
    const seen = this.#seen.get(peerId);
    const told = Math.max(link.hello?.lastSequence ?? 0, link.toldSequence);
    if (seen !== undefined && this.#alarms.has(keyOf(peerId, false)) && told < seen.sequence) {
      seen.sequence = told;
      this.#changed(now);
    }
    this.#end(peerId);
  }

  /** Call when nothing is staged. */
  wake(now: number): void {
    if (now < this.#writeAt) return;
    this.#writeAt = Number.POSITIVE_INFINITY;
    const { store } = this.#parts;
    const rows: StandingRow[] = [...this.#seen].map(([peerId, { sequence, seenMs }]) => ({ peerId, sequence, seenMs }));
    try {
      store.transaction(() => store.writeStandings(rows));
    } catch (error) {
      // Without room they live in memory.
      if (!(error instanceof StoreFullError)) throw error;
    }
  }

  nextDeadline(): number {
    return this.#writeAt;
  }

  /** Two live processes with one id are one peer to nobody: nothing is remembered of it any more. */
  #isShared(link: Link, live: readonly Link[]): boolean {
    const { peerId: own } = this.#parts;
    const { peerId, processId } = link;
    if (peerId === undefined) return true;
    const twins = peerId === own || live.some((other) => other.peerId === peerId && other.processId !== processId);
    if (twins) {
      this.#shared.add(peerId);
      this.#seen.delete(peerId);
      this.#end(peerId);
      if (peerId === own) for (const { peerId: by, here } of this.list()) if (here) this.#end(by);
    }
    return this.#shared.has(peerId);
  }

  #note(peerId: PeerId, processId: ProcessId, sequence: ArrivalSequence, now: number): void {
    const seen = this.#seen.get(peerId);
    const grown = Math.max(seen?.sequence ?? 0, sequence);
    if (seen === undefined && this.#seen.size >= STANDINGS_MAX) this.#forgetOldest();
    this.#seen.set(peerId, { sequence: grown, seenMs: Math.floor(now), processId });
    if (seen?.sequence !== grown) this.#changed(now);
  }

  #changed(now: number): void {
    if (this.#writeAt === Number.POSITIVE_INFINITY) this.#writeAt = now + WRITE_INTERVAL_MS;
  }

  #forgetOldest(): void {
    const [oldest] = [...this.#seen].toSorted(([, a], [, b]) => a.seenMs - b.seenMs);
    if (oldest !== undefined) this.#seen.delete(oldest[0]);
  }

  #raise(alarm: RolledBack): void {
    this.#alarms.set(keyOf(alarm.peerId, alarm.here), alarm);
    const { peerId, behind, here } = alarm;
    this.#parts.emit({ type: "observe", fact: { kind: here ? "rolled-back-here" : "rolled-back", peerId, behind } });
  }

  #end(peerId: PeerId): void {
    for (const here of [false, true]) {
      if (!this.#alarms.delete(keyOf(peerId, here))) continue;
      this.#parts.emit({ type: "observe", fact: { kind: "rollback-over", peerId, here } });
    }
  }
}

function keyOf(peerId: PeerId, here: boolean): string {
  return `${peerId} ${here}`;
}
