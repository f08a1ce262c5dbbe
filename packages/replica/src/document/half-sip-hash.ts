/**
 * HalfSipHash (Aumasson and Bernstein, github.com/veorq/SipHash, halfsiphash.c) with a 64-bit key and 32 bits of output. Keyed,
 * so that nobody without the key can tell which inputs collide, and cheap on short messages.
 */

/** The four words of the running state. One is enough: hashing is synchronous and does not nest. */
const state = new Int32Array(4);

/**
 * Hashes `count` words, taken as a little-endian message of 4 × count bytes (at most 63 words).
 *
 * @param compressions rounds per word; Yarrow's formulas use 1
 * @param finalizations rounds at the end; Yarrow's formulas use 3
 */
export function halfSipHash(
  key0: number,
  key1: number,
  words: ArrayLike<number>,
  count: number,
  compressions = 1,
  finalizations = 3,
): number {
  state[0] = key0;
  state[1] = key1;
  state[2] = key0 ^ 0x6c796765;
  state[3] = key1 ^ 0x74656462;
  for (let index = 0; index < count; index++) absorbWord(words[index] as number, compressions);
  absorbWord(count << 26, compressions); // the length in bytes, in the top byte of a last word
  state[2] = (state[2] as number) ^ 0xff;
  for (let round = 0; round < finalizations; round++) mix();
  return ((state[1] as number) ^ (state[3] as number)) >>> 0;
}

function absorbWord(word: number, compressions: number): void {
  state[3] = (state[3] as number) ^ word;
  for (let round = 0; round < compressions; round++) mix();
  state[0] = (state[0] as number) ^ word;
}

function mix(): void {
  let v0 = state[0] as number;
  let v1 = state[1] as number;
  let v2 = state[2] as number;
  let v3 = state[3] as number;
  v0 = (v0 + v1) | 0;
  v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
  v0 = (v0 << 16) | (v0 >>> 16);
  v2 = (v2 + v3) | 0;
  v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
  v0 = (v0 + v3) | 0;
  v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
  v2 = (v2 + v1) | 0;
  v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
  v2 = (v2 << 16) | (v2 >>> 16);
  state[0] = v0;
  state[1] = v1;
  state[2] = v2;
  state[3] = v3;
}
