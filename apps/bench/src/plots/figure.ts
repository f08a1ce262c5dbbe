/**
 * A figure as SVG text: panels under one title. It follows the reader's light or dark preference by itself, and says in words, in
 * shapes and in dashes whatever it says in colour.
 */
import { type Box, type Gutters, type Panel, drawPanel, guttersOf } from "./panel.ts";
import { escapeText } from "./text.ts";

export interface Figure {
  readonly title: string;
  /** For who cannot see it: what is shown, and what one would notice. */
  readonly description: string;
  /** Under the title: where the figures come from. */
  readonly caption: string;
  readonly panels: readonly Panel[];
  readonly arrangement: "side by side" | "stacked";
}

const WIDTH = 880;
const PANEL_HEIGHT = 300;
const STACKED_HEIGHT = 200;
const HEAD_HEIGHT = 66;
const MARGIN = 24;

/** Inks by role; two for each of the two preferences. Hues differ in lightness too. */
const STYLE = `
  svg { color-scheme: light dark; --paper: #ffffff; --ink: #1b2330; --soft: #5a6675; --rule: #dfe4ea;
    --hue-0: #0a5fb4; --hue-1: #b3470b; --hue-2: #0b7564; --hue-3: #7a3fc0; --limit: #a3123a; --lane: #5a6675; }
  @media (prefers-color-scheme: dark) {
    svg { --paper: #12161c; --ink: #e8ecf1; --soft: #a2adba; --rule: #2c343e;
      --hue-0: #6db3ff; --hue-1: #ffa05c; --hue-2: #55d0b8; --hue-3: #c6a3ff; --limit: #ff8fa6; --lane: #a2adba; }
  }
  text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: var(--ink); }
  .title { font-size: 17px; font-weight: 600; }
  .panel-title { font-size: 13px; font-weight: 600; }
  .soft { fill: var(--soft); }
  .paper { fill: var(--paper); }
  .rule { stroke: var(--rule); stroke-width: 1; }
  .axis { stroke: var(--soft); stroke-width: 1; }
  .limit { stroke: var(--limit); stroke-width: 1.5; stroke-dasharray: 7 4; }
  .line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
  .lane { fill: var(--lane); opacity: 0.75; }
  .hue-0 { stroke: var(--hue-0); } .hue-1 { stroke: var(--hue-1); } .hue-2 { stroke: var(--hue-2); } .hue-3 { stroke: var(--hue-3); }
  .mark { fill: var(--paper); stroke-width: 2; }`;

/** The whole figure as one SVG document. */
export function drawFigure({ title, description, caption, panels, arrangement }: Figure): string {
  const boxes = placePanels(panels, arrangement);
  const shared = widestGutters(panels);
  const bottom = Math.max(...boxes.map(({ top, height }) => top + height));
  const height = bottom + MARGIN / 2;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title desc">`,
    `<title id="title">${escapeText(title)}</title>`,
    `<desc id="desc">${escapeText(description)}</desc>`,
    `<style>${STYLE}\n</style>`,
    `<rect class="paper" width="${WIDTH}" height="${height}" rx="8"/>`,
    `<text class="title" x="${MARGIN}" y="30">${escapeText(title)}</text>`,
    `<text class="soft" x="${MARGIN}" y="50">${escapeText(caption.slice(0, 1).toUpperCase() + caption.slice(1))}</text>`,
    ...panels.map((panel, at) => drawPanel(panel, boxes[at]!, arrangement === "stacked" ? shared : guttersOf(panel))),
    "</svg>\n",
  ].join("\n");
}

/** Panels that stand one above the other share one axis: the same moment is in the same place in all of them. */
function widestGutters(panels: readonly Panel[]): Gutters {
  const gutters = panels.map(guttersOf);
  return { left: Math.max(...gutters.map(({ left }) => left)), right: Math.max(...gutters.map(({ right }) => right)) };
}

function placePanels(panels: readonly Panel[], arrangement: Figure["arrangement"]): Box[] {
  if (arrangement === "side by side") {
    const width = (WIDTH - 2 * MARGIN) / panels.length;
    return panels.map((_, at) => ({ left: MARGIN + at * width, top: HEAD_HEIGHT, width, height: PANEL_HEIGHT }));
  }
  let top = HEAD_HEIGHT;
  return panels.map((panel) => {
    const height = panel.kind === "spans" ? 34 + 20 * panel.lanes.length : STACKED_HEIGHT;
    const box = { left: MARGIN, top, width: WIDTH - 2 * MARGIN, height };
    top += height + 8;
    return box;
  });
}
