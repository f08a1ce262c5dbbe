import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { drawLayers } from "../tidy/layers.ts";
import { NOT_YET, judge } from "../tidy/rules.ts";
import { readWorkspace } from "../tidy/workspace.ts";
import type { Workspace } from "../tidy/workspace.ts";

type Tree = Readonly<Record<string, string>>;

const README = "# A package\n\nWhat it is.\nWhat it may import.\nWhere to start reading.\n";

/** The smallest workspace that keeps every rule. Each test below breaks it in one place. */
const TIDY: Tree = {
  "package.json": '{ "name": "yarrow", "scripts": { "simulate": "node packages/simulator/dist/main.js" } }',
  "docs/SPEC.md": "# Specification\n",
  "docs/spec/gos.md": "- **GOS1** A duplicate is dropped.\n",
  "docs/OPERATIONS.md": "### YARROW_TIMEOUT\n",
  ...pack("packages/protocol", { lib0: "1.0.0" }),
  "packages/protocol/src/index.ts": 'export { YarrowError } from "./error.ts";\nexport type * from "./message.ts";\n',
  "packages/protocol/src/error.ts": 'export type YarrowErrorCode = "YARROW_TIMEOUT";\nexport class YarrowError {}\n',
  "packages/protocol/src/message.ts": "export interface Message { readonly at: number }\n",
  "packages/protocol/test/error.test.ts": 'test("[GOS1] a duplicate is dropped", () => "YARROW_TIMEOUT");\n',
  ...pack("packages/replica", { "@yarrow/protocol": "workspace:*", yjs: "13.0.0" }),
  "packages/replica/src/index.ts": 'export { step } from "./step.ts";\n',
  "packages/replica/src/step.ts": 'import * as Y from "yjs";\nexport const step = (now: number) => [Y, now];\n',
  ...pack("packages/core", { "@yarrow/replica": "workspace:*", ws: "8.0.0" }),
  "packages/core/src/index.ts": 'export { work } from "./pool.ts";\n',
  "packages/core/src/pool.ts": 'export const work = new Worker(new URL("./worker.ts", import.meta.url));\n',
  "packages/core/src/worker.ts": "await Promise.resolve(Date.now());\n",
  ...pack("packages/simulator", { "@yarrow/replica": "workspace:*" }),
  "packages/simulator/src/index.ts": 'import "@yarrow/replica";\n',
  "packages/simulator/src/main.ts": 'import "./index-of-runs.ts";\n',
  "packages/simulator/src/index-of-runs.ts": "export {};\n",
  ...pack("apps/peer", { "@yarrow/core": "workspace:*" }, { bin: { yarrow: "bin/yarrow.js" } }),
  "apps/peer/bin/yarrow.js": 'import("../dist/main.js");\n',
  "apps/peer/src/main.ts": 'import "@yarrow/core";\n',
  ...pack("apps/playground", {}),
  "apps/playground/index.html": '<script type="module" src="/src/page.ts"></script>\n',
  "apps/playground/src/page.ts": "export {};\n",
};

test("a tidy workspace keeps every rule", () => {
  const outcomes = judge(plant({}), []);
  expect(outcomes.flatMap(({ violations }) => violations)).toEqual([]);
  expect(outcomes.every(({ status }) => status === "holds")).toBe(true);
});

test("the layers are drawn from the manifests", () => {
  expect(drawLayers(plant({})).replaceAll(/ +/g, " ").split("\n")).toEqual([
    " pure protocol lib0",
    " pure replica → protocol yjs",
    " core → replica ws",
    " simulator → replica",
    " peer → core",
    " playground",
  ]);
});

