/**
 * Options that several commands share, and how their text becomes values.
 */
import { InvalidArgumentError, Option } from "commander";
import { CONFIG_DEFAULTS } from "../config/config-defaults.ts";
import { parseDuration } from "../config/duration.ts";
import { parseInstant } from "../config/instant.ts";
import { parseRate } from "../config/size.ts";
import type { Parsed } from "../config/parsed.ts";

export interface ControlOptions {
  readonly data: string;
  readonly json?: true;
}

/** `--data DIR`: which running peer is meant. */
export function dataOption(): Option {
  return new Option("--data <dir>", "data folder of the running peer").env("YARROW_DATA").default(CONFIG_DEFAULTS.data);
}

export function jsonOption(): Option {
  return new Option("--json", "print JSON, for programs");
}

/** An option's parser that reports what is wrong as a usage error. */
function asArgument<T>(parse: (text: string) => Parsed<T>): (text: string) => T {
  return (text) => {
    const parsed = parse(text);
    if ("value" in parsed) return parsed.value;
    throw new InvalidArgumentError(parsed.problem);
  };
}

export const durationArgument = asArgument(parseDuration);

/** An instant, in ms since 1970. */
export const instantArgument = asArgument((text) => parseInstant(text, Date.now()));

export const rateArgument = asArgument(parseRate);

/** A whole number within bounds. */
export function wholeArgument(min: number, max: number): (text: string) => number {
  return asArgument((text): Parsed<number> => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return { value };
    return { problem: `"${text}" is not a whole number from ${min} to ${max}` };
  });
}

/** For options that may be given several times. */
export function collect(value: string, previous: readonly string[] | undefined): string[] {
  return [...(previous ?? []), value];
}
