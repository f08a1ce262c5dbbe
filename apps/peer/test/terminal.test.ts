import type { WriteStream } from "node:tty";
import { describe, expect, test } from "vitest";
import { formatLine } from "../src/log.ts";
import { printable } from "../src/terminal/paint.ts";
import { count, formatBytes, formatDuration } from "../src/terminal/quantity.ts";
import { createScreen } from "../src/terminal/screen.ts";
import { displayWidth, formatTable } from "../src/terminal/table.ts";

describe("text", () => {
  test("[CLI16] control characters, line ends and marks of direction become escapes, all else stays", () => {
    expect(printable("a\u001b[2Jb\r\n\u202ec\u0085")).toBe("a\\u{1b}[2Jb\\u{d}\\u{a}\\u{202e}c\\u{85}");
    expect(printable("Zoë 🌾 田 ‑ ok")).toBe("Zoë 🌾 田 ‑ ok");
  });

  test("[CLI16] a line of the log for people cannot be broken by what it tells", () => {
    const json = JSON.stringify({
      level: "warn",
      time: "2026-01-02T03:04:05.678Z",
      pid: 7,
      msg: "x\ny",
      name: "\u001b[31m",
      ms: 5,
    });
    expect(formatLine(json)).toBe("03:04:05.678 warn  x\\u{a}y name=\\u{1b}[31m ms=5\n");
  });
});

describe("tables", () => {
  test("[CLI13] columns stand under their titles, numbers on the right, wide characters counted as two", () => {
    const table = formatTable(
      [{ title: "NAME" }, { title: "SIZE", align: "right" }],
      [
        ["田んぼ", "7"],
        ["a", "1,024"],
      ],
    );
    expect(table.split("\n")).toEqual(["NAME     SIZE", "田んぼ      7", "a       1,024"]);
    expect(["田", "é", "e\u0301", "🌾", "\u001b[31mx\u001b[39m"].map(displayWidth)).toEqual([2, 1, 1, 2, 1]);
  });

  test.each([
    [0, "0 B"],
    [999, "999 B"],
    [1_000, "1.0 KiB"],
    [10_240, "10 KiB"],
    [1_500_000, "1.4 MiB"],
    [5 * 1024 ** 4, "5.0 TiB"],
  ])("[CLI13] %d bytes read %s", (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  test.each([
    [0.42, "0.4 ms"],
    [38.4, "38 ms"],
    [2_500, "2.5 s"],
    [240_000, "4 min"],
    [10_800_000, "3 h"],
    [1_036_800_000, "12 d"],
  ])("[CLI13] %d ms read %s", (ms, text) => expect(formatDuration(ms)).toBe(text));

  test("[CLI13] one is singular", () => {
    expect([0, 1, 1_234].map((value) => count(value, "document"))).toEqual([
      "0 documents",
      "1 document",
      "1,234 documents",
    ]);
  });
});

describe("the screen", () => {
  function fakeTerminal(rows: number, columns: number): { stream: WriteStream; written: string[] } {
    const written: string[] = [];
    const stream = { isTTY: true, rows, columns, write: (chunk: string) => written.push(chunk) > 0 };
    return { stream: stream as unknown as WriteStream, written };
  }

  test("[CLI14] on a terminal a frame replaces the one before, counting the rows of long lines, and the cursor comes back", () => {
    const { stream, written } = fakeTerminal(10, 10);
    const screen = createScreen(stream);
    screen.show("short\nlonger than ten");
    screen.show("short");
    screen.close();
    expect(written).toEqual([
      "\u001b[?25l\rshort\u001b[K\nlonger than ten\u001b[K\n\u001b[J",
      "\u001b[3A\rshort\u001b[K\n\u001b[J",
      "\r\u001b[K\u001b[?25h",
    ]);
  });

  test("[CLI14] a frame higher than the terminal is cut, so that it can be replaced", () => {
    const { stream, written } = fakeTerminal(3, 80);
    createScreen(stream).show("1\n2\n3\n4");
    expect(written[0]).toBe("\u001b[?25l\r1\u001b[K\n2\u001b[K\n\u001b[J");
  });
});
