/**
 * Frames that replace each other in place on a terminal, and follow each other with an empty line between elsewhere.
 */
import type { WriteStream } from "node:tty";
import { stripVTControlCharacters } from "node:util";

export interface Screen {
  show(frame: string): void;
  /** Gives the cursor back. */
  close(): void;
}

const HIDE_CURSOR = "\u001b[?25l";
const SHOW_CURSOR = "\u001b[?25h";
const CLEAR_TO_END_OF_LINE = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";

export function createScreen(stream: WriteStream): Screen {
  return stream.isTTY ? createTerminalScreen(stream) : createPipeScreen(stream);
}

function createPipeScreen(stream: WriteStream): Screen {
  let separator = "";
  return {
    show(frame) {
      stream.write(`${separator}${frame}\n`);
      separator = "\n";
    },
    close() {},
  };
}

/** Moves up over what it wrote last; a frame higher than the terminal is cut, because what scrolled away cannot be replaced. */
function createTerminalScreen(stream: WriteStream): Screen {
  let height = 0;
  return {
    show(frame) {
      const lines = frame.split("\n").slice(0, Math.max(1, stream.rows - 1));
      const back = height > 0 ? `\u001b[${height}A` : HIDE_CURSOR;
      stream.write(`${back}\r${lines.map((line) => line + CLEAR_TO_END_OF_LINE).join("\n")}\n${CLEAR_BELOW}`);
      height = lines.reduce((sum, line) => sum + rowsOf(line, stream.columns), 0);
    },
    close() {
      // The terminal has echoed a ^C by now; what is typed next should not stand behind it.
      if (height > 0) stream.write(`\r${CLEAR_TO_END_OF_LINE}${SHOW_CURSOR}`);
    },
  };
}

/** A line longer than the terminal is wide takes several rows. */
function rowsOf(line: string, columns: number): number {
  return Math.max(1, Math.ceil(stripVTControlCharacters(line).length / Math.max(1, columns)));
}