describe("layers", () => {
  test("a dependency that climbs is refused", () => {
    expectBroken("layers", { ...pack("packages/protocol", { "@yarrow/core": "workspace:*" }) }, [
      "packages/protocol/package.json protocol may not import core: imports run one way",
    ]);
  });

  test("an import that climbs is refused, whether static, dynamic, re-exported or of a type", () => {
    const source = [
      'import { a } from "@yarrow/core";',
      'import type { B } from "@yarrow/core";',
      'export { c } from "@yarrow/core/inside";',
      'const d = import("@yarrow/core");',
    ].join("\n");
    const message = "replica may not import core: imports run one way";
    expectBroken("layers", { "packages/replica/src/step.ts": source }, [
      `packages/replica/src/step.ts:1 ${message}`,
      `packages/replica/src/step.ts:2 ${message}`,
      `packages/replica/src/step.ts:3 ${message}`,
      `packages/replica/src/step.ts:4 ${message}`,
    ]);
  });

  test("the playground imports no Yarrow package", () => {
    expectBroken("layers", { "apps/playground/src/page.ts": 'import "@yarrow/protocol";' }, [
      "apps/playground/src/page.ts:1 playground may not import protocol: imports run one way",
    ]);
  });

  test("a pure layer imports only its own libraries, and nothing of Node", () => {
    const source = 'import fs from "node:fs";\nimport ws from "ws";\nimport encoding from "lib0/encoding";';
    expectBroken("layers", { "packages/protocol/src/message.ts": source }, [
      "packages/protocol/src/message.ts:1 protocol is pure and may not import node:fs",
      "packages/protocol/src/message.ts:2 protocol is pure and may not import ws",
    ]);
  });

  test("a relative path does not leave its package", () => {
    expectBroken(
      "layers",
      { "packages/core/src/pool.ts": 'import "../../replica/src/step.ts"; import "./worker.ts";' },
      ["packages/core/src/pool.ts:1 ../../replica/src/step.ts leaves the package"],
    );
  });

  test("a test may take a suite from a lower package and a tool from scripts, but nothing from above", () => {
    const suites = 'import "../../replica/test/suite.ts";\nimport "../../../scripts/browser.ts";';
    expect(broken("layers", { "packages/core/test/store.test.ts": suites })).toEqual([]);
    expectBroken("layers", { "packages/replica/test/a.test.ts": 'import "../../core/test/suite.ts";' }, [
      "packages/replica/test/a.test.ts:1 ../../core/test/suite.ts leaves the package",
    ]);
  });

  test("a package that the table does not know is refused", () => {
    expectBroken("layers", { ...pack("packages/extra", {}), "packages/extra/src/index.ts": "export {};" }, [
      "packages/extra/package.json extra is not in the table of layers",
    ]);
  });
});

describe("purity", () => {
  test.for([
    ["const now = Date.now();", "a pure layer does not use Date"],
    ["const now = new Date();", "a pure layer does not use Date"],
    ["const now = (Date as never);", "a pure layer does not use Date"],
    ["const chance = Math.random();", "chance enters a pure layer as an argument, not from Math.random"],
    ["setTimeout(() => {}, 1);", "a pure layer does not use setTimeout"],
    ["console.log(1);", "a pure layer does not use console"],
    ["const seed = crypto.randomUUID();", "a pure layer does not use crypto"],
    ["const at = performance.now();", "a pure layer does not use performance"],
    ["const env = process.env;", "a pure layer does not use process"],
    ["const all = globalThis;", "a pure layer does not use globalThis"],
    ["const later = Promise.resolve();", "a pure layer does not use Promise"],
    ["const text = new TextEncoder();", "a pure layer does not use TextEncoder"],
    ["async function later() {}", "a pure layer has no async function"],
    ["const later = async () => 1;", "a pure layer has no async function"],
    ["const here = import.meta.url;", "a pure layer does not know where it was loaded from"],
  ])("%s", ([source, message]) => {
    expectBroken("purity", { "packages/replica/src/step.ts": `export {};\n${source}` }, [
      `packages/replica/src/step.ts:2 ${message}`,
    ]);
  });

  test("a field, a type or an argument may bear the name of a global", () => {
    const source =
      "export const f = (process: { Date: number }, of: { performance: Date }) => process.Date + of.performance;";
    expect(broken("purity", { "packages/replica/src/step.ts": source })).toEqual([]);
  });

  test("tests of a pure layer, and other layers, may use the clock", () => {
    const source = "export const now = async () => Date.now();";
    expect(broken("purity", { "packages/replica/test/a.ts": source, "packages/core/src/pool.ts": source })).toEqual([]);
  });
});

describe("size", () => {
  test("a file has at most 400 lines", () => {
    const lines = (count: number): Tree => ({ "packages/core/src/worker.ts": "// A line.\n".repeat(count) });
    expect(broken("size", lines(400))).toEqual([]);
    expectBroken("size", lines(401), ["packages/core/src/worker.ts 401 lines; the ceiling is 400"]);
  });

  test("a function has at most 70 lines, in whichever form it is written", () => {
    const inside = (count: number): string => "  // A line.\n".repeat(count - 2);
    const at = (count: number): Tree => ({
      "packages/core/src/worker.ts": `function one() {\n${inside(count)}}\nconst two = () => {\n${inside(count)}};\n`,
    });
    expect(broken("size", at(70))).toEqual([]);
    expectBroken("size", at(71), [
      "packages/core/src/worker.ts:1 one has 71 lines; the ceiling is 70",
      "packages/core/src/worker.ts:72 two has 71 lines; the ceiling is 70",
    ]);
  });
});

