/**
 * `yarrow import`: merges documents into a running peer.
 */
import { YarrowError } from "@yarrow/core";
import { Option } from "commander";
import type { Command } from "commander";
import { withPeer } from "../control.ts";
import type { RunningPeer } from "../control.ts";
import { EXIT_CODES } from "../exit-code.ts";
import type { ExitCode } from "../exit-code.ts";
import { printJson, printLine } from "../stdout.ts";
import { printable } from "../terminal/paint.ts";
import { createProgressBar } from "../terminal/progress-bar.ts";
import { count, formatBytes } from "../terminal/quantity.ts";
import { readImport } from "../transfer/read-import.ts";
import { dataOption, durationArgument, jsonOption } from "./options.ts";
import type { ControlOptions } from "./options.ts";

interface ImportOptions extends ControlOptions {
  readonly prefix?: string;
  readonly into?: string;
  readonly timeout: number;
}

/** Of each document: a large one on a slow disk takes longer than an edit. */
const TIMEOUT_MS = 30_000;

/** What was done so far; nothing of it is undone when the rest fails. */
interface Imported {
  documents: number;
  bytes: number;
  readonly skipped: string[];
}

export function defineImport(program: Command, end: (code: ExitCode) => void): void {
  program
    .command("import")
    .summary("merge documents into a running peer")
    .description(
      "Merges what `yarrow export` wrote, or Yjs updates from elsewhere, into a running peer, as writes of that peer. What is\n" +
        "there already changes nothing, so an import can be repeated. A follower refuses it all.",
    )
    .argument("<place>", "file of JSON lines, - for stdin, or a folder of *.yupdate files")
    .addOption(dataOption())
    .option("--prefix <text>", "only names that begin with this")
    .option("--into <text>", "put this in front of every name")
    .addOption(
      new Option(
        "--timeout <duration>",
        "how long to wait until each document is kept, here and on as many peers as `serve --copies` says",
      )
        .argParser(durationArgument)
        .default(TIMEOUT_MS, "30s"),
    )
    .addOption(jsonOption())
    .addHelpText("after", examples)
    .action(async (place: string, options: ImportOptions) => end(await importAll(place, options)));
}

const examples = `
A document that was deleted here takes nothing of its earlier life: it is left out and named, and the exit code is 1. Bring it
back under another name with --into. When the copies of a document are not reached in time, it stops with YARROW_COPIES_MISSING:
that document and those before it are merged here and travel on their own.

Examples:
  yarrow import notes.jsonl --data ./a
  yarrow import ./updates --data ./a --into restored/
  zcat notes.jsonl.gz | yarrow import - --data ./a`;

async function importAll(place: string, options: ImportOptions): Promise<ExitCode> {
  const done = await withPeer(options.data, (peer) => mergeAll(peer, place, options));
  const { documents, bytes, skipped } = done;
  for (const name of skipped) process.stderr.write(`left out, because it was deleted here: ${printable(name)}\n`);
  if (options.json) await printJson(done);
  else await printLine(`merged ${count(documents, "document")}, ${formatBytes(bytes)}`);
  return skipped.length === 0 ? EXIT_CODES.good : EXIT_CODES.failed;
}

async function mergeAll(peer: RunningPeer, place: string, options: ImportOptions): Promise<Imported> {
  const { prefix = "", into = "" } = options;
  const result: Imported = { documents: 0, bytes: 0, skipped: [] };
  const bar = createProgressBar(options.json ?? false);
  try {
    for await (const { name, update, done, total } of readImport(place)) {
      bar.at("merging documents", done, total);
      if (!name.startsWith(prefix)) continue;
      if (await merge(peer, into + name, update, options.timeout)) {
        result.documents += 1;
        result.bytes += update.length;
      } else result.skipped.push(name);
    }
    return result;
  } catch (error) {
    const before = result.documents;
    if (before > 0) process.stderr.write(`before it failed it merged ${count(before, "document")}; they stay\n`);
    throw error;
  } finally {
    bar.end();
  }
}

/** False when the document was deleted, and this is of the life that ended. */
async function merge(peer: RunningPeer, name: string, update: Uint8Array, timeoutMs: number): Promise<boolean> {
  try {
    await peer.importUpdate(name, update, { timeoutMs });
    return true;
  } catch (error) {
    if (error instanceof YarrowError && error.code === "YARROW_DOCUMENT_DELETED") return false;
    throw error;
  }
}
