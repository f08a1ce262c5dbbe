/** Aligned tables for people, and the same as Markdown. */

export type Cell = string | number | undefined;

/** Columns aligned by their widest cell: the first to the left, numbers to the right. */
export function formatTable(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const texts = [head.map(String), ...rows.map((row) => row.map(formatCell))];
  const widths = head.map((_, column) => Math.max(...texts.map((row) => (row[column] ?? "").length)));
  const isNumber = head.map((_, column) =>
    rows.every((row) => row[column] === undefined || typeof row[column] === "number"),
  );
  const lines = texts.map((row) =>
    row
      .map((text, at) => (isNumber[at] ? text.padStart(widths[at] ?? 0) : text.padEnd(widths[at] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
  lines.splice(1, 0, widths.map((width) => "-".repeat(width)).join("  "));
  return lines.join("\n");
}

export function formatMarkdown(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), `|${" --- |".repeat(head.length)}`, ...rows.map((row) => line(row.map(formatCell)))].join("\n");
}

/** Three significant digits at least, thousands grouped; a missing figure is a dash. */
function formatCell(cell: Cell): string {
  if (cell === undefined) return "–";
  if (typeof cell === "string") return cell;
  if (!Number.isFinite(cell)) return "–";
  const size = Math.abs(cell);
  const digits = Number.isInteger(cell) || size >= 1_000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 3;
  return cell.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
