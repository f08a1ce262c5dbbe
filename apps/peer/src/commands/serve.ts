/**
 * `yarrow serve`: the flags of a peer, which are its settings.
 */
import { Option } from "commander";
import type { Command } from "commander";
import { CONFIG_DEFAULTS } from "../config/config-defaults.ts";
import { configSchema, variableOf } from "../config/config-schema.ts";
import type { ConfigKey } from "../config/config-schema.ts";
import type { ExitCode } from "../exit-code.ts";
import type { StartOptions } from "../serve/run-peer.ts";
import { collect } from "./options.ts";

export function defineServe(program: Command, end: (code: ExitCode) => void): void {
  const command = program
    .command("serve")
    .summary("run a peer")
    .description("Runs a peer: a full replica in a data folder, serving browsers and other peers on one port.")
    .addOption(setting("data", "<dir>", CONFIG_DEFAULTS.data))
    .addOption(setting("listen", "<host:port>", CONFIG_DEFAULTS.listen))
    .addOption(
      setting("peer", "<url>", undefined, "; may be repeated, one that can be reached is enough").argParser(collect),
    )
    .addOption(setting("role", "<writer|follower>", "writer"))
    .option("--no-discovery", "link with the listed peers only, for a fixed topology")
    .addOption(setting("cluster", "<name>"))
    .addOption(
      setting("advertise", "<url>", undefined, "; may be repeated (default: the listening address)").argParser(collect),
    )
    .addOption(setting("history", "<duration>", "1d"))
    .addOption(setting("durability", "<full|normal>", CONFIG_DEFAULTS.durability))
    .addOption(setting("copies", "<n>", String(CONFIG_DEFAULTS.copies)))
    .addOption(setting("when-missing", "<wait|degrade>", CONFIG_DEFAULTS["when-missing"]))
    .addOption(setting("copies-timeout", "<duration>", "10s"))
    .addOption(setting("backup-dir", "<dir>"))
    .addOption(setting("backup-every", "<duration>", "1h"))
    .addOption(setting("backup-keep", "<count>", "48"))
    .addOption(setting("backup-rate", "<size>", "128MiB"))
    .addOption(setting("admin", "<host:port>"))
    .addOption(setting("trust", "<file>"))
    .addOption(new Option("--query", describe("query")))
    .option("--no-query", "answer no queries, and remove the projection")
    .addOption(new Option("--insecure", describe("insecure")))
    .addOption(setting("log-level", "<level>", CONFIG_DEFAULTS["log-level"]))
    .option("--config <file>", "YAML file with the same keys (default: the one in YARROW_CONFIG, if any)")
    .addOption(new Option("--end-with-parent").hideHelp())
    .addHelpText("after", examples);
  command.action(async () => {
    // Imported on demand: the other commands need neither logs nor metrics, and start faster without.
    const { runPeer } = await import("../serve/run-peer.ts");
    end(await runPeer(givenFlags(command), command.opts<StartOptions>()));
  });
}

const examples = `
Every option is also a variable (${variableOf("log-level")}) and a key of the configuration file (log-level).
Flags win over variables, variables over the file, the file over defaults.

When it is ready, one JSON line on stdout tells the addresses; logs go to stderr. SIGINT and SIGTERM end it cleanly.

Examples:
  yarrow serve --data ./a                                            a first peer, on 127.0.0.1:4321
  yarrow serve --data ./b --listen 127.0.0.1:4322 --peer ws://127.0.0.1:4321
  yarrow serve --data ./a --copies 1 --when-missing degrade          echo an edit when another peer has it, too
  yarrow serve --data ./c --listen 127.0.0.1:4323 --peer ws://127.0.0.1:4321 --role follower
  yarrow serve --config /etc/yarrow.yaml

  # /etc/yarrow.yaml
  data: /var/lib/yarrow
  listen: 127.0.0.1:4321
  peer: [ws://site-b:4321, ws://site-c:4321]
  history: 7d`;

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

/** The schema is the one place that says what a setting means; in the list of flags its sentence is a phrase. */
function describe(key: ConfigKey): string {
  const text = configSchema.shape[key].description ?? "";
  return text.replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase());
}
