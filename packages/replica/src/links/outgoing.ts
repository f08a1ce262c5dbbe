/**
 * What one link has to send. Small messages of a batch travel together in one frame; a message larger than a frame goes as
 * fragments, a few at a time, so that live updates pass between them and a slow link never buffers a whole document.
 *
 * Where a rate is set, everything but the few urgent messages that keep the link itself alive waits here for its turn. Pieces of a
 * large message and small messages take turns, and no piece is larger than what the rate carries in a quarter of a second.
 *
 * Invariants
 * 1. Messages that are not urgent and not cut leave in the order in which they came.
 * 2. What is `over` takes no live push (`Gossip`): what waits here is at most the budget, the answers to questions of the other
 *    side, and one message.
 */
import {
  assert,
  encodeFrame,
  encodeMessage,
  FRAGMENTS_IN_FLIGHT_MAX,
  LINK_FRAME_BYTES,
  LINK_FRAME_BYTES_MAX,
  LINK_MESSAGE_BYTES_MAX,
} from "@yarrow/protocol";
import { TokenBucket } from "./token-bucket.ts";

interface Transfer {
  readonly id: number;
  readonly bytes: Uint8Array;
  sent: number;
}

/** Room for the header of a fragment and the length before it. */
const FRAGMENT_BYTES = LINK_FRAME_BYTES - 64;
const MESSAGE_BYTES_UNCUT = LINK_FRAME_BYTES_MAX / 2;
/** Bytes that may wait here before live pushes are dropped. */
export const WAITING_BYTES_MAX = 8 * 1024 * 1024;
/** Bytes that may wait here before questions of the other side are not answered. */
export const ANSWERS_BYTES_MAX = LINK_MESSAGE_BYTES_MAX;
/** Where a rate is set: what it carries in this time, at least a frame of {@link LIMITED_BYTES_MIN}, and never more than the above. */
const LIMITED_WAIT_MS = 2_000;
const LIMITED_BYTES_MIN = 64 * 1024;
/** Drained to this part of the budget, live pushes go on. */
const DRAINED_SHARE = 0.25;
const PIECES_PER_SECOND = 4;

export class Outgoing {
  #ready: Uint8Array[] = [];
  #readyBytes = 0;
  /** Small messages that wait for the rate. */
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  readonly #transfers: Transfer[] = [];
  #inFlight = 0;
  #nextTransfer = 1;
  #bucket: TokenBucket | undefined;
  /** Whose turn it is at the rate. */
  #pieceNext = false;
  #over = false;
  #drained = false;

  /** Bytes that have not been sent yet. */
  get waitingBytes(): number {
    return this.#transfers.reduce((sum, transfer) => sum + transfer.bytes.length - transfer.sent, this.#queuedBytes);
  }

  /** Bytes per second; undefined when there is no limit. */
  get rate(): number | undefined {
    return this.#bucket?.bytesPerSecond;
  }

  /** So much waits that nothing should be added that can be had otherwise. */
  get over(): boolean {
    return this.#over;
  }

  /** There is room for an answer to a question: who asks without reading is not answered for ever. */
  get takesAnswers(): boolean {
    return this.#readyBytes + this.waitingBytes <= ANSWERS_BYTES_MAX;
  }

