/**
 * A sign of life for what takes longer than a second, on stderr and only on a terminal.
 */
import { paint } from "./paint.ts";
import { formatDuration } from "./quantity.ts";

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const FRAME_MS = 100;
const PATIENCE_MS = 1_000;

/** Waits for the work; shows the label and the time that passed once it takes longer than a second. */
export async function withSpinner<T>(label: string, work: Promise<T>): Promise<T> {
  if (!process.stderr.isTTY) return work;
  const startedMs = performance.now();
  let frame = 0;
  const timer = setInterval(() => {
    const elapsedMs = performance.now() - startedMs;
    if (elapsedMs < PATIENCE_MS) return;
    frame += 1;
    const sign = paint(FRAMES[frame % FRAMES.length] ?? "", "cyan");
    process.stderr.write(`\r${sign} ${label} ${paint(formatDuration(elapsedMs), "dim")}\u001b[K`);
  }, FRAME_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    if (frame > 0) process.stderr.write("\r\u001b[K");
  }
}
