/**
 * Imports run one way. The table below is the whole truth about who may import whom; the rule holds both the
 * dependencies in each package.json and every import statement to it, and the graph is printed from it.
 */
import { posix } from "node:path";
import { packageOf } from "./workspace.ts";
import type { Import, Module, Package, Rule, Violation, Workspace } from "./workspace.ts";

interface Layer {
  readonly name: string;
  /** The Yarrow packages it may import. */
  readonly below: readonly string[];
  /** The registry packages its sources may import, when the layer is pure; anything it declares, otherwise. */
  readonly libraries?: readonly string[];
}

/** From the bottom up. A package that is not listed here is itself a violation. */
const LAYERS: readonly Layer[] = [
  { name: "protocol", below: [], libraries: ["lib0"] },
  { name: "replica", below: ["protocol"], libraries: ["lib0", "yjs"] },
  { name: "relay", below: ["protocol", "replica"], libraries: ["lib0", "yjs", "y-protocols"] },
  { name: "core", below: ["protocol", "replica", "relay"] },
  { name: "simulator", below: ["protocol", "replica", "relay"] },
  { name: "peer", below: ["protocol", "replica", "relay", "core"] },
  { name: "bench", below: ["protocol", "replica", "relay", "core"] },
  { name: "playground", below: [] },
];

/** The pure layers are those whose libraries are listed. */
export const PURE = LAYERS.filter((layer) => layer.libraries !== undefined).map((layer) => layer.name);

export const layers: Rule = (workspace) => [
  ...workspace.packages.flatMap((owner) => checkManifest(owner)),
  ...[...workspace.modules.values()].flatMap((module) => checkImports(workspace, module)),
];

/** The graph as it stands in the manifests, one line a package: `relay → protocol, replica · lib0, y-protocols, yjs`. */
export function drawLayers(workspace: Workspace): string {
  const width = Math.max(...workspace.packages.map(({ name }) => name.length));
  const known = LAYERS.flatMap((layer) => workspace.packages.filter(({ name }) => name === layer.name));
  const lines = known.map(({ name, manifest }) => {
    const dependencies = Object.keys(manifest.dependencies ?? {});
    const own = dependencies.filter((dependency) => dependency.startsWith("@yarrow/"));
    const libraries = dependencies.filter((dependency) => !own.includes(dependency));
    const arrow = own.length === 0 ? "" : `→ ${own.map((dependency) => dependency.replace("@yarrow/", "")).join(", ")}`;
    const kind = PURE.includes(name) ? "pure " : "     ";
    return `  ${kind} ${name.padEnd(width)}  ${arrow.padEnd(34)} ${libraries.join(" ")}`.trimEnd();
  });
  return lines.join("\n");
}

function checkManifest({ name, folder, manifest }: Package): Violation[] {
  const where = `${folder}/package.json`;
  const layer = LAYERS.find((each) => each.name === name);
  if (layer === undefined) return [{ rule: "layers", where, message: `${name} is not in the table of layers` }];
  return Object.keys(manifest.dependencies ?? {}).flatMap((dependency) => complain(layer, dependency, where, false));
}

function checkImports(workspace: Workspace, module: Module): Violation[] {
  const owner = packageOf(workspace, module.path);
  const layer = LAYERS.find((each) => each.name === owner?.name);
  if (owner === undefined || layer === undefined) return [];
  const isSource = module.path.startsWith(`${owner.folder}/src/`);
  return module.imports.flatMap((found) => {
    if (found.kind === "url") return [];
    const where = `${module.path}:${found.line}`;
    if (found.specifier.startsWith(".")) return checkRelative(workspace, module, owner, layer, found, isSource);
    const parts = found.specifier.split("/");
    const target = found.specifier.startsWith("@") ? parts.slice(0, 2).join("/") : (parts[0] ?? "");
    return complain(layer, target, where, !isSource || target === owner.manifest.name);
  });
}

/** A relative import stays in its package; only a test may take a suite from a lower package or a tool from scripts. */
function checkRelative(
  workspace: Workspace,
  module: Module,
  owner: Package,
  layer: Layer,
  found: Import,
  isSource: boolean,
): Violation[] {
  const target = posix.join(posix.dirname(module.path), found.specifier);
  if (target.startsWith(`${owner.folder}/`)) return [];
  const other = packageOf(workspace, `${target}/`);
  const where = `${module.path}:${found.line}`;
  if (!isSource && other === undefined && target.startsWith("scripts/")) return [];
  if (!isSource && other !== undefined && layer.below.includes(other.name)) return [];
  return [{ rule: "layers", where, message: `${found.specifier} leaves the package` }];
}

function complain(layer: Layer, target: string, where: string, lenient: boolean): Violation[] {
  const own = target.startsWith("@yarrow/") ? target.replace("@yarrow/", "") : undefined;
  if (own !== undefined) {
    if (layer.below.includes(own) || (lenient && own === layer.name)) return [];
    return [{ rule: "layers", where, message: `${layer.name} may not import ${own}: imports run one way` }];
  }
  if (lenient || layer.libraries === undefined || layer.libraries.includes(target)) return [];
  return [{ rule: "layers", where, message: `${layer.name} is pure and may not import ${target}` }];
}
