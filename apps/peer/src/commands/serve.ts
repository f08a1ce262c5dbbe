/**
 * `yarrow serve`: runs a peer until a signal ends it.
 */
import { createPeer } from "@yarrow/core";
import type { Peer, PeerOptions } from "@yarrow/core";
import { Option } from "commander";
import type { Command } from "commander";
import type { Logger } from "pino";
import { CONFIG_DEFAULTS, configSchema } from "../config/config-schema.ts";
import type { ConfigKey, ServeConfig } from "../config/config-schema.ts";
import { loadConfig, variableOf } from "../config/load-config.ts";
import { EXIT_CODES } from "../exit-code.ts";
import type { ExitCode } from "../exit-code.ts";
import { createLog } from "../log.ts";
import { createMetrics } from "../metrics/metrics-registry.ts";
import { onStopSignal } from "../signals.ts";
import { printJson } from "../stdout.ts";
import { VERSION } from "../version.ts";
import { collect } from "./options.ts";

/** Options that are about the start itself; all others are configuration. */
interface StartOptions {
  readonly config?: string;
  readonly endWithParent?: true;
}

export function defineServe(program: Command, end: (code: ExitCode) => void): void {
  const command = program
    .command("serve")
    .summary("run a peer")
    .description("Runs a peer: a full replica in a data folder, serving browsers and other peers on one port.")
    .addOption(setting("data", "<dir>", CONFIG_DEFAULTS.data))
    .addOption(setting("listen", "<host:port>", CONFIG_DEFAULTS.listen))
    .addOption(setting("peer", "<url>", undefined, "; may be repeated, one that can be reached is enough").argParser(collect))
    .option("--no-discovery", "link with the listed peers only, for a fixed topology")
    .addOption(setting("cluster", "<name>"))
    .addOption(setting("advertise", "<url>", undefined, "; may be repeated (default: the listening address)").argParser(collect))
    .addOption(setting("history", "<duration>", "1d"))
    .addOption(setting("durability", "<full|normal>", CONFIG_DEFAULTS.durability))
    .addOption(setting("admin", "<host:port>"))
    .addOption(new Option("--insecure", describe("insecure")))
    .addOption(setting("log-level", "<level>", CONFIG_DEFAULTS["log-level"]))
    .option("--config <file>", "YAML file with the same keys (default: none)")
    .addOption(new Option("--end-with-parent").hideHelp())
    .addHelpText("after", examples);
  command.action(async () => end(await serve(givenFlags(command), command.opts<StartOptions>())));
}

const examples = `
Every option is also a variable (${variableOf("log-level")}) and a key of the configuration file (log-level).
Flags win over variables, variables over the file, the file over defaults.

When it is ready, one JSON line on stdout tells the addresses; logs go to stderr. SIGINT and SIGTERM end it cleanly.

Examples:
  yarrow serve --data ./a                                            a first peer, on 127.0.0.1:4321
  yarrow serve --data ./b --listen 127.0.0.1:4322 --peer ws://127.0.0.1:4321
  yarrow serve --config /etc/yarrow.yaml

  # /etc/yarrow.yaml
  data: /var/lib/yarrow
  listen: 127.0.0.1:4321
  peer: [ws://site-b:4321, ws://site-c:4321]
  history: 7d`;

async function serve(flags: ReadonlyMap<ConfigKey, unknown>, start: StartOptions): Promise<ExitCode> {
  const { config, warnings } = loadConfig({ flags, environment: process.env, file: start.config });
  const log = createLog(config["log-level"]);
  for (const warning of warnings) log.warn(warning);
  const stop = onStopSignal();
  const metrics = createMetrics(VERSION);
  const peer = await createPeer(optionsFor(config, log, metrics.scrape));
  metrics.follow(peer);
  const failed = new Promise<Error>((resolve) => peer.on("failed", resolve));
  const closed = new Promise<string>((resolve) => peer.on("closed", (by) => resolve(`closed by ${by}`)));
  await printReadyLine(peer);
  const reason = await Promise.race([stop.requested, failed, closed, ...(start.endWithParent ? [parentGone()] : [])]);
  if (reason instanceof Error) throw reason;
  log.info({ reason }, "closing");
  await peer.close();
  log.info("closed");
  stop.release();
  if (process.connected) process.disconnect(); // An open channel to the parent would keep the process alive.
  return EXIT_CODES.good;
}

function optionsFor(config: ServeConfig, log: Logger, metrics: NonNullable<PeerOptions["metrics"]>): PeerOptions {
  return {
    data: config.data,
    listen: config.listen,
    peers: config.peer,
    discovery: config.discovery,
    durability: config.durability,
    historyMs: config.history,
    insecure: config.insecure,
    metrics,
    ...(config.admin === undefined ? {} : { admin: config.admin }),
    ...(config.cluster === undefined ? {} : { cluster: config.cluster }),
    ...(config.advertise === undefined ? {} : { advertise: config.advertise }),
    log: (line) => log[line.level](line.fields, line.message),
  };
}

/** The one line on stdout that other programs wait for. Its keys are stable. */
async function printReadyLine(peer: Peer): Promise<void> {
  await printJson({
    event: "listening",
    url: peer.url ?? null,
    admin: peer.adminUrl ?? null,
    peerId: peer.peerId,
    clusterId: peer.status().clusterId ?? null,
  });
}

/** The demo's peers end with the demo, even when it is killed. */
function parentGone(): Promise<string> {
  return new Promise((resolve) => process.once("disconnect", () => resolve("parent gone")));
}

/** What was really on the command line, by configuration key. */
function givenFlags(command: Command): Map<ConfigKey, unknown> {
  const given = new Map<ConfigKey, unknown>();
  for (const option of command.options) {
    const name = option.attributeName();
    const key = option.name().replace(/^no-/, "");
    if (key in configSchema.shape && command.getOptionValueSource(name) === "cli") {
      given.set(key as ConfigKey, command.getOptionValue(name));
    }
  }
  return given;
}

function setting(key: ConfigKey, argument: string, byDefault?: string, more = ""): Option {
  const suffix = byDefault === undefined ? more : `${more} (default: ${byDefault})`;
  return new Option(`--${key} ${argument}`, describe(key) + suffix);
}

/** The schema is the one place that says what a setting means. */
function describe(key: ConfigKey): string {
  const text = configSchema.shape[key].description ?? "";
  return text.charAt(0).toLowerCase() + text.slice(1);
}
