/**
 * `yarrow key`: what other peers must have on their lists to let this one in.
 */
import type { Command } from "commander";
import { formatKey, readPublicKey } from "@yarrow/core/command";
import { EXIT_CODES } from "../exit-code.ts";
import type { ExitCode } from "../exit-code.ts";
import { printJson, printLine } from "../stdout.ts";
import { dataOption, jsonOption } from "./options.ts";
import type { ControlOptions } from "./options.ts";

export function defineKey(program: Command, end: (code: ExitCode) => void): void {
  program
    .command("key")
    .summary("print the public key of a data folder")
    .description(
      "Prints the public key of the peer of a data folder, and makes the folder and its key when there are none. Peers that are\n" +
        "started with --trust FILE let in whoever proves a key that stands in that file.",
    )
    .addOption(dataOption())
    .addOption(jsonOption())
    .addHelpText("after", examples)
    .action(async (options: ControlOptions) => end(await printKey(options)));
}

const examples = `
Examples:
  yarrow key --data ./a                                 ed25519:…
  echo "writer $(yarrow key --data ./a)  site A" >> trusted
  echo "follower $(yarrow key --data ./b)  site B" >> trusted
  yarrow serve --data ./a --trust ./trusted             lets in these two, B as a follower only`;

async function printKey(options: ControlOptions): Promise<ExitCode> {
  const publicKey = formatKey(readPublicKey(options.data));
  if (options.json) await printJson({ publicKey });
  else await printLine(publicKey);
  return EXIT_CODES.good;
}
