/**
 * Reads the repository once for all rules: its packages, its text files and, for each module, the parsed program.
 * Rules are functions from this to violations; none of them touches the disk itself.
 */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, posix, relative, sep } from "node:path";
import { parseSync } from "oxc-parser";
import type { Node, Program } from "oxc-parser";

export interface Violation {
  /** The rule's name, as `NOT_YET` and the report use it. */
  readonly rule: string;
  /** Path from the root of the repository, with forward slashes; with `:line` where one is known. */
  readonly where: string;
  readonly message: string;
}

export type Rule = (workspace: Workspace) => Violation[];

/** One package or app of the workspace. */
export interface Package {
  /** The last part of its name: `replica` for `@yarrow/replica`. */
  readonly name: string;
  /** Its folder from the root, like `packages/replica`. */
  readonly folder: string;
  readonly manifest: Manifest;
}

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly bin?: string | Readonly<Record<string, string>>;
  readonly exports?: unknown;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

export interface Module {
  readonly path: string;
  readonly text: string;
  readonly program: Program;
  readonly imports: readonly Import[];
  /** The 1-based line of an offset in the text. */
  lineOf(offset: number): number;
}

export interface Import {
  /** As written: `./codec.ts`, `@yarrow/core`, `node:fs`. */
  readonly specifier: string;
  /** A `url` names a worker or a process to start: it keeps a file alive, but is no import. */
  readonly kind: "import" | "url";
  readonly line: number;
}

export interface Workspace {
  readonly packages: readonly Package[];
  /** The scripts of the root package. */
  readonly scripts: Readonly<Record<string, string>>;
  /** Every text file's path and content, except the lock file. */
  readonly files: ReadonlyMap<string, string>;
  /** Every TypeScript or JavaScript module by path. */
  readonly modules: ReadonlyMap<string, Module>;
}

const ROOTS = ["packages", "apps", "scripts", "docs", ".ci"];
const IGNORED_FOLDERS = new Set(["node_modules", "dist", "coverage", "test-results"]);
const TEXT = /\.(?:ts|tsx|js|mjs|cjs|json|yaml|yml|md|html|css|sh)$|^(?:run|LICENSE)$/;
const MODULE = /\.(?:ts|tsx|js|mjs)$/;

/** Reads the workspace below `root`. Throws when a module does not parse: nothing true can be said about it then. */
export function readWorkspace(root: string): Workspace {
  const paths = ROOTS.flatMap((folder) => walk(root, folder));
  for (const entry of readdirSync(root, { withFileTypes: true })) {
    if (entry.isFile() && TEXT.test(entry.name) && entry.name !== "pnpm-lock.yaml") paths.push(entry.name);
  }
  const files = new Map(paths.toSorted().map((path) => [path, readFileSync(join(root, path), "utf8")]));
  const modules = new Map<string, Module>();
  for (const [path, text] of files) if (MODULE.test(path)) modules.set(path, parseModule(path, text));
  const manifest = JSON.parse(files.get("package.json") ?? "{}") as Manifest;
  return { packages: readPackages(files), scripts: manifest.scripts ?? {}, files, modules };
}

/** Parses one module and lists what it imports, statically, dynamically, or as the URL of a worker or a process. */
function parseModule(path: string, text: string): Module {
  const { program, module, errors } = parseSync(path, text);
  const [error] = errors;
  if (error !== undefined) throw new Error(`${path} does not parse: ${error.message}`);
  const lineStarts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) lineStarts.push(at + 1);
  const lineOf = (offset: number): number => lineStarts.findLastIndex((start) => start <= offset) + 1;

  const imports: Import[] = [];
  for (const found of module.staticImports) {
    imports.push({ specifier: found.moduleRequest.value, kind: "import", line: lineOf(found.start) });
  }
  for (const found of module.staticExports) {
    const specifier = found.entries[0]?.moduleRequest?.value;
    if (specifier !== undefined) imports.push({ specifier, kind: "import", line: lineOf(found.start) });
  }
  visit(program, (node) => {
    const specifier = dynamicSpecifier(node);
    const kind = node.type === "NewExpression" ? "url" : "import";
    if (specifier !== undefined) imports.push({ specifier, kind, line: lineOf(node.start) });
  });
  return { path, text, program, imports, lineOf };
}

/** Calls `see` for each node below and including `node`, parents first, with the parent and its key for the child. */
export function visit(node: Node, see: (node: Node, parent: Node | undefined, key: string) => void): void {
  const descend = (current: Node, parent: Node | undefined, key: string): void => {
    see(current, parent, key);
    for (const [name, value] of Object.entries(current)) {
      for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) descend(child, current, name);
    }
  };
  descend(node, undefined, "");
}

/** The module that a relative specifier in `from` means; a built `.js` name means its source. */
export function resolveRelative(workspace: Workspace, from: string, specifier: string): string | undefined {
  const path = posix.join(dirname(from), specifier);
  const candidates = [path, path.replace(/\.js$/, ".ts"), path.replace("/dist/", "/src/").replace(/\.js$/, ".ts")];
  return candidates.find((candidate) => workspace.modules.has(candidate));
}

/** The package that a path belongs to; undefined for the root's own files. */
export function packageOf(workspace: Workspace, path: string): Package | undefined {
  return workspace.packages.find(({ folder }) => path.startsWith(`${folder}/`));
}

function walk(root: string, folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = relative(root, join(root, folder, entry.name)).replaceAll(sep, "/");
    if (entry.isDirectory()) return IGNORED_FOLDERS.has(entry.name) ? [] : walk(root, path);
    return entry.isFile() && TEXT.test(entry.name) ? [path] : [];
  });
}

function readPackages(files: ReadonlyMap<string, string>): Package[] {
  const packages: Package[] = [];
  for (const [path, text] of files) {
    const folder = /^((?:packages|apps)\/[^/]+)\/package\.json$/.exec(path)?.[1];
    if (folder === undefined) continue;
    const manifest = JSON.parse(text) as Manifest;
    packages.push({ name: manifest.name.replace("@yarrow/", ""), folder, manifest });
  }
  return packages;
}

/** The literal of `import("x")` and of `new URL("x", import.meta.url)`, which is how workers and processes are named. */
function dynamicSpecifier(node: Node): string | undefined {
  if (node.type === "ImportExpression") return literal(node.source);
  if (node.type !== "NewExpression" || node.callee.type !== "Identifier" || node.callee.name !== "URL")
    return undefined;
  return literal(node.arguments[0]);
}

function literal(node: Node | undefined): string | undefined {
  return node?.type === "Literal" && typeof node.value === "string" ? node.value : undefined;
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}
