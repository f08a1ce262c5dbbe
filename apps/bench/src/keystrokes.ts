/**
 * Updates of a raw writer, written by hand: a client that costs little leaves the machine to the server that is measured.
 *
 * Each keystroke writes a stamp. They come in runs, as people type: one after the other, and then elsewhere in the text. One
 * endless run would make every update dearer for a server that encodes updates anew from its own document, and none would
 * spare it what real typing costs.
 */
import * as encoding from "lib0/encoding";

export const KEYSTROKE_ROOT = "text";
const STAMP_MARK = "t=";
/** Milliseconds since 1970 with three decimals: `1764000000000.123`. */
const STAMP_DIGITS = 17;
const STAMP_CHARS = STAMP_MARK.length + STAMP_DIGITS;
const MARK_BYTES = Buffer.from(STAMP_MARK, "latin1");

/** Keystrokes in a run; the next run begins before the whole text. */
const RUN_KEYSTROKES = 32;
/** `Item` with content string; and the bits that say which origins follow. */
const CONTENT_STRING = 4;
const HAS_ORIGIN = 0x80;
const HAS_RIGHT_ORIGIN = 0x40;

/** Milliseconds since 1970, the same clock in every process of the machine. */
export function clockMs(): number {
  return performance.timeOrigin + performance.now();
}

export class KeystrokeWriter {
  private readonly clientId: number;
  private count = 0;

  constructor(clientId: number) {
    this.clientId = clientId;
  }

  /** The next keystroke as a Yjs update, encoding V1, stamped with `atMs`. */
  next(atMs: number): Uint8Array {
    const encoder = encoding.createEncoder();
    encoding.writeVarUint(encoder, 1);
    encoding.writeVarUint(encoder, 1);
    encoding.writeVarUint(encoder, this.clientId);
    encoding.writeVarUint(encoder, this.count * STAMP_CHARS);
    this.writeOrigins(encoder);
    encoding.writeVarString(encoder, STAMP_MARK + atMs.toFixed(3));
    encoding.writeVarUint(encoder, 0);
    this.count++;
    return encoding.toUint8Array(encoder);
  }

  /** After the keystroke before, save at the start of a run; and before the first character of the run before. */
  private writeOrigins(encoder: encoding.Encoder): void {
    const run = Math.floor(this.count / RUN_KEYSTROKES);
    const origin = this.count % RUN_KEYSTROKES === 0 ? undefined : this.count * STAMP_CHARS - 1;
    const rightOrigin = run === 0 ? undefined : (run - 1) * RUN_KEYSTROKES * STAMP_CHARS;
    const bits = (origin === undefined ? 0 : HAS_ORIGIN) | (rightOrigin === undefined ? 0 : HAS_RIGHT_ORIGIN);
    encoding.writeUint8(encoder, CONTENT_STRING | bits);
    for (const clock of [origin, rightOrigin]) {
      if (clock === undefined) continue;
      encoding.writeVarUint(encoder, this.clientId);
      encoding.writeVarUint(encoder, clock);
    }
    if (bits !== 0) return;
    encoding.writeVarUint(encoder, 1);
    encoding.writeVarString(encoder, KEYSTROKE_ROOT);
  }
}

/** Calls `found` with each stamp in a frame, in order; a server may have merged several updates into one. Returns their number. */
export function readStamps(frame: Buffer, found?: (stampMs: number) => void): number {
  let count = 0;
  for (let at = frame.indexOf(MARK_BYTES); at >= 0; at = frame.indexOf(MARK_BYTES, at + 1)) {
    const stamp = Number(frame.toString("latin1", at + STAMP_MARK.length, at + STAMP_CHARS));
    // Two bytes of a number can look like the mark; what follows then is no time.
    if (!(stamp > 1e12)) continue;
    count++;
    found?.(stamp);
  }
  return count;
}
