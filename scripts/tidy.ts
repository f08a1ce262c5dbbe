/** `npm run tidy`: prints the layers of the workspace and holds it to the house rules. See `tidy/rules.ts` for the list. */
import { fileURLToPath } from "node:url";
import { drawLayers } from "./tidy/layers.ts";
import { NOT_YET, judge } from "./tidy/rules.ts";
import type { Outcome } from "./tidy/rules.ts";
import { readWorkspace } from "./tidy/workspace.ts";

/** Violations shown of one rule; the rest is counted. */
const SHOWN_MAX = 40;
/** Fewer of a rule that need not hold yet. */
const SHOWN_NOT_YET_MAX = 12;

const workspace = readWorkspace(fileURLToPath(new URL("..", import.meta.url)));
console.log(`Layers (imports run upwards in this list, never down)\n${drawLayers(workspace)}\n\nHouse rules`);
const outcomes = judge(workspace, NOT_YET);
for (const outcome of outcomes) print(outcome);
const failed = outcomes.filter(({ status }) => status === "broken" || status === "holds by now");
if (NOT_YET.length > 0) console.log(`\n! ${NOT_YET.length} rules need not hold yet: ${NOT_YET.join(", ")}`);
if (failed.length > 0) {
  console.log(`\n${failed.length} house rules are broken: ${failed.map(({ name }) => name).join(", ")}`);
  process.exitCode = 1;
}

function print({ name, demand, violations, status }: Outcome): void {
  const mark = { holds: "✓", broken: "✗", "not yet": "!", "holds by now": "✗" }[status];
  const note = {
    holds: "",
    broken: ` (${violations.length})`,
    "not yet": ` (${violations.length}, need not hold yet)`,
  };
  const suffix = status === "holds by now" ? " — holds: take it out of NOT_YET" : note[status];
  console.log(`  ${mark} ${name}: ${demand}${suffix}`);
  const shownMax = status === "not yet" ? SHOWN_NOT_YET_MAX : SHOWN_MAX;
  for (const { where, message } of violations.slice(0, shownMax)) console.log(`      ${where}  ${message}`);
  if (violations.length > shownMax) console.log(`      … and ${violations.length - shownMax} more`);
}
