/**
 * Aligned columns for people. No borders: they get in the way of copying and of `grep`.
 */
import { stripVTControlCharacters } from "node:util";
import { ink } from "./paint.ts";

export interface Column {
  readonly title: string;
  /** Numbers read best on the right. Default: left. */
  readonly align?: "left" | "right";
}

const GAP = "  ";

/** One line per row under a dim line of titles; cells may hold colours. No line feed at the end. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map((column, index) =>
    Math.max(displayWidth(column.title), ...rows.map((row) => displayWidth(row[index] ?? ""))),
  );
  const formatRow = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => pad(cell, widths[index] ?? 0, columns[index]?.align ?? "left"))
      .join(GAP)
      .trimEnd();
  const titles = formatRow(columns.map((column) => ink(column.title, "dim")));
  return [titles, ...rows.map(formatRow)].join("\n");
}

/** `label  value` lines with the values under each other. No line feed at the end. */
export function formatFacts(facts: readonly (readonly [label: string, value: string])[]): string {
  const width = Math.max(0, ...facts.map(([label]) => displayWidth(label)));
  return facts.map(([label, value]) => `${ink(pad(label, width, "left"), "dim")}${GAP}${value}`).join("\n");
}

/** Cells that a text takes on a terminal: colours none, East Asian characters and pictures two. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of stripVTControlCharacters(text)) {
    if (/\p{Mark}|\u200d/u.test(character)) continue;
    width +=
      /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\uff01-\uff60]/u.test(
        character,
      )
        ? 2
        : 1;
  }
  return width;
}

function pad(cell: string, width: number, align: "left" | "right"): string {
  const space = " ".repeat(Math.max(0, width - displayWidth(cell)));
  return align === "left" ? cell + space : space + cell;
}
