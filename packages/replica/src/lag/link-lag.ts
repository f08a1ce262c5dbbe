/**
 * What one link knows of lag. The sender's half: what was not said on it. The receiver's half: whether everything the other side
 * holds has come, and as of when.
 *
 * A link is *whole* when the receiver holds everything the sender held when it said its last beat. What is said on a link comes
 * in order, so a whole link stays whole until the sender leaves something out, which it tells by a higher `gap`, or the receiver
 * loses something, which is a *doubt*. It becomes whole again by equal sets, or by a round that began after the gap was told.
 */
import type { Beat, LagReport } from "@yarrow/protocol";
import { Stopwatch } from "./stopwatch.ts";

/** What the receiver knew when a round began: what the round can prove. */
export interface LagMark {
  readonly gap: number;
  readonly doubts: number;
}

/** A beat, and when it was said, on our clock. */
export interface HeardBeat {
  readonly beat: Beat;
  readonly saidAt: number;
}

export class LinkLag {
  readonly stopwatch = new Stopwatch();
  /** When this link opened here: where our own stopwatch stood at 0. */
  readonly #openedAt: number;

  // The sender's half
  #gap = 0;
  #gapTold = true;
  #beatAt: number;
  #heldSince: number | undefined;
  /** What the follower at the other end last said of itself. */
  report: { readonly report: LagReport; readonly at: number } | undefined;

  // The receiver's half
  #last: Beat | undefined;
  #lastAt = 0;
  #verifiedGap = -1;
  #doubts = 0;
  reportDueAt = 0;
  /** Updates and bytes that came as live push since the link was last whole. */
  pushed = { updates: 0, bytes: 0 };
  /** How long the last beat had travelled. */
  transitMs: number | undefined;

  constructor(now: number) {
    this.#openedAt = now;
    this.#beatAt = now;
  }

  stopwatchMs(now: number): number {
    return Math.max(0, Math.round(now - this.#openedAt));
  }

  /** Something committed here is not said on this link. */
  deny(): void {
    if (!this.#gapTold) return;
    this.#gap++;
    this.#gapTold = false;
  }

  /** The link's own part of the beat that is sent now. `held`: something larger than a frame is still on its way. */
  tell(held: boolean, now: number): { readonly stopwatchMs: number; readonly gap: number; readonly heldMs: number } {
    // It began to wait after the last beat at the earliest.
    this.#heldSince = held ? (this.#heldSince ?? this.#beatAt) : undefined;
    this.#gapTold = true;
    this.#beatAt = now;
    const heldMs = Math.ceil(now - (this.#heldSince ?? now));
    return { stopwatchMs: this.stopwatchMs(now), gap: this.#gap, heldMs };
  }

  hear(beat: Beat, now: number): void {
    this.#last = beat;
    this.#lastAt = now;
  }

  /** The last beat; undefined before one came and before we know when it was said. */
  heard(): HeardBeat | undefined {
    const beat = this.#last;
    if (beat === undefined) return undefined;
    const transitMs = this.stopwatch.ageMs(beat.stopwatchMs, this.#lastAt);
    if (transitMs === undefined) return undefined;
    this.transitMs = transitMs;
    return { beat, saidAt: this.#lastAt - transitMs };
  }

  get whole(): boolean {
    return this.#verifiedGap >= (this.#last?.gap ?? 0);
  }

  mark(): LagMark {
    return { gap: this.#last?.gap ?? 0, doubts: this.#doubts };
  }

  /** We hold everything that the other side held at some time after `mark`. */
  verified(mark: LagMark): void {
    if (mark.doubts === this.#doubts) this.#verifiedGap = Math.max(this.#verifiedGap, mark.gap);
  }

  /** Something that came was not kept. */
  doubt(): void {
    this.#doubts++;
    this.#verifiedGap = -1;
  }
}
