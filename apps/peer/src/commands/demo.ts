/**
 * `yarrow demo`: a whole set of peers on this machine, and a page to see them work.
 */
import { Option } from "commander";
import type { Command } from "commander";
import { DEMO_PEERS_MAX, PLAYGROUND_PORT } from "../demo/demo-options.ts";
import type { DemoOptions } from "../demo/demo-options.ts";
import type { ExitCode } from "../exit-code.ts";
import { wholeArgument } from "./options.ts";

const PEERS = 3;

export function defineDemo(program: Command, end: (code: ExitCode) => void): void {
  program
    .command("demo")
    .summary("run several peers and the playground on this machine")
    .description(
      "Starts several peers as processes of their own, linked to each other, and a playground in the browser with an editor\n" +
        "on each of them. Ctrl-C ends everything.",
    )
    .addOption(
      new Option("--peers <number>", "how many peers").argParser(wholeArgument(1, DEMO_PEERS_MAX)).default(PEERS),
    )
    .option("--data <dir>", "folder that is kept (default: a fresh one, removed at the end)")
    .addOption(
      new Option(
        "--port <number>",
        `port of the playground; peers take port + 21 and on, 0 takes free ones (default: ${PLAYGROUND_PORT}, or the next free one)`,
      ).argParser(wholeArgument(0, 65_000)),
    )
    .option("--json", "print one JSON line when everything is ready, instead of the overview")
    .addHelpText("after", examples)
    .action(async (options: DemoOptions) => {
      const { runDemo } = await import("../demo/run-demo.ts");
      end(await runDemo(options));
    });
}

const examples = `
Examples:
  yarrow demo
  yarrow demo --peers 5 --data ./demo`;
