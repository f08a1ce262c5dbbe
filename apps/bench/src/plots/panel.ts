/** One panel of a figure: lines over two axes, or spans in lanes along time. */
import { type Bounds, type Scale, type ScaleKind, formatTick, makeScale } from "./scale.ts";
import { escapeText, widthOf } from "./text.ts";

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface Gutters {
  readonly left: number;
  readonly right: number;
}

/** A linear axis begins at 0 and ends at a round number, unless it says otherwise. */
interface Axis extends Bounds {
  /** With its unit. */
  readonly label: string;
  readonly scale: ScaleKind;
}

interface Line {
  /** Written at its end. */
  readonly label: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface LinesPanel {
  readonly kind: "lines";
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  /** At most four: more cannot be told apart. */
  readonly lines: readonly Line[];
  /** A value that must not be passed, or that is the best there can be. */
  readonly limits?: readonly { readonly label: string; readonly value: number }[];
}

interface SpansPanel {
  readonly kind: "spans";
  readonly title: string;
  readonly x: Axis;
  readonly lanes: readonly {
    readonly label: string;
    readonly spans: readonly (readonly [from: number, to: number])[];
  }[];
}

export type Panel = LinesPanel | SpansPanel;

export const LINES_MAX = 4;
/** Fewer points than this are marked one by one. */
const MARKED_POINTS_MAX = 24;
const DASHES = ["none", "6 3", "2 3", "9 3 2 3"] as const;
const LABEL_HEIGHT = 15;
/** Before a label: a piece of its line. */
const SAMPLE_WIDTH = 22;
const LANE_HEIGHT = 20;

/** The room that a panel needs beside its plot: for the words at the left, and for the labels at the right. */
export function guttersOf(panel: Panel): Gutters {
  if (panel.kind === "spans") return { left: widest(panel.lanes.map(({ label }) => label)) + 12, right: 12 };
  const labels = [...panel.lines.slice(0, LINES_MAX), ...(panel.limits ?? [])].map(({ label }) => label);
  const { ticks } = makeScale(valuesOf(panel), panel.y.scale, panel.y);
  return { left: widest(ticks.map(formatTick)) + 12, right: widest(labels) + SAMPLE_WIDTH + 22 };
}

export function drawPanel(panel: Panel, box: Box, gutters: Gutters = guttersOf(panel)): string {
  return panel.kind === "lines" ? drawLines(panel, box, gutters) : drawSpans(panel, box, gutters);
}

function drawLines(panel: LinesPanel, box: Box, gutters: Gutters): string {
  const limits = panel.limits ?? [];
  const lines = panel.lines.slice(0, LINES_MAX);
  const xs = lines.flatMap(({ points }) => points.map(([x]) => x));
  const x = makeScale(xs, panel.x.scale, panel.x);
  const y = makeScale(valuesOf(panel), panel.y.scale, panel.y);
  const plot: Box = {
    left: box.left + gutters.left,
    top: box.top + 42,
    width: box.width - gutters.left - gutters.right,
    height: box.height - 42 - 40,
  };
  const at = ([px, py]: readonly [number, number]) =>
    [plot.left + x.place(px) * plot.width, plot.top + (1 - y.place(py)) * plot.height] as const;
  const ends = spread(
    [
      ...limits.map(({ label, value }) => ({ label, y: at([x.high, value])[1], line: undefined, isMarked: false })),
      ...lines.map(({ label, points }, line) => ({
        label,
        y: at(points.at(-1) ?? [0, 0])[1],
        line,
        isMarked: isMarked(points),
      })),
    ],
    plot.top + plot.height,
  );
  return [
    heading(panel.title, box),
    `<text class="soft" x="${box.left}" y="${box.top + 32}">${escapeText(panel.y.label)}</text>`,
    ...y.ticks.map((tick) => drawRow(tick, at([x.low, tick])[1], plot)),
    drawColumns(x, panel.x.label, plot),
    ...limits.map(({ value }) => drawLimit(at([x.low, value])[1], plot)),
    ...lines.map((line, index) => drawLine(line, index, at)),
    ...ends.map((end) => drawEnd(end, plot)),
  ].join("\n");
}

function drawSpans(panel: SpansPanel, box: Box, gutters: Gutters): string {
  const x = makeScale(
    panel.lanes.flatMap(({ spans }) => spans.flat()),
    panel.x.scale,
    panel.x,
  );
  const left = box.left + gutters.left;
  const width = box.width - gutters.left - gutters.right;
  const parts = [heading(panel.title, box)];
  for (const [row, { label, spans }] of panel.lanes.entries()) {
    const top = box.top + 24 + row * LANE_HEIGHT;
    parts.push(
      `<text x="${left - 8}" y="${top + 13}" text-anchor="end">${escapeText(label)}</text>`,
      `<line class="rule" x1="${left}" x2="${left + width}" y1="${top + 18}" y2="${top + 18}"/>`,
    );
    for (const [from, to] of spans) {
      const start = left + x.place(from) * width;
      // What happened in a moment is still to be seen.
      const length = Math.max(2, left + x.place(to) * width - start);
      parts.push(`<rect class="lane" x="${px(start)}" y="${top + 4}" width="${px(length)}" height="12" rx="1"/>`);
    }
  }
  return parts.join("\n");
}

function heading(title: string, box: Box): string {
  return `<text class="panel-title" x="${box.left}" y="${box.top + 14}">${escapeText(title)}</text>`;
}

function drawRow(tick: number, y: number, plot: Box): string {
  const rule = `<line class="rule" x1="${plot.left}" x2="${px(plot.left + plot.width)}" y1="${px(y)}" y2="${px(y)}"/>`;
  const label = `<text class="soft" x="${plot.left - 6}" y="${px(y + 4)}" text-anchor="end">${formatTick(tick)}</text>`;
  return `${rule}${label}`;
}

function drawColumns(x: Scale, label: string, plot: Box): string {
  const bottom = plot.top + plot.height;
  const parts = x.ticks.map((tick) => {
    const left = plot.left + x.place(tick) * plot.width;
    const mark = `<line class="axis" x1="${px(left)}" x2="${px(left)}" y1="${px(bottom)}" y2="${px(bottom + 4)}"/>`;
    return `${mark}<text class="soft" x="${px(left)}" y="${px(bottom + 17)}" text-anchor="middle">${formatTick(tick)}</text>`;
  });
  const line = `<line class="axis" x1="${plot.left}" x2="${px(plot.left + plot.width)}" y1="${px(bottom)}" y2="${px(bottom)}"/>`;
  const words = `<text class="soft" x="${px(plot.left + plot.width / 2)}" y="${px(bottom + 34)}" text-anchor="middle">${escapeText(label)}</text>`;
  return [line, ...parts, words].join("");
}

function drawLimit(y: number, plot: Box): string {
  return `<line class="limit" x1="${plot.left}" x2="${px(plot.left + plot.width)}" y1="${px(y)}" y2="${px(y)}"/>`;
}

function drawLine(
  { points }: Line,
  index: number,
  at: (point: readonly [number, number]) => readonly [number, number],
): string {
  const path = points.map((point, step) => `${step === 0 ? "M" : "L"}${at(point).map(px).join(" ")}`).join("");
  const drawn = `<path class="line hue-${index}" d="${path}" stroke-dasharray="${DASHES[index]}"/>`;
  if (!isMarked(points)) return drawn;
  return [drawn, ...points.map((point) => drawMark(at(point), index))].join("");
}

function isMarked(points: Line["points"]): boolean {
  return points.length <= MARKED_POINTS_MAX;
}

/** A shape for each line: circle, square, triangle, diamond. */
function drawMark([x, y]: readonly [number, number], index: number): string {
  const look = `class="mark hue-${index}"`;
  if (index === 0) return `<circle ${look} cx="${px(x)}" cy="${px(y)}" r="4"/>`;
  const corners =
    [[], [-4, -4, 4, -4, 4, 4, -4, 4], [0, -5, 5, 4, -5, 4], [0, -5.5, 5.5, 0, 0, 5.5, -5.5, 0]][index] ?? [];
  const path = corners.map((offset, step) => px((step % 2 === 0 ? x : y) + offset)).join(" ");
  return `<polygon ${look} points="${path}"/>`;
}

/** The end of a line, or of a limit, which has no number. */
interface End {
  readonly label: string;
  readonly y: number;
  readonly line: number | undefined;
  readonly isMarked: boolean;
}

/** A label beside the plot, behind a piece of its line. */
function drawEnd({ label, y, line, isMarked: marked }: End, plot: Box): string {
  const left = plot.left + plot.width + 10;
  const right = left + SAMPLE_WIDTH;
  const place = `x1="${px(left)}" x2="${px(right)}" y1="${px(y)}" y2="${px(y)}"`;
  const sample =
    line === undefined
      ? `<line class="limit" ${place}/>`
      : `<line class="line hue-${line}" ${place} stroke-dasharray="${DASHES[line]}"/>`;
  const mark = line === undefined || !marked ? "" : drawMark([(left + right) / 2, y], line);
  return `${sample}${mark}<text x="${px(right + 6)}" y="${px(y + 4)}">${escapeText(label)}</text>`;
}

/** Labels one below the other where they would lie on each other, as near to their lines as that allows. */
function spread<T extends { readonly y: number }>(labels: readonly T[], bottom: number): T[] {
  const sorted = labels.toSorted((a, b) => a.y - b.y);
  const tops: number[] = [];
  for (const { y } of sorted) tops.push(Math.max(y, (tops.at(-1) ?? Number.NEGATIVE_INFINITY) + LABEL_HEIGHT));
  let lowest = bottom;
  for (let at = tops.length - 1; at >= 0; at--) {
    tops[at] = Math.min(tops[at]!, lowest);
    lowest = tops[at]! - LABEL_HEIGHT;
  }
  return sorted.map((label, at) => ({ ...label, y: tops[at]! }));
}

function valuesOf({ lines, limits = [] }: LinesPanel): number[] {
  return [...lines.flatMap(({ points }) => points.map(([, y]) => y)), ...limits.map(({ value }) => value)];
}

function widest(labels: readonly string[]): number {
  return Math.ceil(labels.reduce((most, label) => Math.max(most, widthOf(label)), 0));
}

/** Tenths of a pixel: what nobody sees is not written. */
function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}
