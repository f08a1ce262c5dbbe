/**
 * Sizes as people write them: a number and a unit.
 */
import type { Parsed } from "./parsed.ts";

const UNIT_BYTES = new Map([
  ["B", 1],
  ["KB", 1_000],
  ["MB", 1_000_000],
  ["GB", 1_000_000_000],
  ["KiB", 1_024],
  ["MiB", 1_048_576],
  ["GiB", 1_073_741_824],
]);

/** `64MiB`, `1.5 GB`, `500KB`, in whole bytes, at least 1. */
export function parseSize(text: string): Parsed<number> {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)$/.exec(text.trim());
  const unitBytes = UNIT_BYTES.get(match?.[2] ?? "");
  const value = Math.round(Number(match?.[1]) * (unitBytes ?? Number.NaN));
  if (value >= 1 && value <= Number.MAX_SAFE_INTEGER) return { value };
  return { problem: `"${text}" is not a size; write a number and one of ${[...UNIT_BYTES.keys()].join(", ")}` };
}

/** Bytes per second: a size, with or without `/s`; `unlimited` is Infinity. */
export function parseRate(text: string): Parsed<number> {
  if (text.trim() === "unlimited") return { value: Infinity };
  const parsed = parseSize(text.trim().replace(/\/s$/, ""));
  return "value" in parsed
    ? parsed
    : { problem: `"${text}" is not a rate; write a size like 64MiB, which is meant per second, or unlimited` };
}
