/**
 * What the documents promise, the tests hold: every error code is a heading of the operations guide and occurs in a
 * test; every rule of the specification is named in the title of a test, and every title names a rule that exists.
 *
 * A rule of the specification is one list item of docs/SPEC.md or a file in docs/spec/: `- **REL3** One sentence.`
 */
import type { Node } from "oxc-parser";
import { visit } from "./workspace.ts";
import type { Module, Rule, Violation, Workspace } from "./workspace.ts";

const ERRORS = "packages/protocol/src/error.ts";
const OPERATIONS = "docs/OPERATIONS.md";
const SPEC = "docs/SPEC.md";

const RULE_LINE = /^- \*\*([A-Z]{2,5}\d+)\*\* \S/;
/** What a rule looks like when its author wrote it another way. */
const STRAY_RULE_LINE = /^(?:[-*] )?(?:\*\*)?([A-Z]{2,5}-?\d+)(?:\*\*|:)/;
const TITLE_IDS = /\[((?:[A-Z]{2,5}\d+)(?:, ?[A-Z]{2,5}\d+)*)\]/g;

export const errorCodes: Rule = (workspace) => {
  const codes = new Set(workspace.files.get(ERRORS)?.match(/YARROW_[A-Z_]+/g) ?? []);
  if (codes.size === 0) return [{ rule: "error codes", where: ERRORS, message: "names no error code" }];
  const headings = new Set(workspace.files.get(OPERATIONS)?.match(/(?<=^### )YARROW_[A-Z_]+$/gm) ?? []);
  const tests = [...workspace.modules.values()].filter(isTest);
  const violations: Violation[] = [];
  const report = (message: string): void => void violations.push({ rule: "error codes", where: OPERATIONS, message });
  for (const code of codes) {
    if (!headings.has(code)) report(`has no heading "### ${code}"`);
    if (!tests.some(({ text }) => new RegExp(`\\b${code}\\b`).test(text))) report(`${code} occurs in no test`);
  }
  for (const heading of headings) if (!codes.has(heading)) report(`${heading} is no error code`);
  return violations;
};

export const spec: Rule = (workspace) => {
  const { rules, violations } = readSpec(workspace);
  const used = new Map<string, string>();
  for (const module of workspace.modules.values()) {
    if (!isTest(module)) continue;
    for (const { id, where } of titleIds(module)) used.set(id, where);
  }
  const report = (where: string, message: string): void => void violations.push({ rule: "spec", where, message });
  if (!workspace.files.has(SPEC)) report(SPEC, "is missing");
  for (const [id, where] of rules) if (!used.has(id)) report(where, `no test has [${id}] in its title`);
  for (const [id, where] of used) if (!rules.has(id)) report(where, `[${id}] is no rule of the specification`);
  return violations;
};

function readSpec(workspace: Workspace): { rules: Map<string, string>; violations: Violation[] } {
  const rules = new Map<string, string>();
  const violations: Violation[] = [];
  for (const [path, text] of workspace.files) {
    if (path !== SPEC && !/^docs\/spec\/.*\.md$/.test(path)) continue;
    for (const [index, line] of text.split("\n").entries()) {
      const where = `${path}:${index + 1}`;
      const id = RULE_LINE.exec(line)?.[1];
      const stray = STRAY_RULE_LINE.exec(line)?.[1];
      if (id === undefined && stray !== undefined) {
        violations.push({ rule: "spec", where, message: `write the rule as "- **${stray.replace("-", "")}** …"` });
      }
      if (id === undefined) continue;
      const first = rules.get(id);
      if (first !== undefined) violations.push({ rule: "spec", where, message: `${id} stands at ${first} already` });
      rules.set(id, where);
    }
  }
  return { rules, violations };
}

/** The ids in the titles of a module's tests and suites: the first argument of `test(…)`, `describe.each(…)(…)` and the like. */
function titleIds(module: Module): { id: string; where: string }[] {
  const found: { id: string; where: string }[] = [];
  visit(module.program, (node) => {
    if (node.type !== "CallExpression" || !["test", "it", "describe"].includes(rootName(node.callee))) return;
    const where = `${module.path}:${module.lineOf(node.start)}`;
    for (const [, ids = ""] of titleOf(node.arguments[0]).matchAll(TITLE_IDS)) {
      for (const id of ids.split(/, ?/)) found.push({ id, where });
    }
  });
  return found;
}

function titleOf(node: Node | undefined): string {
  if (node?.type === "Literal" && typeof node.value === "string") return node.value;
  if (node?.type === "TemplateLiteral") return node.quasis.map((quasi) => quasi.value.raw).join("…");
  return "";
}

/** `test` of `test`, `test.each(rows)` and `test.for(rows)`. */
function rootName(callee: Node): string {
  if (callee.type === "Identifier") return callee.name;
  if (callee.type === "MemberExpression") return rootName(callee.object);
  return callee.type === "CallExpression" ? rootName(callee.callee) : "";
}

function isTest({ path }: Module): boolean {
  return /^(?:packages|apps)\/[^/]+\/test\//.test(path);
}
