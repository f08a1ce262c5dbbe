/**
 * `yarrow history`: what happened to one document.
 */
import { YarrowError } from "@yarrow/core/command";
import type { DocumentChange, DocumentHistory } from "@yarrow/core";
import { Option } from "commander";
import type { Command } from "commander";
import { withPeer } from "../control.ts";
import { EXIT_CODES } from "../exit-code.ts";
import type { ExitCode } from "../exit-code.ts";
import { printJson, printLine } from "../stdout.ts";
import { ink, printable } from "../terminal/paint.ts";
import { count, formatBytes } from "../terminal/quantity.ts";
import { formatTable } from "../terminal/table.ts";
import type { Column } from "../terminal/table.ts";
import { dataOption, jsonOption, wholeArgument } from "./options.ts";
import type { ControlOptions } from "./options.ts";

interface HistoryCommandOptions extends ControlOptions {
  readonly all?: true;
  readonly limit: number;
  readonly before?: number;
}

const COLUMNS: readonly Column[] = [
  { title: "UNTIL" },
  { title: "WHAT" },
  { title: "UPDATES", align: "right" },
  { title: "SIZE", align: "right" },
  { title: "BY" },
];

export function defineHistory(program: Command, end: (code: ExitCode) => void): void {
  program
    .command("history")
    .summary("tell what happened to a document")
    .description(
      "Tells what happened to a document, newest first, as far back as this peer keeps it (serve --history). Changes within a\n" +
        "minute are one line. The time of a line is that of its last change: show --at TIME and revert --to TIME take it.",
    )
    .argument("<name>", "name of the document, decoded")
    .addOption(dataOption())
    .option("--all", "every batch of changes on a line of its own")
    .addOption(new Option("--limit <n>", "lines at most").argParser(wholeArgument(1, 1_000)).default(20))
    .addOption(
      new Option("--before <place>", "go on where the last page ended").argParser(
        wholeArgument(0, Number.MAX_SAFE_INTEGER),
      ),
    )
    .addOption(jsonOption())
    .addHelpText("after", examples)
    .action(async (name: string, options: HistoryCommandOptions) => end(await tell(name, options)));
}

const examples = `
Examples:
  yarrow history notes/today --data ./a
  yarrow history notes/today --data ./a --all --limit 100
  yarrow history notes/today --data ./a --json | jq .entries[0].at`;

async function tell(name: string, options: HistoryCommandOptions): Promise<ExitCode> {
  return withPeer(options.data, async (peer) => {
    const { limit, before, all } = options;
    const history = await peer.history(name, { limit, before, ...(all ? { togetherMs: 0 } : {}) });
    if (history === undefined) {
      throw new YarrowError("YARROW_DOCUMENT_NOT_FOUND", `nothing called "${printable(name)}" was ever written here`);
    }
    if (options.json)
      await printJson({ name, since: history.since ?? null, next: history.next ?? null, entries: history.entries });
    else await printTable(name, history, options);
    return EXIT_CODES.good;
  });
}

async function printTable(
  name: string,
  { entries, next, since }: DocumentHistory,
  { all }: HistoryCommandOptions,
): Promise<void> {
  if (entries.length > 0) await printLine(formatTable(COLUMNS, entries.map(rowOf)));
  const kept = since === undefined ? "from its beginning" : `since ${since.toISOString()}`;
  if (entries.length === 0) await printLine(`${printable(name)} has not changed ${kept}`);
  else if (next === undefined) await printLine(ink(`told ${kept}`, "dim"));
  else await printLine(ink(`more with --before ${next}${all ? " --all" : ""}`, "dim"));
}

function rowOf(change: DocumentChange): string[] {
  const { at, kind, incarnation, updates, bytes, writers, damaged } = change;
  const what =
    kind === "changed" ? kind : ink(`${kind} (incarnation ${incarnation})`, kind === "deleted" ? "yellow" : "green");
  return [
    at.toISOString(),
    damaged === 0 ? what : `${what} ${ink(`${count(damaged, "batch", "batches")} damaged`, "red")}`,
    kind === "deleted" ? "" : String(updates),
    kind === "deleted" ? "" : formatBytes(bytes),
    [...new Set(writers.map(nameOf))].join(", "),
  ];
}

function nameOf({ principal, source }: DocumentChange["writers"][number]): string {
  const from = source === "local" ? "here" : "another peer";
  return principal === "" ? from : `${printable(principal)} (${from})`;
}
