/** Figures show what they are given: scales that hold it, labels in words, and shapes beside colours. */
import { expect, test } from "vitest";
import { type Figure, drawFigure } from "../src/plots/figure.ts";
import { LINES_MAX, type LinesPanel } from "../src/plots/panel.ts";
import { formatTick, makeScale } from "../src/plots/scale.ts";

const panel: LinesPanel = {
  kind: "lines",
  title: "Sends",
  x: { label: "peers", scale: "log" },
  y: { label: "sends per update", scale: "linear" },
  lines: [
    {
      label: "eager",
      points: [
        [10, 9],
        [1_000, 1_020],
      ],
    },
    {
      label: "lazy & late",
      points: [
        [10, 1],
        [1_000, 1_020],
      ],
    },
  ],
  limits: [{ label: "allowed", value: 1_149 }],
};

const figure: Figure = {
  title: "Cost <of> push",
  description: 'What "it" costs',
  caption: "simulated",
  panels: [panel],
  arrangement: "side by side",
};

test("a linear scale begins at zero, holds every value, and is marked at round numbers", () => {
  expect(makeScale([3, 97], "linear").ticks).toEqual([0, 20, 40, 60, 80, 100]);
  expect(makeScale([0.3], "linear").ticks).toEqual([0, 0.1, 0.2, 0.3]);
  expect(makeScale([1.02, 1.15], "linear", { from: 1 }).ticks[0]).toBe(1);
  expect(makeScale([240], "linear", { to: 240 })).toMatchObject({ high: 240, ticks: [0, 50, 100, 150, 200] });
  for (const most of [0, 1e-3, 7, 99.9, 1_234, 5e6]) {
    const scale = makeScale([most], "linear");
    expect(scale.high).toBeGreaterThanOrEqual(most);
    expect(scale.ticks.length).toBeLessThanOrEqual(7);
    expect(scale.place(most)).toBeLessThanOrEqual(1);
  }
});

test("a logarithmic scale is marked at powers of ten, and leaves out what has no logarithm", () => {
  const scale = makeScale([0, 10, 100, 1_000], "log");
  expect(scale.ticks).toEqual([10, 100, 1_000]);
  expect([10, 100, 1_000].map(scale.place)).toEqual([0, 0.5, 1]);
  expect(makeScale([], "log").ticks.length).toBeGreaterThan(1);
});

test("ticks are short", () => {
  expect([0, 0.25, 999, 10_000, 2_500_000].map(formatTick)).toEqual(["0", "0.25", "999", "10 k", "2.5 M"]);
});

test("a figure has a title and a description, escaped, and looks right in light and in dark", () => {
  const svg = drawFigure(figure);
  expect(svg).toContain('<title id="title">Cost &lt;of&gt; push</title>');
  expect(svg).toContain('<desc id="desc">What &quot;it&quot; costs</desc>');
  expect(svg).toContain('role="img" aria-labelledby="title desc"');
  expect(svg).toContain("@media (prefers-color-scheme: dark)");
  expect(isWellFormed(svg)).toBe(true);
});

test("lines differ in dashes and marks as well as in colour, and are named in words", () => {
  const svg = drawFigure(figure);
  for (const words of ["eager", "lazy &amp; late", "allowed", "peers", "sends per update"])
    expect(svg).toContain(`>${words}</text>`);
  const dashes = [...svg.matchAll(/<path class="line hue-\d" [^>]*stroke-dasharray="([^"]*)"/gu)].map(
    ([, dash]) => dash,
  );
  expect(new Set(dashes).size).toBe(2);
  expect(svg).toContain('<circle class="mark hue-0"');
  expect(svg).toContain('<polygon class="mark hue-1"');
  // Two lines that end in one place have labels that do not lie on each other.
  const tops = [...svg.matchAll(/y="([\d.]+)">(?:eager|lazy &amp; late|allowed)</gu)]
    .map(([, y]) => Number(y))
    .sort((a, b) => a - b);
  expect(tops.length).toBe(3);
  expect(Math.min(tops[1]! - tops[0]!, tops[2]! - tops[1]!)).toBeGreaterThanOrEqual(15);
});

test("more lines than can be told apart are not drawn", () => {
  const lines = Array.from({ length: LINES_MAX + 2 }, (_, at) => ({
    label: `line ${at}`,
    points: [[1, at + 1]] as const,
  }));
  const svg = drawFigure({ ...figure, panels: [{ ...panel, lines }] });
  expect(svg.match(/<path class="line/gu)?.length).toBe(LINES_MAX);
  expect(svg).not.toContain(`line ${LINES_MAX}<`);
});

test("panels that stand one above the other have their axes in one place", () => {
  const spans = {
    kind: "spans",
    title: "Faults",
    x: { ...panel.x, scale: "linear" },
    lanes: [{ label: "a lane with a long name", spans: [[0, 5]] }],
  } as const;
  const svg = drawFigure({ ...figure, panels: [spans, panel], arrangement: "stacked" });
  const lefts = [...svg.matchAll(/<line class="(?:rule|axis)" x1="([\d.]+)" x2="([\d.]+)"/gu)]
    .filter(([, from, to]) => from !== to)
    .map(([, from]) => from);
  expect(new Set(lefts).size).toBe(1);
  expect(isWellFormed(svg)).toBe(true);
});

/** Every element that is opened is closed, in order. */
function isWellFormed(svg: string): boolean {
  const open: string[] = [];
  for (const [, closing, name, single] of svg.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/gu)) {
    if (closing === "/") {
      if (open.pop() !== name) return false;
    } else if (single !== "/") open.push(name!);
  }
  return open.length === 0;
}
