/**
 * The pure layers compute: time, chance and the outside world come in as arguments and leave as effects. The compiler
 * knows no Node and no DOM there; this rule bans what the language itself still offers.
 */
import type { Node } from "oxc-parser";
import { PURE } from "./layers.ts";
import { packageOf, visit } from "./workspace.ts";
import type { Module, Rule, Violation } from "./workspace.ts";

const BANNED = new Set([
  ...["Atomics", "Buffer", "Date", "Intl", "Promise", "SharedArrayBuffer", "WeakRef", "FinalizationRegistry"],
  ...["TextDecoder", "TextEncoder", "WebSocket", "Worker", "XMLHttpRequest", "fetch"],
  ...["clearImmediate", "clearInterval", "clearTimeout", "queueMicrotask", "setImmediate", "setInterval", "setTimeout"],
  ...["console", "crypto", "document", "eval", "globalThis", "performance", "process", "require", "window"],
]);

export const purity: Rule = (workspace) =>
  [...workspace.modules.values()].flatMap((module) => {
    const owner = packageOf(workspace, module.path);
    const isPure = owner !== undefined && PURE.includes(owner.name) && module.path.startsWith(`${owner.folder}/src/`);
    return isPure ? inspect(module) : [];
  });

function inspect(module: Module): Violation[] {
  const own = declaredNames(module.program);
  const violations: Violation[] = [];
  const report = (node: Node, message: string): void => {
    violations.push({ rule: "purity", where: `${module.path}:${module.lineOf(node.start)}`, message });
  };
  visit(module.program, (node, parent, key) => {
    if (node.type === "AwaitExpression") report(node, "a pure layer does not await");
    if (node.type === "ForOfStatement" && node.await) report(node, "a pure layer does not await");
    if (isFunction(node) && node.async) report(node, "a pure layer has no async function");
    if (node.type === "MetaProperty") report(node, "a pure layer does not know where it was loaded from");
    if (isRandom(node)) report(node, "chance enters a pure layer as an argument, not from Math.random");
    if (node.type === "Identifier" && BANNED.has(node.name) && !own.has(node.name) && isUse(parent, key)) {
      report(node, `a pure layer does not use ${node.name}`);
    }
  });
  return violations;
}

/** Every name the module binds anywhere. A name it binds is taken for its own; the compiler sorts out the rest. */
function declaredNames(program: Node): Set<string> {
  const names = new Set<string>();
  visit(program, (node, parent, key) => {
    if (node.type !== "Identifier" || parent === undefined) return;
    const isDeclared =
      (parent.type === "VariableDeclarator" && key === "id") ||
      (isFunction(parent) && key === "params") ||
      (parent.type === "Property" && key === "value" && parent.shorthand) ||
      parent.type.startsWith("Import");
    if (isDeclared) names.add(node.name);
  });
  // `{ Date }` as an expression is a use, but shorthand looks alike in patterns; the globals that matter stay banned.
  for (const name of ["Date", "Promise", "globalThis", "eval"]) names.delete(name);
  return names;
}

/** Whether an identifier at this place reads a variable: not the name of a property, a key, or part of a type. */
function isUse(parent: Node | undefined, key: string): boolean {
  if (parent === undefined) return false;
  if (parent.type.startsWith("TS")) return key === "expression";
  if (parent.type === "MemberExpression") return key === "object" || parent.computed;
  if (parent.type === "Property") return key === "value" || parent.computed;
  if (parent.type === "MethodDefinition" || parent.type === "PropertyDefinition") return key === "value";
  return parent.type !== "LabeledStatement" && parent.type !== "ExportSpecifier" && !parent.type.startsWith("Import");
}

function isRandom(node: Node): boolean {
  return (
    node.type === "MemberExpression" &&
    node.object.type === "Identifier" &&
    node.object.name === "Math" &&
    node.property.type === "Identifier" &&
    node.property.name === "random"
  );
}

function isFunction(node: Node): node is Extract<Node, { async: boolean; params: unknown }> {
  return ["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"].includes(node.type);
}
