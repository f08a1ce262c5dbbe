/**
 * What repairs brought from other peers: what a writer had that came back after it was stopped, killed or cut off. For people who ask what was
 * merged; steers nothing.
 */
import type { PeerId } from "@yarrow/protocol";
import type { Link } from "./links/link.ts";

/** What a peer brings without a pause of this length, and without being equal in between, is one record. */
const PAUSE_MS = 60_000;
/** The newest are kept. */
const RECORDS_MAX = 32;
/** Peers whose last equality is remembered; the one without news for longest goes first. */
const PEERS_MAX = 256;

export interface MergeRecord {
  readonly peerId: PeerId;
  readonly documents: number;
  /** Bytes of updates, as they came. */
  readonly bytes: number;
  /** When the two were last known equal before, in ms since 1970; undefined when this process has not seen it. */
  readonly sinceMs: number | undefined;
  /** When the last of it was taken in. */
  readonly atMs: number;
}

export class MergeRecords {
  /** Oldest first. */
  #records: MergeRecord[] = [];
  readonly #equalAt = new Map<PeerId, number>();

  /** A link brought differences that changed so many documents here. */
  received({ peerId }: Link, documents: number, bytes: number, now: number): void {
    if (peerId === undefined || documents === 0) return;
    const equalAt = this.#equalAt.get(peerId);
    const last = this.#records.findLast((record) => record.peerId === peerId);
    const goesOn = last !== undefined && now - last.atMs < PAUSE_MS && (equalAt ?? 0) <= last.atMs;
    const others = goesOn ? this.#records.filter((record) => record !== last) : this.#records;
    const record = {
      peerId,
      documents: documents + (goesOn ? last.documents : 0),
      bytes: bytes + (goesOn ? last.bytes : 0),
      sinceMs: goesOn ? last.sinceMs : equalAt,
      atMs: now,
    };
    this.#records = [...others, record].slice(-RECORDS_MAX);
  }

  equal({ peerId }: Link, now: number): void {
    if (peerId === undefined) return;
    this.#equalAt.delete(peerId);
    this.#equalAt.set(peerId, now);
    if (this.#equalAt.size <= PEERS_MAX) return;
    for (const oldest of this.#equalAt.keys()) {
      this.#equalAt.delete(oldest);
      return;
    }
  }

  list(): readonly MergeRecord[] {
    return this.#records;
  }
}
