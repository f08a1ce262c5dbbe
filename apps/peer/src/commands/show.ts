/**
 * `yarrow show`: one document, for people and for pipes.
 */
import { YarrowError } from "@yarrow/core/command";
import type { DocumentDetail, PastDetail, RootContent } from "@yarrow/core";
import { Option } from "commander";
import type { Command } from "commander";
import { withPeer } from "../control.ts";
import type { RunningPeer } from "../control.ts";
import { EXIT_CODES } from "../exit-code.ts";
import type { ExitCode } from "../exit-code.ts";
import { usageError } from "../failure.ts";
import { print, printJson, printLine } from "../stdout.ts";
import { ink, printable } from "../terminal/paint.ts";
import { formatBytes } from "../terminal/quantity.ts";
import { formatFacts } from "../terminal/table.ts";
import { dataOption, durationArgument, instantArgument, jsonOption } from "./options.ts";
import type { ControlOptions } from "./options.ts";

interface ShowOptions extends ControlOptions {
  readonly at?: number;
  readonly format?: "json" | "text" | "update";
  readonly root?: string;
  readonly as?: RootContent["kind"];
  readonly after?: string;
  readonly timeout: number;
}

export function defineShow(program: Command, end: (code: ExitCode) => void): void {
  program
    .command("show")
    .summary("show one document with its content")
    .description(
      "Shows a document with its content. Yjs does not record whether a root is text, map, array or XML: the kind is\n" +
        "inferred from what is in it, and --root with --as says otherwise.",
    )
    .argument("<name>", "name of the document, decoded: what stands behind the host in the editor's URL")
    .addOption(dataOption())
    .addOption(
      new Option(
        "--format <format>",
        "json: all of it; text: the content of one root as plain text; update: the document as one Yjs update, raw bytes",
      ).choices(["json", "text", "update"]),
    )
    .addOption(
      new Option(
        "--at <time>",
        "as it was here at an instant: 2026-11-23T14:30, 2026-11-23, 14:30, -2h or '2h ago'",
      ).argParser(instantArgument),
    )
    .option("--root <name>", "only this root")
    .addOption(new Option("--as <kind>", "read the root as this kind").choices(["text", "map", "array", "xml"]))
    .option("--after <token>", "wait until this peer holds what the token stands for; `saved` of a handle gives it")
    .addOption(
      new Option("--timeout <duration>", "how long --after waits").argParser(durationArgument).default(10_000, "10s"),
    )
    .addOption(jsonOption())
    .addHelpText("after", examples)
    .action(async (name: string, options: ShowOptions) => end(await show(name, options)));
}

const examples = `
Examples:
  yarrow show notes/today --data ./a
  yarrow show notes/today --data ./a --json | jq .contentDigest
  yarrow show notes/today --data ./a --format text --root body
  yarrow show notes/today --data ./a --at -2h
  yarrow show board --data ./a --root tasks --as array
  yarrow show notes/today --data ./b --after "$TOKEN"
  yarrow show notes/today --data ./a --format update > today.yupdate`;

async function show(name: string, options: ShowOptions): Promise<ExitCode> {
  if (options.as !== undefined && options.root === undefined)
    throw usageError("--as needs --root NAME: it says how to read that root");
  if (options.json && options.format !== undefined && options.format !== "json") {
    throw usageError(`--json and --format ${options.format} exclude each other`);
  }
  const format = options.json ? "json" : options.format;
  return withPeer(options.data, async (peer) => {
    if (options.after !== undefined) await peer.waitFor(options.after, { timeoutMs: options.timeout });
    const document = await readDocument(peer, name, options);
    if (format === "json") await printJson(withoutUpdate(document));
    else if (format === undefined) await printLine(formatDocument(document));
    else await printContent(document, format);
    return EXIT_CODES.good;
  });
}

