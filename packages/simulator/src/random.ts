/**
 * The only source of chance in a simulation: xoshiro128** (Blackman and Vigna, "Scrambled linear pseudorandom number
 * generators", 2021), seeded through splitmix32. Equal seeds give equal numbers on every machine.
 */
export class Random {
  readonly #state = new Uint32Array(4);

  constructor(seed: number, stream = 0) {
    let mixed = (seed ^ Math.imul(stream, 0x9e3779b9)) >>> 0;
    for (let index = 0; index < 4; index++) {
      mixed = (mixed + 0x9e3779b9) >>> 0;
      let word = mixed ^ (mixed >>> 16);
      word = Math.imul(word, 0x21f0aaad);
      word ^= word >>> 15;
      word = Math.imul(word, 0x735a2d97);
      this.#state[index] = (word ^ (word >>> 15)) >>> 0;
    }
  }

  /** Uniform in [0, 2^32), an integer. */
  word(): number {
    const state = this.#state;
    // By index: destructuring a typed array goes through its iterator.
    const a = state[0] as number;
    const b = state[1] as number;
    const c = state[2] as number;
    const d = state[3] as number;
    const result = Math.imul(rotated(Math.imul(b, 5), 7), 9) >>> 0;
    state[0] = a ^ d ^ b;
    state[1] = b ^ c ^ a;
    state[2] = c ^ a ^ (b << 9);
    state[3] = rotated(d ^ b, 11);
    return result;
  }

  /** Uniform in [0, 1), with 53 bits. */
  next(): number {
    return ((this.word() >>> 5) * 2 ** 26 + (this.word() >>> 6)) / 2 ** 53;
  }

  /** An integer from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.next() * list.length)] as T;
  }

  pickOrNone<T>(list: readonly T[]): T | undefined {
    return list.length === 0 ? undefined : this.pick(list);
  }

  /** Exponentially distributed, rounded up to a whole number. */
  exponential(mean: number): number {
    return Math.ceil(-Math.log(1 - this.next()) * mean);
  }

  shuffled<T>(list: readonly T[]): T[] {
    const result = [...list];
    for (let index = result.length - 1; index > 0; index--) {
      const other = this.between(0, index);
      [result[index], result[other]] = [result[other] as T, result[index] as T];
    }
    return result;
  }

  /** `count` times in [from, to), ascending. */
  times(count: number, from: number, to: number): number[] {
    const times = Array.from({ length: count }, () => Math.floor(from + this.next() * (to - from)));
    return times.sort((left, right) => left - right);
  }

  /** Lowercase hex digits. */
  hex(digits: number): string {
    let text = "";
    while (text.length < digits) text += this.word().toString(16).padStart(8, "0");
    return text.slice(0, digits);
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.word() & 0xff);
  }

  /** A generator of its own, so that what one part draws does not move the others. */
  fork(): Random {
    return new Random(this.word(), this.word());
  }
}

function rotated(word: number, by: number): number {
  return ((word << by) | (word >>> (32 - by))) >>> 0;
}
