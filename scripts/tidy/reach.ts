/**
 * Dead files: every module below a package's `src` is reached from an entry. Entries are what something outside names:
 * the sources behind `exports`, what a `bin` or another plain script of the package loads from `dist`, what a root
 * script runs, and the scripts of an HTML page. A test is no entry: code that only tests reach is dead.
 */
import { posix } from "node:path";
import { packageOf, resolveRelative } from "./workspace.ts";
import type { Package, Rule, Workspace } from "./workspace.ts";

export const reach: Rule = (workspace) => {
  const reached = new Set<string>();
  const waiting = workspace.packages.flatMap((owner) => entriesOf(workspace, owner));
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const module = workspace.modules.get(path);
    if (module === undefined || reached.has(path)) continue;
    reached.add(path);
    for (const { specifier } of module.imports) {
      const target = specifier.startsWith(".") ? resolveRelative(workspace, path, specifier) : undefined;
      if (target !== undefined) waiting.push(target);
    }
  }
  return [...workspace.modules.keys()]
    .filter((path) => isSource(workspace, path) && !reached.has(path))
    .map((where) => ({ rule: "reach", where, message: "no entry of its package leads to this file" }));
};

function isSource(workspace: Workspace, path: string): boolean {
  const owner = packageOf(workspace, path);
  return owner !== undefined && path.startsWith(`${owner.folder}/src/`) && !path.endsWith(".d.ts");
}

function entriesOf(workspace: Workspace, owner: Package): string[] {
  const { folder, manifest } = owner;
  const named = [...strings(manifest.exports), ...strings(manifest.bin)].map((path) => posix.join(folder, path));
  const run = Object.values(workspace.scripts)
    .flatMap((script) => script.split(/\s+/))
    .filter((word) => word.startsWith(`${folder}/`));
  // Plain scripts outside src (bins, packaging) run as they are; tests, examples and configuration do not count.
  const plain = [...workspace.modules.keys()].filter((path) => path.startsWith(`${folder}/bin/`));
  return [...named, ...run, ...plain, ...pageScripts(workspace, folder)]
    .map((path) => path.replace(`${folder}/dist/`, `${folder}/src/`).replace(/\.js$/, ".ts"))
    .concat(plain)
    .filter((path) => workspace.modules.has(path));
}

function pageScripts(workspace: Workspace, folder: string): string[] {
  const pages = [...workspace.files].filter(([path]) => path.startsWith(`${folder}/`) && path.endsWith(".html"));
  return pages.flatMap(([path, text]) =>
    [...text.matchAll(/<script[^>]*\bsrc="\.?\/([^"]+)"/g)].map(([, source]) =>
      posix.join(posix.dirname(path), source ?? ""),
    ),
  );
}

/** Every string anywhere in a value of a manifest. */
function strings(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(strings) : [];
}
