/** Joins fragments to messages. At most one message per link is unfinished, and none is larger than the limit. */
import type { Fragment } from "@yarrow/protocol";
import { LINK_MESSAGE_BYTES_MAX, YarrowError } from "@yarrow/protocol";

export class Incoming {
  #transfer: { readonly id: number; readonly bytes: Uint8Array; filled: number } | undefined;

  /** The number of the message of which some has come. */
  get unfinished(): number | undefined {
    return this.#transfer?.id;
  }

  /** Returns the whole message when this was its last piece. Throws YARROW_FRAME_INVALID, YARROW_FRAME_TOO_LARGE. */
  take(fragment: Fragment): Uint8Array | undefined {
    if (fragment.total > LINK_MESSAGE_BYTES_MAX) {
      throw new YarrowError(
        "YARROW_FRAME_TOO_LARGE",
        `a message of ${fragment.total} bytes from a peer is over the limit of ${LINK_MESSAGE_BYTES_MAX}`,
      );
    }
    this.#transfer ??= { id: fragment.transfer, bytes: new Uint8Array(fragment.total), filled: 0 };
    const transfer = this.#transfer;
    const end = transfer.filled + fragment.bytes.length;
    if (
      transfer.id !== fragment.transfer ||
      transfer.bytes.length !== fragment.total ||
      fragment.bytes.length === 0 ||
      end > fragment.total
    ) {
      throw new YarrowError("YARROW_FRAME_INVALID", `a fragment of transfer ${fragment.transfer} does not fit`);
    }
    transfer.bytes.set(fragment.bytes, transfer.filled);
    transfer.filled = end;
    if (end < fragment.total) return undefined;
    this.#transfer = undefined;
    return transfer.bytes;
  }
}