describe("reach", () => {
  test("a file that nothing imports is dead, even when a test does", () => {
    const tree = {
      "packages/core/src/lost.ts": "export {};",
      "packages/core/test/a.test.ts": 'import "../src/lost.ts";',
    };
    expectBroken("reach", tree, ["packages/core/src/lost.ts no entry of its package leads to this file"]);
  });

  test("a worker that nobody starts any more is dead", () => {
    expectBroken("reach", { "packages/core/src/pool.ts": "export const work = 1;" }, [
      "packages/core/src/worker.ts no entry of its package leads to this file",
    ]);
  });

  test("a bin, a root script and a page lead to their files", () => {
    const cut = { "apps/peer/bin/yarrow.js": "", "package.json": "{}", "apps/playground/index.html": "" };
    expectBroken("reach", cut, [
      "apps/peer/src/main.ts no entry of its package leads to this file",
      "apps/playground/src/page.ts no entry of its package leads to this file",
      "packages/simulator/src/index-of-runs.ts no entry of its package leads to this file",
      "packages/simulator/src/main.ts no entry of its package leads to this file",
    ]);
  });
});

describe("rooms", () => {
  test("a package has a README of a few lines and an index", () => {
    const { "packages/core/src/index.ts": _index, ...rest } = TIDY;
    expectBroken("rooms", { "packages/core/README.md": "# core\n", "packages/core/src/index.ts": "" }, [
      "packages/core/README.md needs a README of at least 4 lines: what it is, what it may import, where to start",
    ]);
    expect(judgeOf("rooms", plantWhole(rest))).toEqual(["packages/core/src/index.ts needs an index of its exports"]);
  });

  test("an index names the values it exports", () => {
    expectBroken("rooms", { "packages/protocol/src/index.ts": 'export * from "./error.ts";' }, [
      "packages/protocol/src/index.ts:1 name the values that ./error.ts exports",
    ]);
  });

  test("nobody enters through their own front door", () => {
    const source =
      'import { a } from "./index.ts";\nimport { b } from "@yarrow/replica";\nimport "./index-of-runs.ts";';
    expectBroken("barrels", { "packages/replica/src/step.ts": source }, [
      "packages/replica/src/step.ts:1 ./index.ts is the package's own front door; import the module itself",
      "packages/replica/src/step.ts:2 @yarrow/replica is the package's own front door; import the module itself",
    ]);
  });
});

describe("error codes", () => {
  test("each code is a heading of the operations guide, and each heading a code", () => {
    expectBroken("error codes", { "docs/OPERATIONS.md": "YARROW_TIMEOUT\n### YARROW_TIMEOUTS\n" }, [
      'docs/OPERATIONS.md has no heading "### YARROW_TIMEOUT"',
      "docs/OPERATIONS.md YARROW_TIMEOUTS is no error code",
    ]);
  });

  test("each code occurs in a test, as a whole word", () => {
    const test = 'test("[GOS1] a duplicate is dropped", () => "YARROW_TIMEOUT_ELSEWHERE");';
    expectBroken("error codes", { "packages/protocol/test/error.test.ts": test }, [
      "docs/OPERATIONS.md YARROW_TIMEOUT occurs in no test",
    ]);
  });

  test("a list of codes that is empty is not taken for good", () => {
    expectBroken("error codes", { "packages/protocol/src/error.ts": "export class YarrowError {}" }, [
      "packages/protocol/src/error.ts names no error code",
    ]);
  });
});

