/**
 * Reads untrusted bytes. Unlike lib0's decoder it accepts only the shortest form of a number: a check that looks at the
 * first bytes of a frame could otherwise be passed by a frame that means something else.
 */
import { YarrowError } from "@yarrow/protocol";
import * as string from "lib0/string";

const LAST_GROUP = 0x80;
/** Groups of 7 bits in 2^53 - 1. */
const GROUPS_MAX = 8;

export function invalidFrame(detail: string): YarrowError {
  return new YarrowError("YARROW_FRAME_INVALID", detail);
}

/** Every method throws a YarrowError with YARROW_FRAME_INVALID when the bytes are not what is asked for. */
export class FrameReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  /** An unsigned integer of at most 2^53 - 1, seven bits to the byte, low bits first, in the shortest form. */
  varUint(): number {
    let value = 0;
    let unit = 1;
    for (let group = 0; group < GROUPS_MAX; group++) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw invalidFrame("number cut short");
      this.#at += 1;
      value += (byte % LAST_GROUP) * unit;
      unit *= LAST_GROUP;
      if (byte < LAST_GROUP) {
        if (byte === 0 && group > 0) throw invalidFrame("number not in its shortest form");
        if (value > Number.MAX_SAFE_INTEGER) throw invalidFrame("number too large");
        return value;
      }
    }
    throw invalidFrame("number too large");
  }

  /** Bytes preceded by their length; a view, not a copy. */
  varBytes(): Uint8Array {
    const length = this.varUint();
    if (length > this.remaining) throw invalidFrame("bytes cut short");
    const start = this.#at;
    this.#at += length;
    return this.#bytes.subarray(start, this.#at);
  }

  /** Everything that is left; a view. */
  rest(): Uint8Array {
    const start = this.#at;
    this.#at = this.#bytes.length;
    return this.#bytes.subarray(start);
  }
}

/** Text from bytes that must be well-formed UTF-8. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return string.decodeUtf8(bytes);
  } catch {
    throw invalidFrame("text that is not UTF-8");
  }
}
