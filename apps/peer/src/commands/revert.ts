/**
 * `yarrow revert`: gives a document the content it had.
 */
import { userInfo } from "node:os";
import { Option } from "commander";
import type { Command } from "commander";
import { withPeer } from "../control.ts";
import { EXIT_CODES } from "../exit-code.ts";
import type { ExitCode } from "../exit-code.ts";
import { printJson, printLine } from "../stdout.ts";
import { printable } from "../terminal/paint.ts";
import { dataOption, durationArgument, instantArgument, jsonOption } from "./options.ts";
import type { ControlOptions } from "./options.ts";

interface RevertCommandOptions extends ControlOptions {
  readonly to: number;
  readonly timeout: number;
}

const TIMEOUT_MS = 10_000;

export function defineRevert(program: Command, end: (code: ExitCode) => void): void {
  program
    .command("revert")
    .summary("give a document the content it had at an instant")
    .description(
      "Gives a document exactly the content that it had here at an instant, by a new edit that spreads like any other: what has\n" +
        "not changed since is not touched, and what others write at the same time is merged. A document that was deleted since\n" +
        "comes back. Nothing is lost: a revert can be reverted.",
    )
    .argument("<name>", "name of the document, decoded")
    .addOption(
      new Option("--to <time>", "2026-11-23T14:30, 2026-11-23, 14:30, -2h or '2h ago'")
        .argParser(instantArgument)
        .makeOptionMandatory(),
    )
    .addOption(dataOption())
    .addOption(
      new Option(
        "--timeout <duration>",
        "how long to wait until it is kept, here and on as many peers as `serve --copies` says",
      )
        .argParser(durationArgument)
        .default(TIMEOUT_MS, "10s"),
    )
    .addOption(jsonOption())
    .addHelpText("after", examples)
    .action(async (name: string, options: RevertCommandOptions) => end(await revert(name, options)));
}

const examples = `
A follower refuses. When the copies are not reached in time, it fails with YARROW_COPIES_MISSING: the document is reverted here, and
the edit travels on its own.

Examples:
  yarrow revert notes/today --to -2h --data ./a
  yarrow revert notes/today --to 2026-11-23T14:30:05.120Z --data ./a
Look first: yarrow history notes/today, and yarrow show notes/today --at TIME`;

async function revert(name: string, options: RevertCommandOptions): Promise<ExitCode> {
  const to = new Date(options.to);
  return withPeer(options.data, async (peer) => {
    const { changed, recreated } = await peer.revert(name, options.to, {
      principal: userName(),
      timeoutMs: options.timeout,
    });
    const document = printable(name);
    if (options.json) await printJson({ name, to, changed, recreated });
    else if (!changed) await printLine(`${document} says already what it said at ${to.toISOString()}`);
    else if (recreated) await printLine(`${document} is back, with what it said at ${to.toISOString()}`);
    else await printLine(`${document} says again what it said at ${to.toISOString()}`);
    return EXIT_CODES.good;
  });
}

/** For the history. A user without a name is not known. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return "";
  }
}
