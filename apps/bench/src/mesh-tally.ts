/** Counts what goes over the links of a simulated mesh, and when each update was shown by each peer. */
import type { Effect } from "@yarrow/replica";
import { decodeMessage } from "@yarrow/protocol";
import * as Y from "yjs";
import type { MeshWatcher, SimulatedPeer } from "./mesh.ts";

const BROADCAST = 6;
const HAVE = 32;
const GRAFT = 33;
const PRUNE = 34;
/** Digests and everything that a round says. */
const REPAIRS = new Set([10, 11, 12, 13, 14, 15, 16, 17]);

/** Characters in each update, so that a client's clock tells how many of them have come. */
export const UPDATE_LENGTH = 8;
const NOT_SHOWN = -1;

export interface Written {
  readonly origin: number;
  readonly at: number;
  /** When each peer showed it; -1 where it has not. */
  readonly shownAt: Float64Array;
  readonly hops: Uint8Array;
  sends: number;
}

export interface Tally {
  readonly haveEntries: number;
  readonly grafts: number;
  readonly prunes: number;
  readonly repairs: number;
  readonly bytes: number;
}

const NOTHING: Tally = { haveEntries: 0, grafts: 0, prunes: 0, repairs: 0, bytes: 0 };

export class MeshTally implements MeshWatcher {
  readonly #peers: number;
  /** By origin, in the order in which they were written. */
  readonly #written = new Map<number, Written[]>();
  /** Updates of each origin that each peer has shown. */
  readonly #shown = new Map<number, Uint32Array>();
  /** Broadcasts of each origin by their sequence. */
  readonly #bySequence = new Map<number, Map<number, Written>>();
  #tally = { ...NOTHING };

  constructor(peers: number) {
    this.#peers = peers;
  }

  /** What was said since the last time. */
  take(): Tally {
    const tally = this.#tally;
    this.#tally = { ...NOTHING };
    return tally;
  }

  /** An origin has written; its peer commits and shows it in this moment. */
  wrote(origin: number, at: number): Written {
    const shownAt = new Float64Array(this.#peers).fill(NOT_SHOWN);
    const written = { origin, at, shownAt, hops: new Uint8Array(this.#peers), sends: 0 };
    const before = this.#written.get(origin);
    if (before === undefined) this.#written.set(origin, [written]);
    else before.push(written);
    return written;
  }

  sent(from: SimulatedPeer, _: SimulatedPeer, frame: Uint8Array): void {
    this.#tally.bytes += frame.length;
    for (const { type, start, end } of messagesOf(frame)) {
      if (type === BROADCAST) {
        const written = this.#writtenOf(frame, start);
        if (written !== undefined) written.sends++;
        if (written !== undefined && from.index === written.origin) written.hops[from.index] = 0;
      } else if (type === HAVE) {
        const message = decodeMessage(frame.subarray(start, end));
        if (message?.type !== "have") continue;
        for (const { ranges } of message.origins) {
          for (const range of ranges) this.#tally.haveEntries += range.to - range.from + 1;
        }
      } else if (type === GRAFT) this.#tally.grafts++;
      else if (type === PRUNE) this.#tally.prunes++;
      else if (REPAIRS.has(type)) this.#tally.repairs++;
    }
  }

  arrived(from: SimulatedPeer, to: SimulatedPeer, frame: Uint8Array): void {
    for (const { type, start } of messagesOf(frame)) {
      if (type !== BROADCAST) continue;
      const written = this.#writtenOf(frame, start);
      if (written === undefined || to.index === written.origin || written.hops[to.index] !== 0) continue;
      written.hops[to.index] = (written.hops[from.index] ?? 0) + 1;
    }
  }

  effect(peer: SimulatedPeer, effect: Effect, now: number): void {
    if (effect.type !== "deliver") return;
    const origin = Number(effect.name.slice(1));
    const written = this.#written.get(origin) ?? [];
    const shown = this.#shownOf(origin);
    const clock = Y.parseUpdateMeta(effect.update).to.get(origin) ?? 0;
    for (let next = shown[peer.index] ?? 0; next < Math.floor(clock / UPDATE_LENGTH); next++) {
      shown[peer.index] = next + 1;
      const one = written[next];
      if (one !== undefined) one.shownAt[peer.index] = now;
    }
  }

  /** A broadcast is known by its origin and sequence: each origin's are counted from the first that is seen. */
  #writtenOf(frame: Uint8Array, start: number): Written | undefined {
    const origin = ((frame[start + 7] ?? 0) << 8) | (frame[start + 8] ?? 0);
    let sequence = 0;
    let scale = 1;
    for (let at = start + 9; ; at++) {
      const byte = frame[at] ?? 0;
      sequence += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
      scale *= 128;
    }
    const known = this.#bySequence.get(origin) ?? new Map<number, Written>();
    this.#bySequence.set(origin, known);
    const before = known.get(sequence);
    if (before !== undefined) return before;
    const written = this.#written.get(origin)?.at(-1);
    if (written === undefined || written.sends > 0) return undefined;
    known.set(sequence, written);
    return written;
  }

  #shownOf(origin: number): Uint32Array {
    const known = this.#shown.get(origin) ?? new Uint32Array(this.#peers);
    this.#shown.set(origin, known);
    return known;
  }
}

/** The messages of a frame, unread. */
function* messagesOf(
  frame: Uint8Array,
): Iterable<{ readonly type: number; readonly start: number; readonly end: number }> {
  for (let at = 0; at < frame.length;) {
    let length = 0;
    let scale = 1;
    for (;;) {
      const byte = frame[at++] ?? 0;
      length += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
      scale *= 128;
    }
    yield { type: frame[at] ?? 0, start: at, end: at + length };
    at += length;
  }
}
