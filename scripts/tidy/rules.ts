/** All house rules by name, and what came of them. */
import { errorCodes, spec } from "./documents.ts";
import { layers } from "./layers.ts";
import { purity } from "./purity.ts";
import { reach } from "./reach.ts";
import { barrels, rooms } from "./rooms.ts";
import { size } from "./size.ts";
import { everyTestRuns, words } from "./words.ts";
import type { Rule, Violation, Workspace } from "./workspace.ts";

/** Name, what it demands in one line, and the rule. */
const RULES: readonly { name: string; demand: string; rule: Rule }[] = [
  { name: "layers", demand: "imports run one way", rule: layers },
  { name: "purity", demand: "no clock, chance, timer or promise in a pure layer", rule: purity },
  { name: "size", demand: "files of at most 400 lines, functions of at most 70", rule: size },
  { name: "reach", demand: "no dead file", rule: reach },
  { name: "rooms", demand: "a README and an index of explicit exports", rule: rooms },
  { name: "barrels", demand: "nobody enters through their own front door", rule: barrels },
  { name: "error codes", demand: "each in the operations guide and in a test", rule: errorCodes },
  { name: "spec", demand: "each rule in the title of a test", rule: spec },
  { name: "words", demand: "no unfinished work, no machine's paths", rule: words },
  { name: "every test runs", demand: "none skipped, none alone", rule: everyTestRuns },
];

/**
 * Rules that cannot hold yet, because what they hold is still being written. They run and are reported, loudly, but do
 * not fail. This list is empty in every release; a name in it that has no violation left is itself a failure.
 */
export const NOT_YET: readonly string[] = [];

export interface Outcome {
  readonly name: string;
  readonly demand: string;
  readonly violations: readonly Violation[];
  readonly status: "holds" | "broken" | "not yet" | "holds by now";
}

/** Runs every rule. `broken` and `holds by now` (take the name out of `notYet`) are failures. */
export function judge(workspace: Workspace, notYet: readonly string[]): Outcome[] {
  return RULES.map(({ name, demand, rule }) => {
    const violations = rule(workspace);
    const waits = notYet.includes(name);
    if (violations.length === 0) return { name, demand, violations, status: waits ? "holds by now" : "holds" };
    return { name, demand, violations, status: waits ? "not yet" : "broken" };
  });
}
