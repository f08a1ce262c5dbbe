/** An update on its way over the control socket, whose lines are short: it comes in parts, and goes to the peer as a whole. */
import { DOCUMENT_BYTES_MAX, YarrowError } from "@yarrow/protocol";

/** Bytes of one part; four thirds of it in base64 must fit a line. */
export const PART_BYTES_MAX = 45_000;

export class Upload {
  #parts: Buffer[] = [];
  #bytes = 0;

  /** Errors: YARROW_UPDATE_TOO_LARGE, after which it is empty again. */
  add(base64: string): void {
    const part = Buffer.from(base64, "base64");
    this.#bytes += part.length;
    this.#parts.push(part);
    if (this.#bytes <= DOCUMENT_BYTES_MAX) return;
    this.take();
    throw new YarrowError("YARROW_UPDATE_TOO_LARGE", `an update may have ${DOCUMENT_BYTES_MAX} bytes`);
  }

  take(): Uint8Array {
    const whole = new Uint8Array(Buffer.concat(this.#parts));
    this.#parts = [];
    this.#bytes = 0;
    return whole;
  }
}
