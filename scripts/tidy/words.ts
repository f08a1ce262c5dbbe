/** Words that do not belong in the repository, and tests that do not run. */
import { visit } from "./workspace.ts";
import type { Rule, Violation } from "./workspace.ts";

interface Banned {
  readonly pattern: RegExp;
  readonly reason: string;
}

const BANNED: readonly Banned[] = [
  { pattern: /\b(?:TODO|FIXME|XXX|HACK)\b/, reason: "unfinished work belongs in an issue, not in a comment" },
  { pattern: /(?<![\w.])\/(?:work|home|root|Users)\/[a-z]/, reason: "a path of somebody's machine" },
  { pattern: /\/tmp\/(?:research|team)\b/, reason: "a path of somebody's machine" },
  { pattern: /\bshared\/(?:design|data|notes|prototypes)\b/, reason: "the project speaks of itself alone" },
];

/** The rules' own files name what they ban. */
const EXEMPT = /^scripts\/(?:tidy\/words|test\/tidy[^/]*)\.ts$/;

export const words: Rule = (workspace) => {
  const violations: Violation[] = [];
  for (const [path, text] of workspace.files) {
    if (EXEMPT.test(path)) continue;
    for (const [index, line] of text.split("\n").entries()) {
      for (const { pattern, reason } of BANNED) {
        const found = pattern.exec(line)?.[0];
        if (found === undefined) continue;
        violations.push({ rule: "words", where: `${path}:${index + 1}`, message: `"${found}": ${reason}` });
      }
    }
  }
  return violations;
};

const NOT_RUN = new Set(["skip", "only", "todo", "skipIf", "runIf", "fails"]);

/** A test that is skipped, conditional or alone is a check that is silently absent. */
export const everyTestRuns: Rule = (workspace) =>
  [...workspace.modules.values()]
    .filter(({ path }) => path.includes("/test/"))
    .flatMap((module) => {
      const violations: Violation[] = [];
      visit(module.program, (node) => {
        if (node.type !== "MemberExpression" || node.object.type !== "Identifier") return;
        if (!["test", "it", "describe"].includes(node.object.name) || node.property.type !== "Identifier") return;
        if (!NOT_RUN.has(node.property.name)) return;
        const where = `${module.path}:${module.lineOf(node.start)}`;
        violations.push({ rule: "every test runs", where, message: `${node.object.name}.${node.property.name}` });
      });
      return violations;
    });
