/**
 * What `yarrow serve` can be told, once: the same keys are flags (`--log-level`), variables (`YARROW_LOG_LEVEL`) and keys of
 * the configuration file (`log-level`). Each source is checked against this schema on its own, so that every problem can
 * be told with the place it comes from.
 */
import { BACKUP_EVERY_MS_MIN, BACKUPS_KEPT_MAX, COPIES_MAX } from "@yarrow/core/command";
import { z } from "zod";
import type { CONFIG_DEFAULTS } from "./config-defaults.ts";
import { formatHostPort, isLoopback, parseHostPort, parsePeerUrl } from "./address.ts";
import { parseDuration } from "./duration.ts";
import { parseRate } from "./size.ts";
import type { Parsed } from "./parsed.ts";

const CLUSTER_NAME_LENGTH_MAX = 64;

const text = z.string({ error: (issue) => `must be text, not ${kindOf(issue.input)}` });

const flag = z.preprocess(
  (value) => (value === "true" || value === "1" ? true : value === "false" || value === "0" ? false : value),
  z.boolean({ error: (issue) => `must be true or false, not ${kindOf(issue.input)}` }),
);

const peerUrls = z.preprocess(
  (value) => (typeof value === "string" ? value.split(/[\s,]+/).filter((part) => part !== "") : value),
  z.array(parsedBy(parsePeerUrl), { error: (issue) => `must be a list of addresses, not ${kindOf(issue.input)}` }),
);

export const configSchema = z.object({
  data: text.min(1, "must name a folder").describe("Folder of the replica; created when missing"),
  listen: parsedBy(parseListen).describe("HOST:PORT for browsers, peers and health checks; port 0 takes a free one"),
  peer: peerUrls.describe("Address of another peer, ws://HOST:PORT"),
  role: choice(["writer", "follower"]).describe(
    "writer, or follower: a replica that takes no writes; what promote or demote has set before wins",
  ),
  discovery: flag.describe("Learn further peers from those that are linked, and dial them"),
  cluster: text
    .min(1, "must not be empty")
    .max(CLUSTER_NAME_LENGTH_MAX, `must have at most ${CLUSTER_NAME_LENGTH_MAX} characters`)
    .describe("Name of the set of peers"),
  advertise: peerUrls.describe("Address at which other peers reach this one"),
  history: parsedBy(parseDuration).describe("How long the log of changes is kept"),
  durability: choice(["full", "normal"]).describe(
    "full: on disk before acknowledged; normal: may lose the last moments to a power failure",
  ),
  copies: wholeNumber(COPIES_MAX).describe("Other peers that must have committed an edit before it is acknowledged"),
  "when-missing": choice(["wait", "degrade"]).describe(
    "Without enough other peers: wait for them, or degrade: acknowledge without after the timeout",
  ),
  "copies-timeout": parsedBy(parseWait).describe("How long an edit waits for copies before the peer degrades"),
  "backup-dir": text.min(1, "must name a folder").describe("Folder of backups at fixed times"),
  "backup-every": parsedBy(parsePeriod).describe("How often a backup is taken, at full periods in UTC"),
  "backup-keep": wholeNumber(BACKUPS_KEPT_MAX, 1).describe("How many of this peer's backups stay in the folder"),
  "backup-rate": parsedBy(parseRate).describe("How many bytes per second a backup reads at most, or unlimited"),
  admin: parsedBy(parseAdmin).describe("HOST:PORT of metrics and status; loopback only"),
  trust: text.min(1, "must name a file").describe("File of the keys that peers must prove, one `ROLE KEY` a line"),
  query: flag.describe("Keep a projection of the documents for queries from the start, not from the first query on"),
  insecure: flag.describe("Allow a listener that other machines reach, without authentication"),
  "log-level": choice(["debug", "info", "warn", "error"]).describe("Least severe log line that is written"),
});

/** Settings of one source, or of all of them merged: nothing is required here, defaults come last. */
export type Settings = Partial<z.output<typeof configSchema>>;
export type ConfigKey = keyof z.output<typeof configSchema>;

export const CONFIG_KEYS = Object.keys(configSchema.shape) as readonly ConfigKey[];

export type ServeConfig = Settings & { readonly [Key in keyof typeof CONFIG_DEFAULTS]: NonNullable<Settings[Key]> };

export const VARIABLE_PREFIX = "YARROW_";

/** The variable that carries a key: `log-level` is `YARROW_LOG_LEVEL`. */
export function variableOf(key: ConfigKey): string {
  return VARIABLE_PREFIX + key.toUpperCase().replaceAll("-", "_");
}

function parseListen(value: string): Parsed<string> {
  const parsed = parseHostPort(value);
  return "problem" in parsed ? parsed : { value: formatHostPort(parsed.value) };
}

function parseAdmin(value: string): Parsed<string> {
  const parsed = parseHostPort(value);
  if ("problem" in parsed) return parsed;
  if (!isLoopback(parsed.value.host)) {
    return { problem: `"${value}" can be reached from other machines; metrics and status are served on loopback only` };
  }
  return { value: formatHostPort(parsed.value) };
}

function parsePeriod(value: string): Parsed<number> {
  const parsed = parseDuration(value);
  if ("problem" in parsed || parsed.value >= BACKUP_EVERY_MS_MIN) return parsed;
  return { problem: `"${value}" is shorter than a second` };
}

function parsedBy<T>(parse: (value: string) => Parsed<T>) {
  return text.transform((value, context): T => {
    const parsed = parse(value);
    if ("value" in parsed) return parsed.value;
    context.addIssue({ code: "custom", message: parsed.problem });
    return z.NEVER;
  });
}

/** A duration of at least a millisecond. */
function parseWait(value: string): Parsed<number> {
  const parsed = parseDuration(value);
  return "value" in parsed && parsed.value < 1 ? { problem: `"${value}" is no time to wait` } : parsed;
}

function wholeNumber(most: number, least = 0) {
  return z.preprocess(
    (value) => (typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value),
    z
      .number({ error: (issue) => `must be a whole number, not ${kindOf(issue.input)}` })
      .int(`must be a whole number`)
      .min(least, `must be at least ${least}`)
      .max(most, `must be at most ${most}`),
  );
}

function choice<const T extends readonly [string, ...string[]]>(values: T) {
  return z.enum(values, {
    error: (issue) => `must be one of ${values.join(", ")}, not ${JSON.stringify(issue.input)}`,
  });
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a map";
  return `${typeof value === "string" ? "text" : `the ${typeof value}`} ${JSON.stringify(value)}`;
}
