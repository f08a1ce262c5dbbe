/**
 * `yarrow verify`: proof that this replica is sound, and equal to those it is linked with.
 */
import { Option } from "commander";
import type { Command } from "commander";
import { withPeer } from "../control.ts";
import type { VerifyReport } from "../control.ts";
import { EXIT_CODES } from "../exit-code.ts";
import type { ExitCode } from "../exit-code.ts";
import { printJson, printLine } from "../stdout.ts";
import { ink, printable } from "../terminal/paint.ts";
import { count } from "../terminal/quantity.ts";
import { withSpinner } from "../terminal/spinner.ts";
import { formatTable } from "../terminal/table.ts";
import { dataOption, durationArgument, jsonOption } from "./options.ts";
import type { ControlOptions } from "./options.ts";

interface VerifyOptions extends ControlOptions {
  readonly deep?: true;
  readonly timeout: number;
}

const TIMEOUT_MS = 30_000;

/** Differing documents listed for each peer; all of them are in the JSON. */
const DOCUMENTS_SHOWN_MAX = 20;

export function defineVerify(program: Command, end: (code: ExitCode) => void): void {
  program
    .command("verify")
    .summary("prove that this peer is sound and equal to the others")
    .description(
      "Checks this replica's own rows, and compares it with every linked peer. --deep also reads every document and\n" +
        "compares digests of the content, which takes time in proportion to the set.",
    )
    .addOption(dataOption())
    .option("--deep", "compare the content itself, not only fingerprints")
    .addOption(
      new Option("--timeout <duration>", "how long to wait for the others")
        .argParser(durationArgument)
        .default(TIMEOUT_MS, "30s"),
    )
    .addOption(jsonOption())
    .addHelpText("after", examples)
    .action(async (options: VerifyOptions) => end(await verify(options)));
}

const examples = `
Exit codes: 0 equal; 3 a document differs, or is being written just now; 1 own rows are damaged, or a peer did not answer.

Examples:
  yarrow verify --data ./a
  yarrow verify --data ./a --deep --timeout 5m --json`;

async function verify(options: VerifyOptions): Promise<ExitCode> {
  return withPeer(options.data, async (peer) => {
    const deep = options.deep ?? false;
    const report = await withSpinner(
      deep ? "comparing content" : "comparing",
      peer.verify({ deep, timeoutMs: options.timeout }),
    );
    if (options.json) await printJson(report);
    else await printLine(formatReport(report));
    return exitCodeFor(report);
  });
}

/** A difference outweighs silence: it is the finding somebody must act on. */
export function exitCodeFor(report: VerifyReport): ExitCode {
  if (report.peers.some((peer) => peer.result === "different" || peer.result === "moving")) return EXIT_CODES.different;
  return report.equal ? EXIT_CODES.good : EXIT_CODES.failed;
}

function formatReport(report: VerifyReport): string {
  const { bad, checked } = report.local;
  const own = bad.length === 0 ? ink("sound", "green") : ink(`${count(bad.length, "document")} damaged`, "red");
  const lines = [`this replica: ${own}, ${count(checked, "document")} checked, set ${report.root}`];
  for (const name of bad) lines.push(`  ${printable(name)}`);
  lines.push(...formatPast(report.local.past));
  if (report.peers.length === 0) lines.push("no linked peer to compare with");
  for (const peer of report.peers) {
    const colour = peer.result === "equal" ? "green" : peer.result === "different" ? "red" : "yellow";
    lines.push(`peer ${printable(peer.peerId)}: ${ink(peer.result, colour)}`);
    if (peer.documents.length > 0) lines.push(indent(formatDifferences(peer.documents)));
  }
  return lines.join("\n");
}

/** Damage there costs the past alone: it is told, and the replica is sound. */
function formatPast({ damaged, complete }: VerifyReport["local"]["past"]): string[] {
  const lines = damaged.slice(0, DOCUMENTS_SHOWN_MAX).map((what) => `  ${printable(what)}`);
  if (damaged.length > 0) lines.unshift(`its history: ${ink(`${count(damaged.length, "row")} damaged`, "yellow")}`);
  if (!complete) lines.push(`its history: ${ink("not wholly read in the time given", "yellow")}`);
  return lines;
}

function formatDifferences(documents: VerifyReport["peers"][number]["documents"]): string {
  const rows = documents
    .slice(0, DOCUMENTS_SHOWN_MAX)
    .map((document) => [printable(document.name), printable(document.mine), printable(document.theirs)]);
  const table = formatTable([{ title: "DOCUMENT" }, { title: "HERE" }, { title: "THERE" }], rows);
  const more = documents.length - DOCUMENTS_SHOWN_MAX;
  return more > 0 ? `${table}\nand ${more} more; --json lists them all` : table;
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, "  ");
}
