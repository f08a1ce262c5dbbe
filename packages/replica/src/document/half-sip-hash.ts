/**
 * HalfSipHash (Aumasson and Bernstein, github.com/veorq/SipHash, halfsiphash.c) with a 64-bit key and 32 bits of
 * output. Keyed, so that nobody without the key can tell which inputs collide, and cheap on short messages.
 */

/**
 * Hashes `count` words, taken as a little-endian message of 4 × count bytes (at most 63 words).
 *
 * @param compressions rounds per word; Yarrow's formulas use 1
 * @param finalizations rounds at the end; Yarrow's formulas use 3
 */
export function halfSipHash(
  key0: number,
  key1: number,
  words: Uint32Array,
  count: number,
  compressions = 1,
  finalizations = 3,
): number {
  let v0 = key0 | 0;
  let v1 = key1 | 0;
  let v2 = (key0 ^ 0x6c796765) | 0;
  let v3 = (key1 ^ 0x74656462) | 0;
  // The words, then one with the length in bytes in its top byte, then the final rounds as words of zero.
  const steps = count + 1 + finalizations;
  for (let step = 0; step < steps; step++) {
    const word = step < count ? (words[step] as number) | 0 : step === count ? count << 26 : 0;
    if (step === count + 1) v2 ^= 0xff;
    v3 ^= word;
    for (let round = step <= count ? compressions : 1; round > 0; round--) {
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
    }
    v0 ^= word;
  }
  return (v1 ^ v3) >>> 0;
}
