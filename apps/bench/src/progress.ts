/** Where a long run stands: one line that is drawn over on a terminal, now and then a plain line elsewhere. On stderr. */

const BAR_CELLS = 24;
const REDRAW_INTERVAL_MS = 100;
const PLAIN_INTERVAL_MS = 5_000;

export interface Progress {
  /** `done` of `total`, and a few words. */
  at(done: number, total: number, words?: string): void;
  /** Says what comes next, on a line of its own where there is no terminal. */
  say(words: string): void;
  end(): void;
}

export const silent: Progress = { at: () => {}, say: () => {}, end: () => {} };

export function makeProgress(title: string, out: NodeJS.WriteStream = process.stderr): Progress {
  const interval = out.isTTY ? REDRAW_INTERVAL_MS : PLAIN_INTERVAL_MS;
  let drawnAt = -Infinity;
  return {
    at: (done, total, words = "") => {
      const now = performance.now();
      if (now - drawnAt < interval) return;
      drawnAt = now;
      const share = total > 0 ? Math.min(1, done / total) : 1;
      const percent = `${Math.floor(share * 100)} %`.padStart(5);
      if (!out.isTTY) return void out.write(`${title}: ${percent} ${words}\n`);
      const full = Math.round(share * BAR_CELLS);
      out.write(`\r\x1b[2K${title} ${"█".repeat(full)}${"░".repeat(BAR_CELLS - full)}${percent} ${words}`);
    },
    say: (words) => {
      out.write(out.isTTY ? `\r\x1b[2K${title} ${words}` : `${title}: ${words}\n`);
    },
    end: () => {
      if (out.isTTY) out.write("\r\x1b[2K");
    },
  };
}
