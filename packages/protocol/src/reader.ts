/**
 * Reads bytes that came from outside. Every read checks what is left; numbers must stand in their shortest form, so that
 * one value has one encoding and nothing can be hidden from a check. Anything else throws YARROW_FRAME_INVALID.
 */
import * as string from "lib0/string";
import { YarrowError } from "./error.ts";

export class Reader {
  readonly bytes: Uint8Array;
  position: number;
  readonly end: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.position;
  }

  fail(what: string): never {
    throw new YarrowError("YARROW_FRAME_INVALID", `invalid frame: ${what} at byte ${this.position}`);
  }

  byte(): number {
    if (this.position >= this.end) this.fail("unexpected end");
    return this.bytes[this.position++]!;
  }

  /** An unsigned integer up to 2^53-1 in its shortest form, 7 bits a byte, low bits first. */
  varUint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (i > 0 && byte === 0) this.fail("number not in shortest form");
        if (value > Number.MAX_SAFE_INTEGER) this.fail("number too large");
        return value;
      }
      scale *= 128;
    }
    return this.fail("number too long");
  }

  /** A count of things that take at least `bytesEach` bytes, so that a short frame cannot announce a long list. */
  count(bytesEach: number, max = Number.MAX_SAFE_INTEGER): number {
    const count = this.varUint();
    if (count > max) this.fail(`count ${count} over the limit ${max}`);
    if (count * bytesEach > this.remaining) this.fail(`count ${count} beyond the end`);
    return count;
  }

  /** A view of the next `length` bytes; shares memory with the frame. */
  take(length: number): Uint8Array {
    if (length > this.remaining) this.fail("unexpected end");
    const view = this.bytes.subarray(this.position, this.position + length);
    this.position += length;
    return view;
  }

  /** Length-prefixed bytes; a view that shares memory with the frame. */
  blob(max: number): Uint8Array {
    const length = this.varUint();
    if (length > max) this.fail(`length ${length} over the limit ${max}`);
    return this.take(length);
  }

  /** Length-prefixed UTF-8. */
  text(bytesMax: number): string {
    const bytes = this.blob(bytesMax);
    try {
      return string.decodeUtf8(bytes);
    } catch {
      return this.fail("text is not UTF-8");
    }
  }

  /** `length` bytes as lowercase hex. */
  hex(length: number): string {
    return toHex(this.take(length));
  }

  finish(): void {
    if (this.position !== this.end) this.fail(`${this.remaining} bytes left over`);
  }
}

const HEX = Array.from({ length: 256 }, (_, value) => value.toString(16).padStart(2, "0"));

export function toHex(bytes: Uint8Array): string {
  let hex = "";
  for (let i = 0; i < bytes.length; i++) hex += HEX[bytes[i]!];
  return hex;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Bytes of lowercase hex digits. */
export function fromHex(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length >> 1);
  for (let i = 0; i < bytes.length; i++) bytes[i] = (digit(hex, 2 * i) << 4) | digit(hex, 2 * i + 1);
  return bytes;
}

function digit(hex: string, at: number): number {
  const code = hex.charCodeAt(at);
  return code >= 97 ? code - 87 : code - 48;
}
