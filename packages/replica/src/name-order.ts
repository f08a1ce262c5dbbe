/**
 * The order in which documents are listed: by the bytes of their names' UTF-8, which is the order of their code points.
 * JavaScript compares UTF-16 code units, where an astral character (a surrogate pair, from 0xD800) sorts before U+E000.
 */

const SURROGATE_FIRST = 0xd800;
const SURROGATE_LAST = 0xdfff;
const CODE_POINT_LAST = 0x10ffff;

/** Negative, zero or positive as `a` sorts before, with or after `b` by the bytes of their UTF-8. */
export function compareNames(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return liftSurrogate(x) - liftSurrogate(y);
  }
  return a.length - b.length;
}

/** The smallest name greater than every name that begins with `prefix`; undefined when there is none. */
export function endOfPrefix(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0) ?? 0);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    if (last === CODE_POINT_LAST) continue;
    const next = last === SURROGATE_FIRST - 1 ? SURROGATE_LAST + 1 : last + 1;
    return String.fromCodePoint(...points, next);
  }
  return undefined;
}

/** Two strings that first differ inside a surrogate pair compare as the pairs would; a surrogate stands above all other units. */
function liftSurrogate(unit: number): number {
  return unit >= SURROGATE_FIRST && unit <= SURROGATE_LAST ? unit + 0x10000 : unit;
}
