/** How often peers dial while there is no network, and when it is back. */
import type { SavedResult } from "../results.ts";
import type { Figure } from "./figure.ts";
import type { LinesPanel } from "./panel.ts";

/** By then every peer has come to its slowest pace, and stays there. */
const SHOWN_SECONDS = 120;

/** Undefined when the result has no series to draw. */
export function membershipFigure({ summary, series = [] }: SavedResult): Figure | undefined {
  const outages = series.filter(({ name, points }) => name.startsWith("no network") && points.length > 0);
  const after = series.filter(({ name, points }) => name.startsWith("after ") && points.length > 0);
  if (outages.length === 0 || after.length === 0) return undefined;
  const panel = (title: string, lines: typeof series, label: string): LinesPanel => ({
    kind: "lines",
    title,
    x: { label, scale: "linear" },
    y: { label: "dials per second, all peers", scale: "linear" },
    lines: lines.map(({ name, points }) => ({ label: name, points: points.filter(([at]) => at <= SHOWN_SECONDS) })),
  });
  return {
    title: "Dials in an outage of the whole network",
    description:
      `${summary}. How many connections all peers together try in each second: above while nobody can be reached, where the pace falls ` +
      "as each waits longer; below when the network is back.",
    caption: summary,
    arrangement: "stacked",
    panels: [
      panel("While there is no network: the first two minutes", outages, "seconds since it went"),
      panel("When it is back", after, "seconds since the first dial"),
    ],
  };
}
