/**
 * A set of clocks of one client, as half-open ranges: sorted, disjoint, and never touching, so that equal sets look
 * equal.
 */

/** Starts and ends by turns: [start, end, start, end, …]. */
export type FlatRanges = readonly number[];

const NOTHING: FlatRanges = [];

/** Incoming ranges beyond this number are merged in one pass over both sets instead of inserted one by one. */
const INSERT_MAX = 32;

export class Ranges {
  private flat: number[];

  private constructor(flat: number[]) {
    this.flat = flat;
  }

  static empty(): Ranges {
    return new Ranges([]);
  }

  /** From ranges sorted by start; they may touch or overlap. */
  static from(sorted: FlatRanges): Ranges {
    return new Ranges(normalise(sorted));
  }

  /** Number of ranges. */
  get size(): number {
    return this.flat.length / 2;
  }

  /** One past the last clock; 0 when empty. */
  get end(): number {
    return this.flat.at(-1) ?? 0;
  }

  /** The ranges themselves: read, do not keep or change. */
  view(): FlatRanges {
    return this.flat;
  }

  clone(): Ranges {
    return new Ranges(this.flat.slice());
  }

  /** True when every clock of [start, end) is in the set. O(log n). */
  contains(start: number, end: number): boolean {
    const index = this.firstEndingAtOrAfter(end);
    return index < this.flat.length && (this.flat[index] as number) <= start;
  }

  containsAll(other: Ranges): boolean {
    const { flat } = other;
    for (let index = 0; index < flat.length; index += 2) {
      if (!this.contains(flat[index] as number, flat[index + 1] as number)) return false;
    }
    return true;
  }

  /**
   * Adds [start, end) and returns the parts of it that were not there before. O(1) at the end, else O(log n) and a
   * move.
   */
  add(start: number, end: number): FlatRanges {
    const { flat } = this;
    const last = this.end;
    if (flat.length === 0 || start > last) {
      flat.push(start, end);
      return [start, end];
    }
    // From the first range that touches [start, end) to one past the last that does.
    const from = this.firstEndingAtOrAfter(start);
    let to = from;
    let mergedStart = start;
    let mergedEnd = end;
    const added: number[] = [];
    let cursor = start;
    for (; to < flat.length && (flat[to] as number) <= end; to += 2) {
      const rangeStart = flat[to] as number;
      const rangeEnd = flat[to + 1] as number;
      if (rangeStart > cursor) added.push(cursor, rangeStart);
      if (rangeEnd > cursor) cursor = rangeEnd;
      if (rangeStart < mergedStart) mergedStart = rangeStart;
      if (rangeEnd > mergedEnd) mergedEnd = rangeEnd;
    }
    if (cursor < end) added.push(cursor, end);
    if (added.length === 0) return NOTHING;
    if (to === from + 2) {
      flat[from] = mergedStart;
      flat[from + 1] = mergedEnd;
    } else {
      flat.splice(from, to - from, mergedStart, mergedEnd);
    }
    return added;
  }

  /** Adds a whole set and returns what was not there before. Linear in both where the other is large. */
  addAll(other: Ranges): FlatRanges {
    const incoming = other.flat;
    if (incoming.length <= 2 * INSERT_MAX) {
      if (incoming.length === 2) return this.add(incoming[0] as number, incoming[1] as number);
      const added: number[] = [];
      for (let index = 0; index < incoming.length; index += 2) {
        for (const bound of this.add(incoming[index] as number, incoming[index + 1] as number)) added.push(bound);
      }
      return added;
    }
    const added = other.minus(this);
    if (added.length > 0) this.flat = normalise(interleave(this.flat, added));
    return added;
  }

  /** The parts of this set that the other lacks. Linear in both. */
  minus(other: Ranges): FlatRanges {
    const kept: number[] = [];
    const holes = other.flat;
    let hole = 0;
    for (let index = 0; index < this.flat.length; index += 2) {
      let start = this.flat[index] as number;
      const end = this.flat[index + 1] as number;
      while (hole < holes.length && (holes[hole + 1] as number) <= start) hole += 2;
      for (let next = hole; next < holes.length && (holes[next] as number) < end; next += 2) {
        if ((holes[next] as number) > start) kept.push(start, holes[next] as number);
        start = holes[next + 1] as number;
        if (start >= end) break;
      }
      if (start < end) kept.push(start, end);
    }
    return kept;
  }

  /** Divides the set at a clock: what lies below, and what lies at or above it. */
  split(clock: number): { readonly below: Ranges; readonly above: Ranges } {
    if (this.end <= clock) return { below: this, above: Ranges.empty() };
    const below: number[] = [];
    const above: number[] = [];
    for (let index = 0; index < this.flat.length; index += 2) {
      const start = this.flat[index] as number;
      const end = this.flat[index + 1] as number;
      if (start < clock) below.push(start, Math.min(end, clock));
      if (end > clock) above.push(Math.max(start, clock), end);
    }
    return { below: new Ranges(below), above: new Ranges(above) };
  }

  /** Index in the flat array of the first range whose end is at or after `clock`. */
  private firstEndingAtOrAfter(clock: number): number {
    let low = 0;
    let high = this.flat.length / 2;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.flat[2 * middle + 1] as number) < clock) low = middle + 1;
      else high = middle;
    }
    return 2 * low;
  }
}

/** Joins ranges that touch or overlap; they come sorted by start. */
function normalise(sorted: FlatRanges): number[] {
  const flat: number[] = [];
  for (let index = 0; index < sorted.length; index += 2) {
    const start = sorted[index] as number;
    const end = sorted[index + 1] as number;
    const last = flat.length - 1;
    if (last > 0 && (flat[last] as number) >= start) {
      if ((flat[last] as number) < end) flat[last] = end;
    } else {
      flat.push(start, end);
    }
  }
  return flat;
}

/** Two sorted lists of ranges as one, sorted by start. */
function interleave(left: FlatRanges, right: FlatRanges): number[] {
  const both: number[] = [];
  let next = 0;
  for (let index = 0; index < left.length; index += 2) {
    const start = left[index] as number;
    while (next < right.length && (right[next] as number) < start) {
      both.push(right[next] as number, right[next + 1] as number);
      next += 2;
    }
    both.push(start, left[index + 1] as number);
  }
  while (next < right.length) both.push(right[next++] as number);
  return both;
}
