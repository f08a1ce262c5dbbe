/**
 * `yarrow restore`: a new peer of a backup.
 */
import type { Command } from "commander";
import { EXIT_CODES } from "../exit-code.ts";
import type { ExitCode } from "../exit-code.ts";
import { printJson, printLine } from "../stdout.ts";
import { printable } from "../terminal/paint.ts";
import { formatManifest, withBackupProgress, withoutParts } from "./backup.ts";
import { jsonOption } from "./options.ts";

interface RestoreOptions {
  readonly data: string;
  readonly acceptDamage?: true;
  readonly json?: true;
}

export function defineRestore(program: Command, end: (code: ExitCode) => void): void {
  program
    .command("restore")
    .summary("make a data folder of a backup")
    .description(
      "Proves every byte and every row of a backup, and makes the data folder of a new peer of it: of the same cluster, with\n" +
        "an id of its own. Joining it to the cluster is safe however old the backup is. Nothing is overwritten.",
    )
    .argument("<file>", "a file that `yarrow backup` wrote")
    .requiredOption("--data <dir>", "folder to make; it must not exist, or be empty")
    .option("--accept-damage", "restore although rows were damaged on the disk that was backed up")
    .addOption(jsonOption())
    .addHelpText("after", examples)
    .action(async (file: string, options: RestoreOptions) => end(await restore(file, options)));
}

const examples = `
Needs no running peer. The folder appears whole, or not at all.

Examples:
  yarrow restore /backup/notes.backup --data ./new
  yarrow serve --data ./new --peer ws://site-b:4321`;

async function restore(file: string, { data, acceptDamage, json }: RestoreOptions): Promise<ExitCode> {
  // The store is imported only where it is written here: every other command starts faster without.
  const { restoreBackup } = await import("@yarrow/core");
  const { manifest, peerId } = await withBackupProgress(json ?? false, (onProgress, signal) =>
    restoreBackup(file, data, { acceptDamage: acceptDamage ?? false, onProgress, signal }),
  );
  if (json) await printJson({ data, peerId, backup: withoutParts(manifest) });
  else {
    await printLine(formatManifest("restored", file, manifest));
    await printLine(`\n${printable(data)} is the folder of a new peer, ${peerId}`);
    await printLine(`start it with: yarrow serve --data ${printable(data)} --peer ws://HOST:PORT`);
  }
  return EXIT_CODES.good;
}
