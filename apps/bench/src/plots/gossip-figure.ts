/** What live push costs against the best there can be, and how soon an update is everywhere. */
import { SENDS_SHARE_MAX } from "../mesh-limits.ts";
import type { SavedResult } from "../results.ts";
import type { Figure } from "./figure.ts";
import { LINES_MAX } from "./panel.ts";

/** Undefined when the result has no series to draw. */
export function gossipFigure({ summary, series = [] }: SavedResult): Figure | undefined {
  const sends = series.filter(({ x, points }) => x === "peers" && points.length > 0);
  const deliveries = series.filter(({ y }) => y === "share of deliveries");
  if (sends.length === 0 || deliveries.length === 0) return undefined;
  const most = Math.max(...deliveries.map(({ name }) => sizeOf(name)));
  const largest = deliveries.filter(({ name }) => sizeOf(name) === most).slice(0, LINES_MAX);
  return {
    title: "Live push",
    description:
      `${summary}. At the left, how often an update is sent for each peer that must have it, by the size of the mesh: 1 is the least ` +
      `possible. At the right, in a mesh of ${most} peers, the share of deliveries that had come within a time.`,
    caption: summary,
    arrangement: "side by side",
    panels: [
      {
        kind: "lines",
        title: "Cost of an update",
        x: { label: "peers", scale: "log" },
        y: { label: "sends per peer that must have it", scale: "linear", from: 0 },
        lines: sends.map(({ name, points }) => ({ label: name, points })),
        limits: [
          { label: "allowed", value: SENDS_SHARE_MAX },
          { label: "optimum", value: 1 },
        ],
      },
      {
        kind: "lines",
        title: `Time to arrive, ${most} peers`,
        x: { label: "ms after it was written", scale: "linear" },
        y: { label: "share of deliveries", scale: "linear", to: 1 },
        lines: largest.map(({ name, points }) => ({ label: name.slice(name.indexOf(", ") + 2), points })),
      },
    ],
  };
}

/** The number at the beginning of a name. */
function sizeOf(name: string): number {
  return Number.parseInt(name, 10);
}
