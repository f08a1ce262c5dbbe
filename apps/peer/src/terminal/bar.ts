/** How far something is, in a line of text for stdout. */
import { ink } from "./paint.ts";

const CELLS = 24;

/** `share` from 0 to 1, with the percentage behind it. */
export function bar(share: number): string {
  const full = Math.round(share * CELLS);
  const percent = `${Math.floor(share * 100)} %`.padStart(5);
  return `${ink("█".repeat(full), "cyan")}${ink("░".repeat(CELLS - full), "dim")} ${percent}`;
}
