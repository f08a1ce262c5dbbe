/**
 * `yarrow delete`: removes a document everywhere. It asks nothing: a script must be able to use it.
 */
import type { Command } from "commander";
import { YarrowError } from "@yarrow/core/command";
import { withPeer } from "../control.ts";
import { EXIT_CODES } from "../exit-code.ts";
import type { ExitCode } from "../exit-code.ts";
import { printJson, printLine } from "../stdout.ts";
import { printable } from "../terminal/paint.ts";
import { dataOption, jsonOption } from "./options.ts";
import type { ControlOptions } from "./options.ts";

export function defineDelete(program: Command, end: (code: ExitCode) => void): void {
  program
    .command("delete")
    .summary("delete a document on every peer")
    .description(
      "Deletes a document here and, as soon as they can be reached, on every peer. Editors that have it open are\n" +
        "disconnected. A document of the same name may be created afterwards; nothing of the old one comes back.",
    )
    .argument("<name>", "name of the document, decoded")
    .addOption(dataOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  yarrow delete notes/today --data ./a")
    .action(async (name: string, options: ControlOptions) => end(await deleteDocument(name, options)));
}

async function deleteDocument(name: string, options: ControlOptions): Promise<ExitCode> {
  return withPeer(options.data, async (peer) => {
    const deleted = await peer.delete(name);
    if (options.json) await printJson({ name, deleted });
    else if (deleted)
      await printLine(`deleted ${printable(name)}; linked peers follow at once, others when they come back`);
    else
      throw new YarrowError(
        "YARROW_DOCUMENT_NOT_FOUND",
        `no document "${printable(name)}" is alive here; nothing was deleted`,
      );
    return deleted ? EXIT_CODES.good : EXIT_CODES.failed;
  });
}
