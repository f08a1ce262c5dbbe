/** Which figures the results give. A result without series gives none: nothing is drawn that was not measured. */
import type { SavedResult } from "../results.ts";
import type { Figure } from "./figure.ts";
import { stormFigure } from "./storm-figure.ts";

/** Figures of one workload's result, by the name of their file without its ending. */
export function figuresOf(result: SavedResult): readonly (readonly [name: string, figure: Figure])[] {
  const figure = result.workload === "storm" ? stormFigure(result) : undefined;
  return figure === undefined ? [] : [[result.workload, figure]];
}
