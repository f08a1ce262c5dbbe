/**
 * `yarrow append`: writes a line into a document, and says where it is kept. For trying out, and for scripts that prove that
 * a peer takes writes.
 */
import { COPIES_MAX } from "@yarrow/core/command";
import { Option } from "commander";
import type { Command } from "commander";
import { withPeer } from "../control.ts";
import { EXIT_CODES } from "../exit-code.ts";
import type { ExitCode } from "../exit-code.ts";
import { usageError } from "../failure.ts";
import { printJson, printLine } from "../stdout.ts";
import { printable } from "../terminal/paint.ts";
import { count } from "../terminal/quantity.ts";
import { dataOption, durationArgument, jsonOption, wholeArgument } from "./options.ts";
import type { ControlOptions } from "./options.ts";

interface AppendOptions extends ControlOptions {
  readonly root: string;
  readonly copies?: number;
  readonly timeout: number;
  readonly token?: true;
}

const TIMEOUT_MS = 10_000;
/** The control socket takes no longer lines, and a document of lines like that should come from an editor. */
const LINE_BYTES_MAX = 16 * 1024;

export function defineAppend(program: Command, end: (code: ExitCode) => void): void {
  program
    .command("append")
    .summary("write a line into a document")
    .description(
      "Writes a line of text at the end of a document, which is made when it is not there. It is an edit like that of an editor,\n" +
        "and the command ends when it is kept: on this peer's disk, and on as many other peers as are wanted.",
    )
    .argument("<name>", "name of the document, decoded")
    .argument("<line>", `what to write, at most ${LINE_BYTES_MAX / 1024} KiB; a line feed is added`)
    .addOption(dataOption())
    .option("--root <name>", "the text to write to", "body")
    .addOption(
      new Option(
        "--copies <n>",
        "wait until so many other peers have committed it (default: as `serve --copies` says)",
      ).argParser(wholeArgument(0, COPIES_MAX)),
    )
    .addOption(
      new Option("--timeout <duration>", "how long to wait for that")
        .argParser(durationArgument)
        .default(TIMEOUT_MS, "10s"),
    )
    .option("--token", "print the write's token and nothing else: `yarrow show --after TOKEN` waits for it on any peer")
    .addOption(jsonOption())
    .addHelpText("after", examples)
    .action(async (name: string, line: string, options: AppendOptions) => end(await append(name, line, options)));
}

const examples = `
When the copies are not reached in time, it fails with YARROW_COPIES_MISSING: the line is kept here and travels on its own.

Examples:
  yarrow append notes/today "buy oranges" --data ./a
  yarrow append notes/today "buy oranges" --data ./a --copies 2      ends when two other peers have it on disk
  TOKEN=$(yarrow append notes/today "buy oranges" --data ./a --token)
  yarrow show notes/today --data ./b --after "$TOKEN"                 reads it on another peer`;

async function append(name: string, line: string, options: AppendOptions): Promise<ExitCode> {
  if (Buffer.byteLength(line) > LINE_BYTES_MAX) {
    throw usageError(`the line has ${Buffer.byteLength(line)} bytes; at most ${LINE_BYTES_MAX} are taken`);
  }
  const { root, copies, timeout } = options;
  return withPeer(options.data, async (peer) => {
    const before = copies === undefined ? (await peer.status()).copies : undefined;
    const token = await peer.append(name, line, {
      root,
      timeoutMs: timeout,
      ...(copies === undefined ? {} : { copies }),
    });
    // A peer that degrades acknowledges without copies, and counts what it did not wait for.
    const skips = before !== undefined && before.skipped !== (await peer.status()).copies.skipped;
    const reached = copies ?? (skips ? 0 : (before?.wanted ?? 0));
    if (options.json) await printJson({ name, root, copies: reached, token });
    else if (options.token) await printLine(token);
    else
      await printLine(
        `appended to ${printable(name)}; it is on this peer's disk${skips ? DEGRADED : elsewhere(reached)}`,
      );
    return EXIT_CODES.good;
  });
}

const DEGRADED = ", and was not waited for on others: copies are missing, and the peer degrades";

function elsewhere(copies: number): string {
  return copies === 0 ? "" : ` and on ${count(copies, "other peer")}`;
}
