/** Which figures the results give. A result without series gives none: nothing is drawn that was not measured. */
import type { SavedResult } from "../results.ts";
import type { Figure } from "./figure.ts";
import { gossipFigure } from "./gossip-figure.ts";
import { growthFigure } from "./growth-figure.ts";
import { membershipFigure } from "./membership-figure.ts";
import { stormFigure } from "./storm-figure.ts";

/** Figures of one workload's result, by the name of their file without its ending. */
export function figuresOf(result: SavedResult): readonly (readonly [name: string, figure: Figure])[] {
  const figure = draw(result);
  return figure === undefined ? [] : [[result.workload, figure]];
}

function draw(result: SavedResult): Figure | undefined {
  switch (result.workload) {
    case "gossip":
      return gossipFigure(result);
    case "growth":
      return growthFigure(result);
    case "membership":
      return membershipFigure(result);
    case "storm":
      return stormFigure(result);
    default:
      return undefined;
  }
}
