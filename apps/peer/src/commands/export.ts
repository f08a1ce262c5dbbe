/**
 * `yarrow export`: documents as Yjs updates, for other programs.
 */
import { existsSync } from "node:fs";
import { countDocuments, exportDocuments, YarrowError } from "@yarrow/core";
import { Option } from "commander";
import type { Command } from "commander";
import { EXIT_CODES } from "../exit-code.ts";
import type { ExitCode } from "../exit-code.ts";
import { onStopSignal } from "../signals.ts";
import { printJson, printLine } from "../stdout.ts";
import { printable } from "../terminal/paint.ts";
import { createProgressBar } from "../terminal/progress-bar.ts";
import { count, formatBytes } from "../terminal/quantity.ts";
import { jsonLine, openExport, writeLine } from "../transfer/write-export.ts";
import type { ExportTarget } from "../transfer/write-export.ts";
import { dataOption, jsonOption } from "./options.ts";
import type { ControlOptions } from "./options.ts";

interface ExportOptions extends ControlOptions {
  readonly prefix?: string;
  readonly format: "update" | "jsonl";
  readonly from?: string;
  readonly force?: true;
}

export function defineExport(program: Command, end: (code: ExitCode) => void): void {
  program
    .command("export")
    .summary("write documents as Yjs updates")
    .description(
      "Writes every living document as one Yjs update: JSON lines in a file, or a file for each in a folder. Reads the data\n" +
        "folder beside the peer, which need not run, or a backup. Each document is of one moment; for a set of one moment,\n" +
        "export a backup.",
    )
    .argument("<place>", "file of JSON lines, - for stdout, or with --format update a folder; it must not exist")
    .addOption(dataOption())
    .option("--from <backup>", "read this backup instead of the data folder")
    .option("--prefix <text>", "only names that begin with this")
    .addOption(
      new Option("--format <format>", "jsonl: one line for each document; update: one file for each")
        .choices(["jsonl", "update"])
        .default("jsonl"),
    )
    .option("--force", "replace the file if it exists")
    .addOption(jsonOption())
    .addHelpText("after", examples)
    .action(async (place: string, options: ExportOptions) => end(await exportAll(place, options)));
}

const examples = `
A line is {"name":"notes/today","update":"…"}, with a Yjs update of encoding V1 in base64.

Examples:
  yarrow export notes.jsonl --data ./a
  yarrow export ./updates --format update --data ./a --prefix notes/
  yarrow export - --from /backup/notes.backup | gzip > notes.jsonl.gz`;

async function exportAll(place: string, options: ExportOptions): Promise<ExitCode> {
  const source = options.from ?? options.data;
  if (!existsSync(source)) throw new YarrowError("YARROW_USAGE", `${source} does not exist`);
  const target = place === "-" ? stdoutTarget() : await openTarget(place, options);
  const bar = createProgressBar(options.json ?? false);
  const stop = onStopSignal();
  let stopped = false;
  void stop.requested.then(() => (stopped = true));
  const result = { documents: 0, bytes: 0, damaged: [] as string[] };
  try {
    const total = countDocuments(source);
    for (const { name, update } of exportDocuments(source, options.prefix)) {
      if (stopped) throw new YarrowError("YARROW_BACKUP_FAILED", "the export was ended by a signal");
      bar.at("exporting documents", result.documents, total);
      if (update === undefined) {
        result.damaged.push(name);
        continue;
      }
      await target.write(name, update);
      result.documents += 1;
      result.bytes += update.length;
    }
    await target.finish();
  } catch (error) {
    await target.discard();
    throw explain(error, place);
  } finally {
    bar.end();
    stop.release();
  }
  await report(place, options, result);
  return result.damaged.length === 0 ? EXIT_CODES.good : EXIT_CODES.failed;
}

async function report(
  place: string,
  { json }: ExportOptions,
  result: { documents: number; bytes: number; damaged: string[] },
): Promise<void> {
  for (const name of result.damaged) process.stderr.write(`left out, because it is damaged: ${printable(name)}\n`);
  if (place === "-") return;
  if (json) await printJson(result);
  else await printLine(`${count(result.documents, "document")}, ${formatBytes(result.bytes)}, to ${printable(place)}`);
}

async function openTarget(place: string, { format, force }: ExportOptions): Promise<ExportTarget> {
  try {
    return await openExport(place, format, force ?? false);
  } catch (error) {
    throw explain(error, place);
  }
}

/** What a disk refuses is nobody's bug. */
function explain(error: unknown, place: string): unknown {
  if (error instanceof YarrowError || !(error instanceof Error) || !("syscall" in error)) return error;
  return new YarrowError("YARROW_BACKUP_FAILED", `${place} could not be written: ${error.message}`, {
    cause: error,
    hint: "Look at the folder, its rights and the free space there.",
  });
}

function stdoutTarget(): ExportTarget {
  const nothing = (): Promise<void> => Promise.resolve();
  return {
    write: (name, update) => writeLine(process.stdout, jsonLine(name, update)),
    finish: nothing,
    discard: nothing,
  };
}
