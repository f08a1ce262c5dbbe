/**
 * Checksums of stored rows. SQLite has none of its own: of 400 single flipped bits, most come back as silently wrong bytes.
 *
 * CRC-32 is chosen because it is already here (zlib, vectorised: several GB/s, about a fifth of a microsecond for a short row)
 * and because bit rot is the enemy, not an attacker, who could write a fitting checksum just as well. It finds every burst of
 * up to 32 bits, and misses one in 2^32 of other damages. A cryptographic hash would cost ten times the insert of a short row.
 *
 * The checksum of a row is seeded with the numbers of its place (document, sequence, ...). So bytes that turn up in another
 * row than they were written to, or a row whose numbers were flipped, are damage too.
 */
import { crc32 } from "node:zlib";

/** Folds a number of up to 53 bits into a running place. A bijection of `place`, so that no fold hides an earlier difference. */
export function foldPlace(place: number, value: number): number {
  let mixed = Math.imul(place ^ (value | 0), 0x9e3779b1);
  mixed ^= mixed >>> 15;
  mixed = Math.imul(mixed ^ ((value / 0x1_0000_0000) | 0), 0x85ebca6b);
  return mixed ^ (mixed >>> 13);
}

/** 32 bits over the bytes and over where they are kept. */
export function checksumOf(bytes: Uint8Array, place: number): number {
  return crc32(bytes, place >>> 0);
}

/** The bytes, or undefined when they are not the ones that were written here. Takes the buffer over, without a copy. */
export function checked(bytes: Buffer, checksum: number, place: number): Uint8Array | undefined {
  return checksumOf(bytes, place) === checksum ? plain(bytes) : undefined;
}

/** A plain view of a Buffer: `slice` of a Buffer shares memory, which code made for Uint8Array does not expect. */
export function plain(bytes: Buffer): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The place of a row that is found by a text. */
export function textPlace(text: string): number {
  return crc32(text);
}