  /** The large messages with lower numbers have left; those that come have this one and higher ones. */
  get transfers(): { readonly left: number; readonly next: number } {
    return { left: this.#transfers[0]?.id ?? this.#nextTransfer, next: this.#nextTransfer };
  }

  limit(bytesPerSecond: number | undefined, now: number): void {
    if (bytesPerSecond === this.rate) return;
    this.#bucket = bytesPerSecond === undefined ? undefined : new TokenBucket(bytesPerSecond, now);
    // What has waited goes before what comes next.
    if (bytesPerSecond === undefined) this.#releaseAll();
  }

  /** Queues one encoded message. `urgent`: it keeps the link alive, and is small. */
  push(message: Uint8Array, urgent = false): void {
    if (message.length > (this.#bucket === undefined ? MESSAGE_BYTES_UNCUT : this.#pieceBytes)) {
      this.#transfers.push({ id: this.#nextTransfer++, bytes: message, sent: 0 });
      if (this.#bucket === undefined) this.#sendFragments();
    } else if (urgent || this.#bucket === undefined) {
      this.#leave(message);
      this.#bucket?.takeAtMost(message.length);
    } else {
      this.#queue.push(message);
      this.#queuedBytes += message.length;
    }
    if (this.waitingBytes > this.#budget) this.#over = true;
  }

  /** The other side has taken one fragment. */
  fragmentTaken(): void {
    if (this.#inFlight > 0) this.#inFlight--;
    if (this.#bucket === undefined) this.#sendFragments();
  }

  /** Everything that may leave now, as frames. */
  takeFrames(now: number): Uint8Array[] {
    if (this.#bucket === undefined) this.#releaseAll();
    else this.#releaseAtRate(this.#bucket, now);
    if (this.#over && this.waitingBytes <= this.#budget * DRAINED_SHARE) {
      this.#over = false;
      this.#drained = true;
    }
    const frames: Uint8Array[] = [];
    let group: Uint8Array[] = [];
    let bytes = 0;
    for (const message of this.#ready) {
      if (group.length > 0 && bytes + message.length > LINK_FRAME_BYTES) {
        frames.push(encodeFrame(group));
        group = [];
        bytes = 0;
      }
      group.push(message);
      bytes += message.length;
    }
    if (group.length > 0) frames.push(encodeFrame(group));
    this.#ready = [];
    this.#readyBytes = 0;
    return frames;
  }

  /** True once after it has stopped being `over`. */
  takeDrained(): boolean {
    const drained = this.#drained;
    this.#drained = false;
    return drained;
  }

  /** When something may leave that has waited for the rate, or at once where it has drained. */
  nextDeadline(): number {
    if (this.#drained) return 0;
    const waits = this.#queue.length > 0 || this.#mayCut;
    return this.#bucket === undefined || !waits ? Number.POSITIVE_INFINITY : this.#bucket.readyAt();
  }

  get #budget(): number {
    if (this.#bucket === undefined) return WAITING_BYTES_MAX;
    const bytes = (this.#bucket.bytesPerSecond * LIMITED_WAIT_MS) / 1_000;
    return Math.min(WAITING_BYTES_MAX, Math.max(LIMITED_BYTES_MIN, bytes));
  }

  get #pieceBytes(): number {
    if (this.#bucket === undefined) return FRAGMENT_BYTES;
    return Math.min(FRAGMENT_BYTES, Math.ceil(this.#bucket.bytesPerSecond / PIECES_PER_SECOND));
  }

  get #mayCut(): boolean {
    return this.#transfers.length > 0 && this.#inFlight < FRAGMENTS_IN_FLIGHT_MAX;
  }

  #leave(message: Uint8Array): void {
    this.#ready.push(message);
    this.#readyBytes += message.length;
  }

  #releaseAll(): void {
    for (const message of this.#queue) this.#leave(message);
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#sendFragments();
  }

  #releaseAtRate(bucket: TokenBucket, now: number): void {
    let taken = 0;
    while (bucket.mayTake(now)) {
      const message = this.#queue[taken];
      if (message === undefined && !this.#mayCut) break;
      if (this.#mayCut && (this.#pieceNext || message === undefined)) {
        this.#pieceNext = false;
        bucket.take(this.#sendFragment());
        continue;
      }
      this.#pieceNext = true;
      taken++;
      this.#queuedBytes -= message!.length;
      this.#leave(message!);
      bucket.take(message!.length);
    }
    this.#queue.splice(0, taken);
  }

  #sendFragments(): void {
    while (this.#mayCut) this.#sendFragment();
  }

  /** Transfers go one after the other, so that the receiver holds at most one unfinished message per link. */
  #sendFragment(): number {
    const transfer = this.#transfers[0];
    assert(transfer !== undefined, "something is to be cut");
    const bytes = transfer.bytes.subarray(transfer.sent, transfer.sent + this.#pieceBytes);
    assert(bytes.length > 0, "a transfer has something to send");
    const piece = encodeMessage({ type: "fragment", transfer: transfer.id, total: transfer.bytes.length, bytes });
    this.#leave(piece);
    transfer.sent += bytes.length;
    this.#inFlight++;
    if (transfer.sent === transfer.bytes.length) this.#transfers.shift();
    return piece.length;
  }
}
