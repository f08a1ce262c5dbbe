/** A folder is a room with a caption: a README, an index of explicit exports, and no way in through one's own front door. */
import { packageOf, visit } from "./workspace.ts";
import type { Module, Package, Rule, Violation, Workspace } from "./workspace.ts";

/** Lines with text that a README needs: a title, what it is, where to start reading. */
const README_LINES_MIN = 4;

export const rooms: Rule = (workspace) => workspace.packages.flatMap((owner) => checkRoom(workspace, owner));

/** Modules inside a package import each other directly; through the index they would load everything, in a circle. */
export const barrels: Rule = (workspace) =>
  [...workspace.modules.values()].flatMap((module) => {
    const owner = packageOf(workspace, module.path);
    if (owner === undefined || !module.path.startsWith(`${owner.folder}/src/`)) return [];
    return module.imports
      .filter(({ specifier }) => specifier === owner.manifest.name || /^\.{1,2}\/(?:.*\/)?index\.ts$/.test(specifier))
      .map(({ line, specifier }) => ({
        rule: "barrels",
        where: `${module.path}:${line}`,
        message: `${specifier} is the package's own front door; import the module itself`,
      }));
  });

function checkRoom(workspace: Workspace, { folder }: Package): Violation[] {
  const violations: Violation[] = [];
  const readme = workspace.files.get(`${folder}/README.md`) ?? "";
  const lines = readme.split("\n").filter((line) => line.trim() !== "").length;
  if (lines < README_LINES_MIN) {
    const message = `needs a README of at least ${README_LINES_MIN} lines: what it is, what it may import, where to start`;
    violations.push({ rule: "rooms", where: `${folder}/README.md`, message });
  }
  if (!folder.startsWith("packages/")) return violations;
  const index = workspace.modules.get(`${folder}/src/index.ts`);
  if (index === undefined) {
    violations.push({ rule: "rooms", where: `${folder}/src/index.ts`, message: "needs an index of its exports" });
    return violations;
  }
  return [...violations, ...starExports(index)];
}

/** `export type *` is fine, because a type costs nothing; a value is exported by its name. */
function starExports(index: Module): Violation[] {
  const violations: Violation[] = [];
  visit(index.program, (node) => {
    if (node.type !== "ExportAllDeclaration" || node.exportKind === "type") return;
    const where = `${index.path}:${index.lineOf(node.start)}`;
    violations.push({ rule: "rooms", where, message: `name the values that ${node.source.value} exports` });
  });
  return violations;
}
