/**
 * How far something is that takes longer than a second, on stderr: a bar on a terminal, a line now and then elsewhere, and JSON
 * lines for programs.
 */
import { paint } from "./paint.ts";
import { formatDuration } from "./quantity.ts";

const CELLS = 24;
const PATIENCE_MS = 1_000;
const REDRAW_INTERVAL_MS = 100;
const LINE_INTERVAL_MS = 2_000;

export interface ProgressBar {
  /** `done` of `total` in the stage that the label names. */
  at(label: string, done: number, total: number): void;
  /** Clears the bar away. */
  end(): void;
}

export function createProgressBar(json: boolean, out: NodeJS.WriteStream = process.stderr): ProgressBar {
  const startedMs = performance.now();
  const interval = out.isTTY && !json ? REDRAW_INTERVAL_MS : LINE_INTERVAL_MS;
  // Work that is over at once needs no bar.
  let shownMs = startedMs + PATIENCE_MS - interval;
  let drawn = false;
  return {
    at(label, done, total) {
      const now = performance.now();
      if (now - shownMs < interval) return;
      shownMs = now;
      const share = total > 0 ? Math.min(1, done / total) : 0;
      if (json) return void out.write(`${JSON.stringify({ stage: label, done, total })}\n`);
      const percent = `${Math.floor(share * 100)} %`.padStart(5);
      if (!out.isTTY) return void out.write(`${label}: ${percent.trim()}\n`);
      const full = Math.round(share * CELLS);
      const bar = paint("█".repeat(full), "cyan") + paint("░".repeat(CELLS - full), "dim");
      out.write(`\r${bar} ${percent} ${label} ${paint(formatDuration(now - startedMs), "dim")}\u001b[K`);
      drawn = true;
    },
    end() {
      if (drawn) out.write("\r\u001b[K");
    },
  };
}
