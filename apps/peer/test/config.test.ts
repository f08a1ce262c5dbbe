import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { YarrowError } from "@yarrow/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { formatHostPort, isLoopback, parseHostPort, parsePeerUrl } from "../src/config/address.ts";
import { parseDuration } from "../src/config/duration.ts";
import { loadConfig } from "../src/config/load-config.ts";
import type { ConfigSources } from "../src/config/load-config.ts";
import type { ConfigKey } from "../src/config/config-schema.ts";
import { nearestName } from "../src/config/nearest-name.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "yarrow-config-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function fileWith(yaml: string): string {
  const path = join(folder, "yarrow.yaml");
  writeFileSync(path, yaml);
  return path;
}

function load(sources: {
  flags?: Partial<Record<ConfigKey, unknown>>;
  environment?: ConfigSources["environment"];
  yaml?: string;
}) {
  return loadConfig({
    flags: new Map(Object.entries(sources.flags ?? {}) as [ConfigKey, unknown][]),
    environment: sources.environment ?? {},
    file: sources.yaml === undefined ? undefined : fileWith(sources.yaml),
  });
}

function problemOf(sources: Parameters<typeof load>[0]): string {
  try {
    load(sources);
  } catch (error) {
    assert(
      error instanceof YarrowError && error.code === "YARROW_CONFIG_INVALID",
      "another error than a configuration's",
    );
    return error.message.replaceAll(`${folder}/`, "");
  }
  throw new Error("no problem was found");
}

describe("precedence", () => {
  test("[CLI4] a flag wins over a variable, a variable over the file, the file over the default", () => {
    const yaml = "listen: 127.0.0.1:1\nhistory: 1h\ncluster: from-file\n";
    const environment = { YARROW_LISTEN: "127.0.0.1:2", YARROW_HISTORY: "2h" };
    const { config } = load({ flags: { listen: "127.0.0.1:3" }, environment, yaml });
    expect(config).toMatchObject({
      listen: "127.0.0.1:3",
      history: 7_200_000,
      cluster: "from-file",
      durability: "full",
    });
  });

  test("[CLI4] defaults hold where nothing is said", () => {
    expect(load({}).config).toEqual({
      data: "./yarrow-data",
      listen: "127.0.0.1:4321",
      peer: [],
      discovery: true,
      history: 86_400_000,
      durability: "full",
      copies: 0,
      "when-missing": "wait",
      "copies-timeout": 10_000,
      "backup-every": 3_600_000,
      "backup-keep": 48,
      insecure: false,
      "log-level": "info",
    });
  });

  test("[CLI4] the same keys stand in a file, with lists and booleans as YAML has them", () => {
    const yaml = [
      "data: /var/lib/yarrow",
      "peer: [ws://b:1, ws://c:2]",
      "discovery: false",
      "advertise: ws://me:3",
      "durability: normal",
      "copies: 2",
      "when-missing: degrade",
      "copies-timeout: 500ms",
      "admin: 127.0.0.1:9",
      "insecure: true",
      "log-level: warn",
    ].join("\n");
    expect(load({ yaml }).config).toMatchObject({
      data: "/var/lib/yarrow",
      peer: ["ws://b:1", "ws://c:2"],
      discovery: false,
      advertise: ["ws://me:3"],
      durability: "normal",
      copies: 2,
      "when-missing": "degrade",
      "copies-timeout": 500,
      admin: "127.0.0.1:9",
      insecure: true,
      "log-level": "warn",
    });
  });

  test("[CLI4] variables carry lists with commas, and an empty one counts as not set", () => {
    const environment = { YARROW_PEER: "ws://b:1, ws://c:2", YARROW_DISCOVERY: "false", YARROW_CLUSTER: "" };
    const { config } = load({ environment, yaml: "cluster: kept" });
    expect(config).toMatchObject({ peer: ["ws://b:1", "ws://c:2"], discovery: false, cluster: "kept" });
  });

  test("[CLI4] YARROW_CONFIG names the file, and an empty file is a file with no settings", () => {
    expect(
      loadConfig({ flags: new Map(), environment: { YARROW_CONFIG: fileWith("# nothing\n") }, file: undefined }).config
        .peer,
    ).toEqual([]);
  });
});

