/**
 * `yarrow compact`: merges each document's log into a snapshot now, instead of when the peer finds time.
 */
import type { Command } from "commander";
import { withPeer } from "../control.ts";
import { EXIT_CODES } from "../exit-code.ts";
import type { ExitCode } from "../exit-code.ts";
import { printJson, printLine } from "../stdout.ts";
import { count, formatBytes } from "../terminal/quantity.ts";
import { withSpinner } from "../terminal/spinner.ts";
import { dataOption, jsonOption } from "./options.ts";
import type { ControlOptions } from "./options.ts";

export function defineCompact(program: Command, end: (code: ExitCode) => void): void {
  program
    .command("compact")
    .summary("compact every document now")
    .description(
      "Merges each document's log into a snapshot. A peer does this by itself; ask for it before a backup or after a\n" +
        "large import. History inside the window of `serve --history` is kept.",
    )
    .addOption(dataOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  yarrow compact --data ./a")
    .action(async (options: ControlOptions) => end(await compact(options)));
}

async function compact(options: ControlOptions): Promise<ExitCode> {
  return withPeer(options.data, async (peer) => {
    const result = await withSpinner("compacting", peer.compact());
    if (options.json) await printJson(result);
    else {
      const sizes = `${formatBytes(result.bytesBefore)} before, ${formatBytes(result.bytesAfter)} after`;
      await printLine(`compacted ${count(result.documents, "document")}: ${sizes}`);
    }
    return EXIT_CODES.good;
  });
}