/** What is shown: a document as it is, or as it was. */
type Shown = DocumentDetail & { readonly past?: Pick<PastDetail, "at" | "changedAt" | "whole"> };

async function readDocument(peer: RunningPeer, name: string, { root, as, at }: ShowOptions): Promise<Shown> {
  const roots = root === undefined || as === undefined ? {} : { as: { root, kind: as } };
  const document = at === undefined ? await peer.show(name, roots) : asPast(await peer.showAt(name, at, roots));
  if (document === undefined) throw notFound(`nothing called "${printable(name)}" was ever written here`);
  if (root === undefined) return document;
  const content = Object.hasOwn(document.roots, root) ? document.roots[root] : undefined;
  if (content !== undefined) return { ...document, roots: { [root]: content } };
  const known = Object.keys(document.roots).map(printable).join(", ");
  throw notFound(`"${printable(name)}" has no root "${printable(root)}"; it has ${known === "" ? "none" : known}`);
}

function asPast({ at, changedAt, firstAt, whole, state, ...content }: PastDetail): Shown {
  if (state !== "absent") return { ...content, state, pending: 0, past: { at, changedAt, whole } };
  const first = firstAt === undefined ? "was ever written here" : `was here at ${at.toISOString()}; it came`;
  throw notFound(`nothing called "${printable(content.name)}" ${first} ${firstAt?.toISOString() ?? ""}`.trimEnd());
}

function notFound(message: string): YarrowError {
  return new YarrowError("YARROW_DOCUMENT_NOT_FOUND", message);
}

async function printContent(document: DocumentDetail, format: "text" | "update"): Promise<void> {
  if (document.state === "deleted") {
    throw new YarrowError("YARROW_DOCUMENT_DELETED", `"${printable(document.name)}" was deleted and has no content`);
  }
  if (format === "update") return print(document.update);
  const roots = Object.entries(document.roots);
  const [only] = roots;
  if (roots.length > 1) {
    const names = roots.map(([root]) => printable(root)).join(", ");
    throw usageError(
      `"${printable(document.name)}" has ${roots.length} roots: ${names}`,
      "Say which one with --root NAME.",
    );
  }
  if (only !== undefined) await printLine(asText(only[1]));
}

/** The stable JSON: everything but the raw update. */
function withoutUpdate(document: Shown): object {
  const { name, state, incarnation, fingerprint, contentDigest, pending, roots, past } = document;
  const content = { name, state, incarnation, fingerprint, contentDigest, pending, roots };
  return past === undefined ? content : { ...content, ...past, changedAt: past.changedAt ?? null };
}

function formatDocument(document: Shown): string {
  const facts: [string, string][] = [
    ["document", ink(printable(document.name), "bold")],
    ["state", document.state === "alive" ? ink("alive", "green") : ink("deleted", "yellow")],
    ["incarnation", String(document.incarnation)],
    ["fingerprint", document.fingerprint],
    ["content", document.contentDigest],
  ];
  if (document.past !== undefined) {
    const { at, changedAt, whole } = document.past;
    facts.splice(1, 0, ["at", at.toISOString()]);
    facts.push(["changed", changedAt?.toISOString() ?? "before what is kept"]);
    if (!whole) facts.push(["damaged", ink("rows of that time cannot be read: something is missing", "red")]);
  }
  if (document.pending > 0)
    facts.push(["pending", `${formatBytes(document.pending)} wait for changes that are missing here`]);
  const roots = Object.entries(document.roots).map(
    ([name, root]) => `\n${ink(printable(name), "bold")} ${ink(root.kind, "dim")}\n${safeLines(asText(root))}`,
  );
  return [formatFacts(facts), ...roots].join("\n");
}

function asText(root: RootContent): string {
  return typeof root.value === "string" ? root.value : JSON.stringify(root.value, null, 2);
}

/** Line feeds are content that people want to see as such. */
function safeLines(text: string): string {
  return text.split("\n").map(printable).join("\n");
}
