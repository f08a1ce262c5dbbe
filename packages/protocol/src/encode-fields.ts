/** Fields that several messages have in common; `decode-fields.ts` is its mirror image. */
import * as encoding from "lib0/encoding";

export type Encoder = encoding.Encoder;

/** What is unknown is 0; what is known is one more than it is. */
export function maybe(encoder: Encoder, value: number | undefined): void {
  uint(encoder, value === undefined ? 0 : value + 1);
}

export function uint(encoder: Encoder, value: number): void {
  encoding.writeVarUint(encoder, value);
}

export function raw(encoder: Encoder, bytes: Uint8Array): void {
  encoding.writeUint8Array(encoder, bytes);
}

export function blob(encoder: Encoder, bytes: Uint8Array): void {
  encoding.writeVarUint8Array(encoder, bytes);
}

export function text(encoder: Encoder, value: string): void {
  encoding.writeVarString(encoder, value);
}

export function list<T>(encoder: Encoder, items: readonly T[], encodeItem: (encoder: Encoder, item: T) => void): void {
  encoding.writeVarUint(encoder, items.length);
  for (const item of items) encodeItem(encoder, item);
}
