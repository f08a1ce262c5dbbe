/**
 * What one link has to send. Small messages of a batch travel together in one frame; a message larger than a frame goes as
 * fragments, a few at a time, so that live updates pass between them and a slow link never buffers a whole document.
 */
import {
  assert,
  encodeFrame,
  encodeMessage,
  FRAGMENTS_IN_FLIGHT_MAX,
  LINK_FRAME_BYTES,
  LINK_FRAME_BYTES_MAX,
} from "@yarrow/protocol";

interface Transfer {
  readonly id: number;
  readonly bytes: Uint8Array;
  sent: number;
}

/** Room for the header of a fragment and the length before it. */
const FRAGMENT_BYTES = LINK_FRAME_BYTES - 64;
const MESSAGE_BYTES_UNCUT = LINK_FRAME_BYTES_MAX / 2;

export class Outgoing {
  #ready: Uint8Array[] = [];
  readonly #transfers: Transfer[] = [];
  #inFlight = 0;
  #nextTransfer = 1;

  /** Bytes of transfers that have not been sent yet. */
  get waitingBytes(): number {
    return this.#transfers.reduce((sum, transfer) => sum + transfer.bytes.length - transfer.sent, 0);
  }

  /** Queues one encoded message. */
  push(message: Uint8Array): void {
    if (message.length <= MESSAGE_BYTES_UNCUT) {
      this.#ready.push(message);
      return;
    }
    this.#transfers.push({ id: this.#nextTransfer++, bytes: message, sent: 0 });
    this.#sendFragments();
  }

  /** The other side has taken one fragment. */
  fragmentTaken(): void {
    if (this.#inFlight > 0) this.#inFlight--;
    this.#sendFragments();
  }

  /** Everything that may leave now, as frames. */
  takeFrames(): Uint8Array[] {
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
    return frames;
  }

  /** Transfers go one after the other, so that the receiver holds at most one unfinished message per link. */
  #sendFragments(): void {
    while (this.#inFlight < FRAGMENTS_IN_FLIGHT_MAX) {
      const transfer = this.#transfers[0];
      if (transfer === undefined) return;
      const bytes = transfer.bytes.subarray(transfer.sent, transfer.sent + FRAGMENT_BYTES);
      assert(bytes.length > 0, "a transfer has something to send");
      this.#ready.push(encodeMessage({ type: "fragment", transfer: transfer.id, total: transfer.bytes.length, bytes }));
      transfer.sent += bytes.length;
      this.#inFlight++;
      if (transfer.sent === transfer.bytes.length) this.#transfers.shift();
    }
  }
}
