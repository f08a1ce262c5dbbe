/**
 * `yarrow quarantine`: documents that are out of use, and trying one again.
 */
import type { QuarantinedDocument } from "@yarrow/core";
import type { Command } from "commander";
import { YarrowError } from "@yarrow/core/command";
import { withPeer } from "../control.ts";
import { EXIT_CODES } from "../exit-code.ts";
import type { ExitCode } from "../exit-code.ts";
import { printJson, printLine } from "../stdout.ts";
import { ink, printable } from "../terminal/paint.ts";
import { formatDuration } from "../terminal/quantity.ts";
import { formatTable } from "../terminal/table.ts";
import type { Column } from "../terminal/table.ts";
import { dataOption, jsonOption } from "./options.ts";
import type { ControlOptions } from "./options.ts";

const COLUMNS: readonly Column[] = [
  { title: "NAME" },
  { title: "REASON" },
  { title: "SINCE" },
  { title: "HEALING" },
  { title: "DETAIL" },
];

export function defineQuarantine(program: Command, end: (code: ExitCode) => void): void {
  const quarantine = program
    .command("quarantine")
    .summary("list documents that are damaged or failed, and try them again")
    .description(
      "Documents in quarantine. A damaged one goes on with the rows that survive, until equal sets with another peer\n" +
        "prove that it is whole. One over which something failed is closed, and tried again every minute.",
    )
    // Options belong to the commands below: whoever gives one here has forgotten which of them.
    .allowUnknownOption()
    .addHelpText("after", examples);
  quarantine
    .command("list")
    .description("Lists the documents in quarantine: since when, why, and what heals them.")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options: ControlOptions) => end(await list(options)));
  quarantine
    .command("release")
    .description("Reads a document anew, checks its rows, and lets editors come back.")
    .argument("<name>", "name of the document, decoded")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (name: string, options: ControlOptions) => end(await release(name, options)));
}

const examples = `
Examples:
  yarrow quarantine list --data ./a
  yarrow quarantine release notes/today --data ./a`;

async function list(options: ControlOptions): Promise<ExitCode> {
  return withPeer(options.data, async (peer) => {
    const documents = await peer.quarantined();
    if (options.json) await printJson({ documents: documents.map(report) });
    else if (documents.length === 0) await printLine("no document is in quarantine");
    else await printLine(formatTable(COLUMNS, documents.map(rowOf)));
    return EXIT_CODES.good;
  });
}

async function release(name: string, options: ControlOptions): Promise<ExitCode> {
  return withPeer(options.data, async (peer) => {
    const { outcome, detail } = await peer.release(name);
    if (options.json) await printJson({ name, released: outcome === "released", detail });
    else if (outcome === "released") await printLine(`released ${printable(name)}: ${detail}`);
    else if (outcome === "none") {
      throw new YarrowError("YARROW_DOCUMENT_NOT_FOUND", `"${printable(name)}" is not in quarantine`, {
        hint: "`yarrow quarantine list` shows what is.",
      });
    } else {
      throw new YarrowError("YARROW_DOCUMENT_QUARANTINED", `"${printable(name)}" stays closed: ${printable(detail)}`);
    }
    return outcome === "released" ? EXIT_CODES.good : EXIT_CODES.failed;
  });
}

function report({ name, reason, sinceMs, detail, healing, retryAtMs }: QuarantinedDocument): object {
  return { name, reason, since: timeOf(sinceMs), detail, healing, retryAt: timeOf(retryAtMs) };
}

function timeOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}

function rowOf({ name, reason, sinceMs, detail, healing, retryAtMs }: QuarantinedDocument): string[] {
  return [
    printable(name),
    ink(reason, "red"),
    sinceMs === undefined ? "before this start" : new Date(sinceMs).toISOString().slice(0, 19).replace("T", " "),
    describeHealing(healing, retryAtMs),
    printable(detail),
  ];
}

function describeHealing(healing: QuarantinedDocument["healing"], retryAtMs: number | undefined): string {
  switch (healing) {
    case "comparing":
      return "under way: compares with linked peers";
    case "waiting":
      return ink("waits for a link to a peer that has it", "yellow");
    case "retrying":
      return `tried again in ${formatDuration(Math.max(0, (retryAtMs ?? 0) - Date.now()))}`;
  }
}
