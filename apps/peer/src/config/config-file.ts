/**
 * The configuration file: a YAML map with the keys of the schema.
 */
import { readFileSync } from "node:fs";
import { YarrowError } from "@yarrow/core/command";
import { isMap, isScalar, LineCounter, parseDocument } from "yaml";

export interface ConfigFile {
  readonly values: ReadonlyMap<string, unknown>;
  /** Where a key stands, as `FILE:LINE`. */
  readonly places: ReadonlyMap<string, string>;
  /** What is wrong with the file as YAML, each with its place. */
  readonly problems: readonly string[];
}

/** Reads the file. Errors: YARROW_CONFIG_INVALID when it cannot be read; what is wrong inside comes back as problems. */
export function readConfigFile(path: string): ConfigFile {
  let source: string;
  try {
    source = readFileSync(path, "utf8");
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === "ENOENT" ? "does not exist" : "cannot be read";
    throw new YarrowError("YARROW_CONFIG_INVALID", `configuration file ${path} ${reason}`, { cause: error });
  }
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines });
  const placeOf = (offset: number): string => `${path}:${lines.linePos(offset).line}`;
  const problems = document.errors.map((error) => `${placeOf(error.pos[0])}: ${firstLine(error.message)}`);
  const values = new Map<string, unknown>();
  const places = new Map<string, string>();
  const { contents } = document;
  if (isMap(contents)) {
    for (const { key, value } of contents.items) {
      const name = String(isScalar(key) ? key.value : key);
      values.set(name, document.createNode(value).toJS(document));
      places.set(name, isScalar(key) && key.range ? placeOf(key.range[0]) : path);
    }
  } else if (contents !== null && problems.length === 0) {
    problems.push(`${path}: must be a map of settings, for example \`listen: 127.0.0.1:4321\``);
  }
  return { values, places, problems };
}

/** The library adds an excerpt of the source below its message. */
function firstLine(message: string): string {
  return (message.split("\n")[0] ?? "").replace(/ at line \d+.*$/, "");
}
