/** Which clocks of which client an update carries: what identifies an edit for good, whatever frame it travels in. */
import * as Y from "yjs";

/** Half-open `[from, to)`, disjoint, ascending. */
export type Range = readonly [from: number, to: number];

/** The clocks an update carries, by client. Skipped ranges are not carried. */
export function clocksOf(update: Uint8Array): Map<number, Range[]> {
  const ranges = new Map<number, Range[]>();
  for (const struct of Y.decodeUpdate(update).structs) {
    if (struct instanceof Y.Skip) continue;
    const { client, clock } = struct.id;
    const own = ranges.get(client) ?? [];
    own.push([clock, clock + struct.length]);
    ranges.set(client, own);
  }
  return ranges;
}

/** A growing set of clocks, kept as few merged ranges. */
export class ClockSet {
  private ranges: Range[] = [];

  add(from: number, to: number): void {
    if (from >= to) return;
    const last = this.ranges.at(-1);
    if (last !== undefined && from >= last[0] && from <= last[1]) {
      if (to > last[1]) this.ranges[this.ranges.length - 1] = [last[0], to];
      return;
    }
    const merged: Range[] = [];
    let [low, high] = [from, to];
    for (const range of this.ranges) {
      if (range[1] < low || range[0] > high) merged.push(range);
      else [low, high] = [Math.min(low, range[0]), Math.max(high, range[1])];
    }
    merged.push([low, high]);
    this.ranges = merged.sort((a, b) => a[0] - b[0]);
  }

  has(from: number, to: number): boolean {
    return this.ranges.some((range) => range[0] <= from && to <= range[1]);
  }
}
