/** What a peer needs by the number of its documents. */
import { SIZE_LIMITS } from "../mesh-limits.ts";
import type { SavedResult } from "../results.ts";
import type { Figure } from "./figure.ts";
import type { LinesPanel } from "./panel.ts";

const ALLOWED = { memory: SIZE_LIMITS.residentMB, start: SIZE_LIMITS.startMs } as const;

/** Undefined when the result has no series to draw. */
export function growthFigure({ summary, series = [] }: SavedResult): Figure | undefined {
  const panels = (["memory", "start"] as const).flatMap((name): LinesPanel[] => {
    const points = series.find((one) => one.name === name)?.points ?? [];
    if (points.length === 0) return [];
    return [
      {
        kind: "lines",
        title: name === "memory" ? "Resident memory" : "Time to start",
        x: { label: "documents", scale: "linear" },
        y: { label: name === "memory" ? "MB" : "ms", scale: "linear" },
        lines: [{ label: name, points }],
        limits: [{ label: "allowed", value: ALLOWED[name] }],
      },
    ];
  });
  if (panels.length === 0) return undefined;
  return {
    title: "A peer by the number of its documents",
    description:
      `${summary}. At the left its resident memory, at the right the time from its start until it serves; the dashed lines are what is ` +
      "promised of a million documents.",
    caption: summary,
    arrangement: "side by side",
    panels,
  };
}
