/**
 * `yarrow restore`: a new peer of a backup.
 */
import { Option } from "commander";
import type { Command } from "commander";
import type { RestoredPast } from "@yarrow/core";
import { EXIT_CODES } from "../exit-code.ts";
import type { ExitCode } from "../exit-code.ts";
import { usageError } from "../failure.ts";
import { printJson, printLine } from "../stdout.ts";
import { printable } from "../terminal/paint.ts";
import { count } from "../terminal/quantity.ts";
import { formatManifest, withBackupProgress, withoutParts } from "./backup.ts";
import { instantArgument, jsonOption } from "./options.ts";

interface RestoreOptions {
  readonly data: string;
  readonly at?: number;
  readonly cluster?: string;
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
    .addOption(
      new Option(
        "--at <time>",
        "the whole set as it was at an instant within the backup's history: 2026-11-23T14:30, -2h or '2h ago'",
      ).argParser(instantArgument),
    )
    .option("--cluster <name>", "with --at: make it another cluster, which never mixes with the one it comes from")
    .option("--accept-damage", "restore although rows were damaged on the disk that was backed up")
    .addOption(jsonOption())
    .addHelpText("after", examples)
    .action(async (file: string, options: RestoreOptions) => end(await restore(file, options)));
}

const examples = `
Needs no running peer. The folder appears whole, or not at all.

Examples:
  yarrow restore /backup/notes.backup --data ./new
  yarrow serve --data ./new --peer ws://site-b:4321

As it was yesterday, to look into and never to mix with what is there now:
  yarrow restore /backup/notes.backup --at -24h --cluster yesterday --data ./then
  yarrow serve --data ./then --listen 127.0.0.1:4999`;

async function restore(file: string, options: RestoreOptions): Promise<ExitCode> {
  const { data, at, cluster, acceptDamage, json } = options;
  if (at !== undefined) return restoreInstant(file, { ...options, at });
  if (cluster !== undefined) throw usageError("--cluster needs --at: what is restored whole stays of its cluster");
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

async function restoreInstant(file: string, options: RestoreOptions & { readonly at: number }): Promise<ExitCode> {
  const { data, at, cluster, acceptDamage = false, json } = options;
  const { restorePast } = await import("@yarrow/core");
  const restored = await withBackupProgress(json ?? false, (onProgress, signal) =>
    restorePast(file, data, { at, cluster, acceptDamage, onProgress, signal }),
  );
  const { manifest, peerId, clusterId, documents } = restored;
  if (json) await printJson({ data, peerId, clusterId, at: new Date(at), documents, backup: withoutParts(manifest) });
  else await tellPast(restored, options);
  return EXIT_CODES.good;
}

async function tellPast(
  { peerId, documents: { alive, deleted, damaged } }: RestoredPast,
  { data, at, cluster }: RestoreOptions & { readonly at: number },
): Promise<void> {
  const folder = printable(data);
  const instant = new Date(at).toISOString();
  await printLine(`${folder} is the folder of a new peer, ${peerId}`);
  await printLine(`with ${count(alive, "document")} as of ${instant}, and ${count(deleted, "deletion")}`);
  for (const name of damaged) await printLine(`something is missing in ${printable(name)}`);
  if (cluster === undefined) {
    await printLine(
      "linked to the cluster it comes from, it takes back everything newer; --cluster NAME keeps it apart",
    );
  }
  await printLine(`start it with: yarrow serve --data ${folder}`);
}
