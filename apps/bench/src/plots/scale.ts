/** From measured values to places in a plot: linear and logarithmic scales, and round numbers to mark on them. */

export type ScaleKind = "linear" | "log";

export interface Bounds {
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

export interface Scale {
  readonly low: number;
  readonly high: number;
  /** Values to mark, ascending, all between `low` and `high`. */
  readonly ticks: readonly number[];
  /** Where a value lies: 0 at `low`, 1 at `high`. Values beyond are held at the edge. */
  place(value: number): number;
}

const TICKS_WANTED = 5;
/** Steps between ticks, times a power of ten. */
const STEPS = [1, 2, 2.5, 5, 10] as const;

/**
 * A scale that holds all values, widened to round numbers. A linear one begins at 0 unless `from` says otherwise, and ends exactly
 * at `to` where that is given. Values of a logarithmic one must be above 0; others are left out.
 */
export function makeScale(values: readonly number[], kind: ScaleKind, { from = 0, to }: Bounds = {}): Scale {
  const usable = values.filter((value) => Number.isFinite(value) && (kind === "linear" || value > 0));
  if (kind === "log") return logarithmic(usable);
  const round = linear(
    usable.reduce((most, value) => Math.max(most, value), from),
    from,
  );
  if (to === undefined || to <= from) return round;
  const { ticks } = linear(to, from);
  return {
    low: from,
    high: to,
    ticks: ticks.filter((tick) => tick <= to),
    place: (value) => clamp((value - from) / (to - from)),
  };
}

function linear(most: number, low: number): Scale {
  const span = most > low ? most - low : 1;
  const power = 10 ** Math.floor(Math.log10(span / TICKS_WANTED));
  const step = power * (STEPS.find((each) => each * power * TICKS_WANTED >= span * 0.999) ?? 10);
  // Steps are counted, not added up: 0.1 added three times is not 0.3.
  const count = Math.max(1, Math.ceil((span / step) * 0.999));
  const ticks = Array.from({ length: count + 1 }, (_, at) => Number((low + at * step).toPrecision(12)));
  const high = ticks.at(-1) ?? low + 1;
  return { low, high, ticks, place: (value) => clamp((value - low) / (high - low)) };
}

function logarithmic(values: readonly number[]): Scale {
  const least = Math.min(...values, 1e308);
  const most = Math.max(...values, Number.MIN_VALUE);
  const first = values.length === 0 ? 0 : Math.floor(Math.log10(least) + 1e-9);
  const last = values.length === 0 ? 1 : Math.max(first + 1, Math.ceil(Math.log10(most) - 1e-9));
  const ticks = Array.from({ length: last - first + 1 }, (_, at) => Number((10 ** (first + at)).toPrecision(12)));
  const place = (value: number) => (value > 0 ? clamp((Math.log10(value) - first) / (last - first)) : 0);
  return { low: 10 ** first, high: 10 ** last, ticks, place };
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share));
}

/** `1`, `0.25`, `10 k`, `1 M`: short enough for an axis. */
export function formatTick(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6) return `${trimmed(value / 1e6)} M`;
  if (size >= 1e4) return `${trimmed(value / 1e3)} k`;
  return trimmed(value);
}

function trimmed(value: number): string {
  return value.toLocaleString("en-US", { maximumSignificantDigits: 4, useGrouping: false });
}
