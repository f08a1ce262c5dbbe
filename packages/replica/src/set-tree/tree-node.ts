/** A node of the set tree, and the sums that it holds. */

/** Four 32-bit lanes, wrapping. Kept as small integers, so that a million of them stay small. */
export type Sum = [number, number, number, number];

export class TreeNode {
  #a = 0;
  #b = 0;
  #c = 0;
  #d = 0;
  /** Documents below it. */
  count = 0;
  /** 16 of them, undefined where nothing lies; undefined for a leaf. */
  children: (TreeNode | undefined)[] | undefined = undefined;
  /** When it was last saved, as the tree counts. */
  savedIn = 0;

  add([a, b, c, d]: Sum): void {
    this.#a = (this.#a + a) | 0;
    this.#b = (this.#b + b) | 0;
    this.#c = (this.#c + c) | 0;
    this.#d = (this.#d + d) | 0;
  }

  get sum(): Sum {
    return [this.#a, this.#b, this.#c, this.#d];
  }

  set sum([a, b, c, d]: Sum) {
    this.#a = a;
    this.#b = b;
    this.#c = c;
    this.#d = d;
  }
}

export function zeroSum(): Sum {
  return [0, 0, 0, 0];
}

export function addSum(sum: Sum, other: Sum): void {
  for (let lane = 0; lane < 4; lane++) sum[lane] = (sum[lane]! + other[lane]!) | 0;
}

/** The lanes as 16 bytes, each little-endian. */
export function sumBytes(sum: Sum): Uint8Array {
  const bytes = new Uint8Array(16);
  for (let at = 0; at < bytes.length; at++) bytes[at] = sum[at >> 2]! >>> (8 * (at & 3));
  return bytes;
}

/** The digit at a place of a path or key, 0 to 15. */
export function digitAt(path: string, at: number): number {
  const code = path.charCodeAt(at);
  return code >= 97 ? code - 87 : code - 48;
}
