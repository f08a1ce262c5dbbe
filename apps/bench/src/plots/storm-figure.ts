/** A storm as it went: which faults were under way when, and what they did to memory and dials. */
import { FAULT_KINDS } from "../storm/plan.ts";
import type { SavedResult, Series } from "../results.ts";
import type { Figure } from "./figure.ts";
import type { LinesPanel } from "./panel.ts";
import { LINES_MAX } from "./panel.ts";

/** Undefined when the result has no series to draw. */
export function stormFigure({ summary, series = [], spans = [], options }: SavedResult): Figure | undefined {
  const memory = series.filter(({ y }) => y.includes("resident")).slice(0, LINES_MAX);
  const dials = series.filter(({ y }) => y === "dials per second");
  if (memory.length === 0 || spans.length === 0) return undefined;
  const seconds = Number(options["minutes"]) * 60;
  const x = { label: "seconds since the first fault", scale: "linear", to: seconds } as const;
  const panel = (title: string, lines: readonly Series[], label = (name: string) => name): LinesPanel => ({
    kind: "lines",
    title,
    x,
    y: { label: lines[0]?.y ?? "", scale: "linear" },
    lines: lines.map(({ name, points }) => ({ label: label(name), points: points.filter(([at]) => at <= seconds) })),
  });
  const kinds = FAULT_KINDS.filter((kind) => spans.some(({ lane }) => lane === kind));
  return {
    title: "A storm of faults",
    description:
      `${summary}. Above, a lane for each kind of fault with the times in which one was under way; below, the memory of the peers ` +
      "that were never killed, and the dials of all peers. Memory that stays level and dials that stay low are what is wanted.",
    caption: summary.split("; ")[0] ?? summary,
    arrangement: "stacked",
    panels: [
      {
        kind: "spans",
        title: "Faults under way",
        x,
        lanes: kinds.map((kind) => ({
          label: kind,
          spans: spans
            .filter(({ lane }) => lane === kind)
            .map(({ fromSeconds, toSeconds }) => [fromSeconds, toSeconds]),
        })),
      },
      panel("Memory of peers that were never killed", memory, (name) => name.replace("memory of ", "")),
      ...(dials.length === 0 ? [] : [panel("New connections between peers", dials)]),
    ],
  };
}