describe("problems", () => {
  test("[CLI5] every problem of every source is told at once, each with its place", () => {
    const message = problemOf({
      flags: { listen: "localhost" },
      environment: { YARROW_HISTORY: "soon" },
      yaml: "data: 7\nadvertize: ws://x:1\npeer:\n  - ws://ok:1\n  - site-b:4321\n",
    });
    expect(message.split("\n").map((line) => line.trim())).toEqual([
      "5 problems in the configuration:",
      '- --listen: "localhost" is not HOST:PORT; write localhost:4321',
      '- YARROW_HISTORY: "soon" is not a duration; write a number and one of ms, s, m, h, d, w, for example 30s or 1d',
      '- yarrow.yaml:2: unknown key "advertize"; did you mean "advertise"?',
      "- yarrow.yaml:1: data: must be text, not the number 7",
      '- yarrow.yaml:3: peer: "site-b:4321" is not the address of a peer; write ws://HOST:PORT, for example ws://site-b:4321',
    ]);
  });

  test.each<[string, Parameters<typeof load>[0], string]>([
    ["an unknown key far from any", { yaml: "colour: red" }, 'unknown key "colour"; known are data, listen'],
    ["no-discovery as a key", { yaml: "no-discovery: true" }, "write `discovery: false`"],
    ["a file that is not a map", { yaml: "- a\n- b" }, "yarrow.yaml: must be a map of settings"],
    ["a file that is not YAML", { yaml: "data: [a\nlisten: b" }, "yarrow.yaml:"],
    ["a key given twice", { yaml: "data: a\ndata: b" }, "yarrow.yaml:2: Map keys must be unique"],
    [
      "a bad boolean",
      { environment: { YARROW_INSECURE: "yes" } },
      'YARROW_INSECURE: must be true or false, not text "yes"',
    ],
    ["a number that is none", { flags: { copies: "two" } }, '--copies: must be a whole number, not text "two"'],
    ["a number too large", { flags: { copies: "65" } }, "--copies: must be at most 64"],
    ["half a number", { yaml: "copies: 1.5\n" }, "yarrow.yaml:1: copies: must be a whole number"],
    ["no time at all", { flags: { "copies-timeout": "0" } }, '--copies-timeout: "0" is no time to wait'],
    ["a bad choice", { flags: { durability: "fast" } }, '--durability: must be one of full, normal, not "fast"'],
    [
      "an admin address that others reach",
      { flags: { admin: "0.0.0.0:9" } },
      '"0.0.0.0:9" can be reached from other machines',
    ],
    ["an empty folder", { flags: { data: "" } }, "--data: must name a folder"],
    ["a long cluster name", { flags: { cluster: "x".repeat(65) } }, "--cluster: must have at most 64 characters"],
    ["a list that is none", { yaml: "peer: 7" }, "peer: must be a list of addresses, not the number 7"],
    ["a null", { yaml: "listen:" }, "yarrow.yaml:1: listen: must be text, not nothing"],
  ])("[CLI5] %s", (_title, sources, expected) => {
    expect(problemOf(sources)).toContain(expected);
  });

  test("[CLI5] a missing file is told by its name", () => {
    const missing = { flags: new Map(), environment: {}, file: join(folder, "none.yaml") } as const;
    expect(() => loadConfig(missing)).toThrow(/configuration file .*none\.yaml does not exist/);
  });

  test("[CLI5] a variable that is nearly known is warned of; those that platforms inject are not", () => {
    const environment = {
      YARROW_LISTN: "x",
      YARROW_SERVICE_HOST: "10.0.0.1",
      YARROW_PORT: "tcp://10.0.0.1:4321",
      YARROW_DEBUG: "1",
    };
    expect(load({ environment }).warnings).toEqual(["variable YARROW_LISTN is not known; did you mean YARROW_LISTEN?"]);
  });
});

describe("values", () => {
  test.each([
    ["500ms", 500],
    ["30s", 30_000],
    ["5m", 300_000],
    ["12h", 43_200_000],
    ["1.5d", 129_600_000],
    ["2w", 1_209_600_000],
    ["0", 0],
    [" 1 d ", 86_400_000],
  ])("[CLI6] the duration %s is %d ms", (text, ms) => expect(parseDuration(text)).toEqual({ value: ms }));

  test.each(["", "d", "1", "-1s", "1 day", "1e3s", "10001d", "1M"])("[CLI6] %j is no duration", (text) => {
    expect(parseDuration(text)).toHaveProperty("problem");
  });

  test.each([
    ["127.0.0.1:4321", { host: "127.0.0.1", port: 4321 }],
    ["localhost:0", { host: "localhost", port: 0 }],
    ["[::1]:65535", { host: "::1", port: 65_535 }],
  ])("[CLI6] %s is where to listen, and reads the same again", (text, value) => {
    expect(parseHostPort(text)).toEqual({ value });
    expect(formatHostPort(value)).toBe(text);
  });

  test.each([
    ["4321", "write 127.0.0.1:4321"],
    [":4321", "has no host"],
    ["host", "write host:4321"],
    ["::1", "write [::1]:4321"],
    ["[zz]:1", "not an IPv6 address"],
    ["host:65536", "ports end at 65535"],
    ["http://host:1", "is a URL"],
    ["host:port", "for example"],
  ])("[CLI6] %s is no place to listen, and is told why", (text, why) => {
    expect(parseHostPort(text)).toEqual({ problem: expect.stringContaining(why) });
  });

  test("[CLI6] a peer's address keeps its path and loses its last slash", () => {
    expect(parsePeerUrl("ws://b:4321/")).toEqual({ value: "ws://b:4321" });
    expect(parsePeerUrl("wss://b.example/yarrow")).toEqual({ value: "wss://b.example/yarrow" });
    for (const wrong of ["b:4321", "http://b:1", "ws://", "ws://u:p@b:1", "ws://b:1?x", ""]) {
      expect(parsePeerUrl(wrong), wrong).toHaveProperty("problem");
    }
  });

  test("[CLI6] only 127/8, ::1 and localhost are loopback", () => {
    expect(["127.0.0.1", "127.9.9.9", "::1", "localhost"].map(isLoopback)).toEqual([true, true, true, true]);
    expect(["0.0.0.0", "::", "10.0.0.1", "127.example", "example"].map(isLoopback)).toEqual([
      false,
      false,
      false,
      false,
      false,
    ]);
  });

  test("[CLI5] the nearest name forgives a slip or two, and no more", () => {
    const known = ["listen", "peer", "discovery", "log-level"];
    expect(
      ["lsiten", "pear", "discoverry", "LOG_LEVEL", "loglevel", "colour", "x"].map((name) => nearestName(name, known)),
    ).toEqual(["listen", "peer", "discovery", "log-level", "log-level", undefined, undefined]);
  });
});
