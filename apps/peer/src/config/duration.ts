/**
 * Durations as people write them: a number and a unit.
 */
import type { Parsed } from "./parsed.ts";

const UNIT_MS = new Map([
  ["ms", 1],
  ["s", 1_000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
  ["w", 604_800_000],
]);

/** About 28 years: beyond it a number is a slip of the pen. */
const DURATION_MS_MAX = 10_000 * 86_400_000;

/** `500ms`, `30s`, `5m`, `12h`, `1.5d`, `2w`, and a bare `0`, in whole ms. */
export function parseDuration(text: string): Parsed<number> {
  const trimmed = text.trim();
  if (trimmed === "0") return { value: 0 };
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]+)$/.exec(trimmed);
  const unitMs = UNIT_MS.get(match?.[2] ?? "");
  if (match === null || unitMs === undefined) {
    return {
      problem: `"${text}" is not a duration; write a number and one of ms, s, m, h, d, w, for example 30s or 1d`,
    };
  }
  const value = Math.round(Number(match[1]) * unitMs);
  if (value > DURATION_MS_MAX) return { problem: `"${text}" is longer than 10000d` };
  return { value };
}
