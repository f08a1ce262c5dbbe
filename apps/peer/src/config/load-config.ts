/**
 * One configuration from four sources: flags over `YARROW_*` variables over the file over defaults. Every problem of every
 * source is told at once, because fixing a start one error at a time wastes an operator's evening.
 */
import { YarrowError } from "@yarrow/core/command";
import { readConfigFile } from "./config-file.ts";
import { CONFIG_DEFAULTS } from "./config-defaults.ts";
import { CONFIG_KEYS, VARIABLE_PREFIX, configSchema, variableOf } from "./config-schema.ts";
import type { ConfigKey, ServeConfig, Settings } from "./config-schema.ts";
import { nearestName } from "./nearest-name.ts";

export interface ConfigSources {
  /** As given on the command line, by key; absent = not given. */
  readonly flags: ReadonlyMap<ConfigKey, unknown>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The file of `--config`; undefined = the one `YARROW_CONFIG` names, if any. */
  readonly file: string | undefined;
}

export interface LoadedConfig {
  readonly config: ServeConfig;
  /** Slips that need not be fixed to start, such as a variable whose name is nearly a known one. */
  readonly warnings: readonly string[];
}

/** Variables that are read elsewhere. */
const OTHER_VARIABLES = ["YARROW_CONFIG", "YARROW_DEBUG"];

/** Errors: YARROW_CONFIG_INVALID, with all problems and their places in the message. */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const problems: string[] = [];
  const flags = checkSource(sources.flags, (key) => (key === "discovery" ? "--no-discovery" : `--${key}`), problems);
  const variables = checkSource(readVariables(sources.environment), variableOf, problems);
  const path = sources.file ?? sources.environment["YARROW_CONFIG"];
  const file = path === undefined || path === "" ? {} : loadFile(path, problems);
  const given: Settings = { ...file, ...variables, ...flags };
  problems.push(...lonelySettings(given));
  if (problems.length > 0) throw configError(problems);
  return {
    config: { ...CONFIG_DEFAULTS, peer: [...CONFIG_DEFAULTS.peer], ...given },
    warnings: unknownVariables(sources.environment),
  };
}

/** Settings that do nothing by themselves: whoever gave one believes that something happens. */
function lonelySettings(given: Settings): string[] {
  if (given["backup-dir"] !== undefined) return [];
  const keys = ["backup-every", "backup-keep", "backup-rate"] as const;
  return keys.filter((key) => given[key] !== undefined).map((key) => `${key} needs backup-dir: the folder to write to`);
}

function loadFile(path: string, problems: string[]): Settings {
  const file = readConfigFile(path);
  problems.push(...file.problems);
  const known = new Map<ConfigKey, unknown>();
  for (const [key, value] of file.values) {
    if (isConfigKey(key)) known.set(key, value);
    else problems.push(`${file.places.get(key) ?? path}: unknown key "${key}"${suggestKey(key)}`);
  }
  return checkSource(known, (key) => `${file.places.get(key) ?? path}: ${key}`, problems);
}

function checkSource(
  values: ReadonlyMap<ConfigKey, unknown>,
  placeOf: (key: ConfigKey) => string,
  problems: string[],
): Settings {
  const checked: Record<string, unknown> = {};
  for (const [key, value] of values) {
    const result = configSchema.shape[key].safeParse(value);
    if (result.success) checked[key] = result.data;
    else problems.push(...result.error.issues.map((issue) => `${placeOf(key)}: ${issue.message}`));
  }
  return checked;
}

/** An empty variable counts as not set: that is how a unit file or a compose file takes one back. */
function readVariables(environment: Readonly<Record<string, string | undefined>>): Map<ConfigKey, unknown> {
  const values = new Map<ConfigKey, unknown>();
  for (const key of CONFIG_KEYS) {
    const value = environment[variableOf(key)];
    if (value !== undefined && value !== "") values.set(key, value);
  }
  return values;
}

/**
 * Unknown variables are no error: container platforms inject their own (`YARROW_PORT`, `YARROW_SERVICE_HOST`) when a
 * service is called yarrow. One that is nearly a known name is worth a word, though.
 */
function unknownVariables(environment: Readonly<Record<string, string | undefined>>): string[] {
  const known = [...CONFIG_KEYS.map(variableOf), ...OTHER_VARIABLES];
  return Object.keys(environment)
    .filter((name) => name.startsWith(VARIABLE_PREFIX) && !known.includes(name))
    .flatMap((name) => {
      const short = known.map((candidate) => candidate.slice(VARIABLE_PREFIX.length));
      const nearest = nearestName(name.slice(VARIABLE_PREFIX.length), short);
      return nearest === undefined ? [] : [`variable ${name} is not known; did you mean ${VARIABLE_PREFIX}${nearest}?`];
    });
}

function configError(problems: readonly string[]): YarrowError {
  const [first = "", ...others] = problems;
  if (others.length === 0) return new YarrowError("YARROW_CONFIG_INVALID", first);
  const list = problems.map((problem) => `\n  - ${problem}`).join("");
  return new YarrowError("YARROW_CONFIG_INVALID", `${problems.length} problems in the configuration:${list}`);
}

function suggestKey(key: string): string {
  if (/^no[-_]?discovery$/i.test(key)) return "; write `discovery: false`";
  const nearest = nearestName(key, CONFIG_KEYS);
  return nearest === undefined ? `; known are ${CONFIG_KEYS.join(", ")}` : `; did you mean "${nearest}"?`;
}

function isConfigKey(key: string): key is ConfigKey {
  return (CONFIG_KEYS as readonly string[]).includes(key);
}