describe("spec", () => {
  test("each rule is in the title of a test; elsewhere in a test does not count", () => {
    const elsewhere = 'test("a duplicate is dropped", () => ["[GOS1]", "YARROW_TIMEOUT"]); // [GOS1]';
    expectBroken("spec", { "packages/protocol/test/error.test.ts": elsewhere }, [
      "docs/spec/gos.md:1 no test has [GOS1] in its title",
    ]);
  });

  test("each id in a title is a rule, in every way a test can be written", () => {
    const titles = [
      'test("[GOS1] one", () => {});',
      'test.each([1])("[GOS2] two", () => {});',
      "describe(`[GOS3, GOS4] ${name}`, () => it.for([])('[GOS5] five', () => {}));",
    ];
    expectBroken("spec", { "packages/protocol/test/error.test.ts": titles.join("\n") }, [
      "packages/protocol/test/error.test.ts:2 [GOS2] is no rule of the specification",
      "packages/protocol/test/error.test.ts:3 [GOS3] is no rule of the specification",
      "packages/protocol/test/error.test.ts:3 [GOS4] is no rule of the specification",
      "packages/protocol/test/error.test.ts:3 [GOS5] is no rule of the specification",
    ]);
  });

  test("a rule stands once and is written one way", () => {
    const text = "- **GOS1** A duplicate is dropped.\n- **GOS1** Again.\nGOS2: A rule.\n**GOS-3** A rule.\n";
    expectBroken("spec", { "docs/spec/gos.md": text }, [
      "docs/spec/gos.md:2 GOS1 stands at docs/spec/gos.md:1 already",
      'docs/spec/gos.md:3 write the rule as "- **GOS2** …"',
      'docs/spec/gos.md:4 write the rule as "- **GOS3** …"',
    ]);
  });

  test("a missing specification is not taken for good", () => {
    const { "docs/SPEC.md": _spec, ...rest } = TIDY;
    expect(judgeOf("spec", plantWhole(rest))).toEqual(["docs/SPEC.md is missing"]);
  });
});

describe("words", () => {
  test("unfinished work and paths of machines are found in code and documents", () => {
    const tree = { "docs/guide.md": "See /home/anna/notes.\n", "packages/core/src/worker.ts": "\n// TODO: later\n" };
    expectBroken("words", tree, [
      'docs/guide.md:1 "/home/a": a path of somebody\'s machine',
      'packages/core/src/worker.ts:2 "TODO": unfinished work belongs in an issue, not in a comment',
    ]);
  });

  test("an address with such a path in it is no path of a machine", () => {
    expect(broken("words", { "docs/guide.md": "Open http://127.0.0.1/work/notes or data/root/a.\n" })).toEqual([]);
  });

  test.for(["skip", "only", "todo", "skipIf", "runIf", "fails"])("a test with .%s is refused", (way) => {
    expectBroken("every test runs", { "packages/core/test/a.test.ts": `test.${way}("a", () => {});` }, [
      `packages/core/test/a.test.ts:1 test.${way}`,
    ]);
  });
});

describe("rules that need not hold yet", () => {
  test("a broken one does not fail, one that holds does", () => {
    const workspace = plant({ "docs/guide.md": "TODO" });
    const statusOf = (notYet: string[]): (string | undefined)[] =>
      ["words", "layers"].map((rule) => judge(workspace, notYet).find(({ name }) => name === rule)?.status);
    expect(statusOf([])).toEqual(["broken", "holds"]);
    expect(statusOf(["words", "layers"])).toEqual(["not yet", "holds by now"]);
  });

  test("each names a rule", () => {
    const names = judge(plant({}), []).map(({ name }) => name);
    expect(NOT_YET.filter((name) => !names.includes(name))).toEqual([]);
  });
});

test("the rules read this repository, and find its packages", () => {
  const workspace = readWorkspace(fileURLToPath(new URL("../..", import.meta.url)));
  const names = workspace.packages.map(({ name }) => name).toSorted();
  expect(names).toEqual(["bench", "core", "peer", "playground", "protocol", "relay", "replica", "simulator"]);
});

function expectBroken(rule: string, changes: Tree, violations: string[]): void {
  expect(broken(rule, changes).toSorted()).toEqual(violations.toSorted());
}

function broken(rule: string, changes: Tree): string[] {
  return judgeOf(rule, plant(changes));
}

function judgeOf(rule: string, workspace: Workspace): string[] {
  const outcome = judge(workspace, []).find(({ name }) => name === rule);
  if (outcome === undefined) throw new Error(`no rule is called ${rule}`);
  return outcome.violations.map(({ where, message }) => `${where} ${message}`);
}

/** The tidy workspace with some files changed, written to a folder of its own and read back. */
function plant(changes: Tree): Workspace {
  return plantWhole({ ...TIDY, ...changes });
}

function plantWhole(tree: Tree): Workspace {
  const root = mkdtempSync(join(tmpdir(), "yarrow-tidy-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const [path, text] of Object.entries(tree)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return readWorkspace(root);
}

function pack(folder: string, dependencies: Tree, more: object = {}): Tree {
  const name = `@yarrow/${folder.split("/")[1]}`;
  const exported = folder.startsWith("packages/") ? { ".": { "yarrow-src": "./src/index.ts" } } : {};
  const manifest = { name, dependencies, exports: exported, ...more };
  return { [`${folder}/package.json`]: JSON.stringify(manifest), [`${folder}/README.md`]: README };
}
