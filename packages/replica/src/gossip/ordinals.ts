/** Ordinals of several origins, gathered one by one and told as ranges. */
import type { OrdinalRange, OriginRanges, ProcessId } from "@yarrow/protocol";
import { ORIGINS_PER_MESSAGE_MAX, RANGES_PER_ORIGIN_MAX } from "@yarrow/protocol";

/** Of one message no more are looked at: who names more has lost its way, or means harm. */
const NAMED_MAX = 65_536;

export class Ordinals {
  readonly #byOrigin = new Map<ProcessId, { from: number; to: number }[]>();

  get size(): number {
    return this.#byOrigin.size;
  }

  /** Names an origin, even if nothing of it follows. */
  touch(origin: ProcessId): void {
    if (!this.#byOrigin.has(origin)) this.#byOrigin.set(origin, []);
  }

  add(origin: ProcessId, ordinal: number): void {
    const ranges = this.#byOrigin.get(origin);
    const last = ranges?.at(-1);
    if (last !== undefined && last.to === ordinal - 1) last.to = ordinal;
    else if (ranges === undefined) this.#byOrigin.set(origin, [{ from: ordinal, to: ordinal }]);
    else ranges.push({ from: ordinal, to: ordinal });
  }

  rangesOf(origin: ProcessId): readonly OrdinalRange[] {
    return this.#byOrigin.get(origin) ?? [];
  }

  clear(): void {
    this.#byOrigin.clear();
  }

  /** In messages' worth each, of the origins for which it says so. */
  *messages(of: (origin: ProcessId) => boolean = () => true): Iterable<OriginRanges[]> {
    let origins: OriginRanges[] = [];
    for (const [origin, ranges] of this.#byOrigin) {
      if (!of(origin)) continue;
      for (let from = 0; from === 0 || from < ranges.length; from += RANGES_PER_ORIGIN_MAX) {
        if (origins.length === ORIGINS_PER_MESSAGE_MAX) {
          yield origins;
          origins = [];
        }
        origins.push({ origin, ranges: ranges.slice(from, from + RANGES_PER_ORIGIN_MAX) });
      }
    }
    if (origins.length > 0) yield origins;
  }
}

/** How many broadcasts are named. */
export function countOrdinals(origins: readonly OriginRanges[]): number {
  let count = 0;
  for (const { ranges } of origins) for (const { from, to } of ranges) count += to - from + 1;
  return count;
}

/** The last `max` ordinals of a range: what lies further back is not asked for or answered one by one. */
export function lastOf({ from, to }: OrdinalRange, max: number): OrdinalRange {
  return { from: Math.max(from, to - max + 1), to };
}

/** What is looked at of what a message names: of each range the last `rangeMax`, and of all a bounded number. */
export function* clip(origins: readonly OriginRanges[], rangeMax: number): Iterable<OriginRanges> {
  let left = NAMED_MAX;
  for (const { origin, ranges } of origins) {
    const looked: OrdinalRange[] = [];
    for (const range of ranges) {
      if (left === 0) break;
      const one = lastOf(range, Math.min(rangeMax, left));
      left -= one.to - one.from + 1;
      looked.push(one);
    }
    yield { origin, ranges: looked };
  }
}
