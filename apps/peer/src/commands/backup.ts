/**
 * `yarrow backup`: a backup of a running peer, or the proof of one that exists.
 */
import { resolve } from "node:path";
import { YarrowError } from "@yarrow/core/command";
import type { BackupManifest, BackupProgress } from "@yarrow/core";
import { Option } from "commander";
import type { Command } from "commander";
import { withPeer } from "../control.ts";
import { EXIT_CODES } from "../exit-code.ts";
import type { ExitCode } from "../exit-code.ts";
import { usageError } from "../failure.ts";
import { onStopSignal } from "../signals.ts";
import { printJson, printLine } from "../stdout.ts";
import { ink, printable } from "../terminal/paint.ts";
import { createProgressBar } from "../terminal/progress-bar.ts";
import { count, formatBytes } from "../terminal/quantity.ts";
import { formatFacts } from "../terminal/table.ts";
import { dataOption, jsonOption, rateArgument } from "./options.ts";
import type { ControlOptions } from "./options.ts";

interface BackupCommandOptions extends ControlOptions {
  readonly force?: true;
  readonly rate?: number;
  readonly verify?: true;
  readonly every?: string;
}

const STAGES: Readonly<Record<BackupProgress["stage"], string>> = {
  wait: "another backup first",
  copy: "copying pages",
  hash: "hashing pages",
  rows: "checking rows",
  documents: "writing documents",
};

export function defineBackup(program: Command, end: (code: ExitCode) => void): void {
  program
    .command("backup")
    .summary("write a backup of a running peer")
    .description(
      "Writes the replica of a running peer, as it is at this moment, to one file that can prove itself. The peer goes on\n" +
        "reading and writing meanwhile. The file appears when it is whole; --verify proves one that exists.",
    )
    .argument("<file>", "the file to write; it must not exist")
    .addOption(dataOption())
    .option("--force", "replace the file if it exists")
    .addOption(
      new Option("--rate <size>", "at most so many bytes per second, or unlimited (default: 128MiB)").argParser(
        rateArgument,
      ),
    )
    .option("--verify", "write nothing; prove every byte and every row of the file instead")
    .addOption(new Option("--every <duration>", "how to take backups at fixed times").hideHelp())
    .addOption(jsonOption())
    .addHelpText("after", examples)
    .action(async (file: string, options: BackupCommandOptions) => end(await backup(file, options)));
}

const examples = `
Ctrl-C ends a backup and leaves nothing behind. Progress is told on stderr, with --json as JSON lines.
For backups at fixed times:  yarrow serve --backup-dir DIR --backup-every 1h --backup-keep 48

Examples:
  yarrow backup /backup/notes.backup --data ./a
  yarrow backup /backup/notes.backup --data ./a --rate 20MiB --force
  yarrow backup --verify /backup/notes.backup
  yarrow restore /backup/notes.backup --data ./new`;

async function backup(file: string, options: BackupCommandOptions): Promise<ExitCode> {
  if (options.every !== undefined) {
    throw usageError(
      "backups at fixed times are taken by the peer itself",
      `Start it with: yarrow serve --backup-dir DIR --backup-every ${options.every} --backup-keep 48`,
    );
  }
  const json = options.json ?? false;
  // The store is imported only where it is read here: every other command starts faster without.
  const { verifyBackup } = await import("@yarrow/core");
  const manifest = await withBackupProgress(json, (onProgress, signal) =>
    options.verify ? verifyBackup(file, { onProgress, signal }) : write(file, options, onProgress, signal),
  );
  if (json) await printJson(withoutParts(manifest));
  else await printLine(formatManifest(options.verify ? "sound" : "written", file, manifest));
  return manifest.rows.damaged === 0 || !options.verify ? EXIT_CODES.good : EXIT_CODES.failed;
}

function write(
  file: string,
  options: BackupCommandOptions,
  onProgress: (progress: BackupProgress) => void,
  signal: AbortSignal,
): Promise<BackupManifest> {
  return withPeer(
    options.data,
    (peer) =>
      peer.backup(resolve(file), {
        onProgress,
        force: options.force ?? false,
        // JSON knows no infinity.
        ...(options.rate === undefined ? {} : { maxBytesPerSecond: Math.min(options.rate, Number.MAX_SAFE_INTEGER) }),
      }),
    signal,
  );
}

/** Shows how far the work is, and ends it on a signal. */
export async function withBackupProgress<T>(
  json: boolean,
  work: (onProgress: (progress: BackupProgress) => void, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const bar = createProgressBar(json);
  const stop = onStopSignal();
  const ended = new AbortController();
  void stop.requested.then((by) => ended.abort(new YarrowError("YARROW_BACKUP_FAILED", `ended by ${by}`)));
  try {
    return await work(({ stage, done, total }) => bar.at(json ? stage : STAGES[stage], done, total), ended.signal);
  } finally {
    bar.end();
    stop.release();
  }
}

/** The stable JSON: what a manifest says, without a hash for every part. */
export function withoutParts({ database, ...manifest }: BackupManifest): object {
  const { bytes, pageBytes, sha256 } = database;
  return {
    ...manifest,
    clusterId: manifest.clusterId ?? null,
    root: manifest.root ?? null,
    database: { bytes, pageBytes, sha256 },
  };
}

export function formatManifest(word: string, file: string, manifest: BackupManifest): string {
  const { documents, database, rows } = manifest;
  const damage = `${count(rows.damaged, "row")} damaged on the disk that was backed up: ${rows.examples.join(", ")}`;
  return formatFacts([
    ["backup", `${ink(printable(file), "bold")}  ${ink(word, "green")}`],
    ["taken", new Date(manifest.takenMs).toISOString()],
    ["peer", `${manifest.peerId}  ${ink(`release ${manifest.version}, schema ${manifest.schema}`, "dim")}`],
    ["cluster", manifest.clusterId ?? "not decided"],
    ["fingerprint", manifest.root ?? "unknown"],
    ["documents", `${documents.alive.toLocaleString("en")} alive, ${documents.deleted.toLocaleString("en")} deleted`],
    [
      "size",
      `${formatBytes(database.bytes)}, ${count(rows.checked, "row")}, ${manifest.logRows.toLocaleString("en")} of them log`,
    ],
    ...(rows.damaged === 0 ? [] : [["damage", ink(damage, "red")] as const]),
  ]);
}
