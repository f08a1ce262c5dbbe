/**
 * `yarrow documents`: the set, in the order of the names.
 */
import type { DocumentInfo } from "@yarrow/core";
import type { Command } from "commander";
import { withPeer } from "../control.ts";
import type { RunningPeer } from "../control.ts";
import { EXIT_CODES } from "../exit-code.ts";
import type { ExitCode } from "../exit-code.ts";
import { print, printLine } from "../stdout.ts";
import { ink, printable } from "../terminal/paint.ts";
import { count, formatBytes } from "../terminal/quantity.ts";
import { formatTable } from "../terminal/table.ts";
import type { Column } from "../terminal/table.ts";
import { dataOption, jsonOption } from "./options.ts";
import type { ControlOptions } from "./options.ts";

interface DocumentsOptions extends ControlOptions {
  readonly prefix?: string;
  readonly deleted?: true;
}

const PAGE_DOCUMENTS = 500;

const COLUMNS: readonly Column[] = [
  { title: "NAME" },
  { title: "STATE" },
  { title: "INCARNATION", align: "right" },
  { title: "SIZE", align: "right" },
  { title: "CHANGED" },
  { title: "FINGERPRINT" },
];

export function defineDocuments(program: Command, end: (code: ExitCode) => void): void {
  program
    .command("documents")
    .summary("list the documents")
    .description("Lists the documents of a running peer, in the order of their names.")
    .addOption(dataOption())
    .option("--prefix <text>", "only names that begin with this")
    .option("--deleted", "also those that were deleted")
    .addOption(jsonOption())
    .addHelpText("after", examples)
    .action(async (options: DocumentsOptions) => end(await listDocuments(options)));
}

const examples = `
Examples:
  yarrow documents --data ./a
  yarrow documents --data ./a --prefix notes/ --json`;

async function listDocuments(options: DocumentsOptions): Promise<ExitCode> {
  return withPeer(options.data, async (peer) => {
    if (options.json) await printAsJson(pages(peer, options));
    else await printAsTables(pages(peer, options), options.prefix);
    return EXIT_CODES.good;
  });
}

async function* pages(peer: RunningPeer, options: DocumentsOptions): AsyncIterable<readonly DocumentInfo[]> {
  const wanted = { prefix: options.prefix ?? "", deleted: options.deleted ?? false, limit: PAGE_DOCUMENTS };
  let after: string | undefined;
  for (;;) {
    const page = await peer.documents(after === undefined ? wanted : { ...wanted, after });
    if (page.length > 0) yield page;
    after = page.at(-1)?.name;
    if (page.length < PAGE_DOCUMENTS) return;
  }
}

/** `{"documents":[…]}`, written as it comes: the set may not fit in memory. */
async function printAsJson(documents: AsyncIterable<readonly DocumentInfo[]>): Promise<void> {
  let separator = "";
  await print('{"documents":[');
  for await (const page of documents) {
    await print(separator + page.map((document) => JSON.stringify(document)).join(","));
    separator = ",";
  }
  await printLine("]}");
}

/** One table a page: its columns are as wide as that page needs. */
async function printAsTables(
  documents: AsyncIterable<readonly DocumentInfo[]>,
  prefix: string | undefined,
): Promise<void> {
  let total = 0;
  for await (const page of documents) {
    const table = formatTable(COLUMNS, page.map(rowOf));
    await printLine(total === 0 ? table : table.slice(table.indexOf("\n") + 1));
    total += page.length;
  }
  if (total === 0)
    await printLine(prefix === undefined ? "no documents yet" : `no document begins with "${printable(prefix)}"`);
  else await printLine(ink(count(total, "document"), "dim"));
}

function rowOf(document: DocumentInfo): string[] {
  return [
    printable(document.name),
    document.state === "alive" ? document.state : ink(document.state, "yellow"),
    String(document.incarnation),
    formatBytes(document.bytes),
    document.changedAt.toISOString().slice(0, 19).replace("T", " "),
    document.fingerprint.slice(0, 12),
  ];
}
