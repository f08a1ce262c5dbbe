/** A module is read in one sitting and a function on one screen. Tests and scripts keep the ceiling for files too. */
import type { Node } from "oxc-parser";
import { visit } from "./workspace.ts";
import type { Module, Rule, Violation } from "./workspace.ts";

/** Lines of a file, blank lines and comments included. Aim for 150. */
const FILE_LINES_MAX = 400;

/** Lines of a function in the sources, from its first to its last. */
const FUNCTION_LINES_MAX = 70;

export const size: Rule = (workspace) =>
  [...workspace.modules.values()].flatMap((module) => [...checkFile(module), ...checkFunctions(module)]);

function checkFile({ path, text }: Module): Violation[] {
  const lines = text.trimEnd().split("\n").length;
  if (lines <= FILE_LINES_MAX) return [];
  return [{ rule: "size", where: path, message: `${lines} lines; the ceiling is ${FILE_LINES_MAX}` }];
}

function checkFunctions(module: Module): Violation[] {
  // The callback of a `describe` is a chapter, not a function.
  if (/(?:^|\/)test\//.test(module.path)) return [];
  const violations: Violation[] = [];
  visit(module.program, (node, parent) => {
    if (!isFunction(node)) return;
    const start = module.lineOf(node.start);
    const lines = module.lineOf(node.end) - start + 1;
    if (lines <= FUNCTION_LINES_MAX) return;
    const message = `${nameOf(node, parent)} has ${lines} lines; the ceiling is ${FUNCTION_LINES_MAX}`;
    violations.push({ rule: "size", where: `${module.path}:${start}`, message });
  });
  return violations;
}

function isFunction(node: Node): boolean {
  return ["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"].includes(node.type);
}

function nameOf(node: Node, parent: Node | undefined): string {
  for (const holder of [node, parent]) {
    for (const key of ["id", "key"]) {
      const name = (holder as unknown as Record<string, { name?: string } | null | undefined> | undefined)?.[key]?.name;
      if (name !== undefined) return name;
    }
  }
  return "a function";
}
