/**
 * `yarrow query`: SQL over the documents of a running peer.
 */
import { YarrowError } from "@yarrow/core/command";
import type { QueryCell, QueryResult, QueryValue } from "@yarrow/core";
import { Argument } from "commander";
import type { Command } from "commander";
import { withPeer } from "../control.ts";
import { EXIT_CODES } from "../exit-code.ts";
import type { ExitCode } from "../exit-code.ts";
import { print, printJson, printLine } from "../stdout.ts";
import { ink, printable } from "../terminal/paint.ts";
import { count } from "../terminal/quantity.ts";
import { formatTable } from "../terminal/table.ts";
import { collect, dataOption, durationArgument, jsonOption, wholeArgument } from "./options.ts";
import type { ControlOptions } from "./options.ts";

interface QueryOptions extends ControlOptions {
  readonly param?: readonly string[];
  readonly csv?: true;
  readonly timeout?: number;
  readonly maxRows?: number;
  readonly after?: string;
  readonly rebuild?: true;
}

const ROWS_MAX = 100_000;
/** Longer cells are cut in tables; JSON and CSV have them whole. */
const CELL_LENGTH_MAX = 80;

export function defineQuery(program: Command, end: (code: ExitCode) => void): void {
  program
    .command("query")
    .summary("ask SQL of the documents")
    .description(
      "Asks one reading SQL statement of a running peer, over the tables documents and documents_fts. It holds up neither writes nor readers.",
    )
    .addArgument(new Argument("[sql]", "the statement"))
    .addOption(dataOption())
    .option(
      "--param <value>",
      "a value for the next ? of the statement, or NAME=VALUE for :NAME if it has such; may be repeated",
      collect,
    )
    .option(
      "--after <token>",
      "answer only when this peer holds what the token stands for; `saved` of a handle gives it",
    )
    .option("--timeout <duration>", "end the query when it takes longer (default: 5s)", durationArgument)
    .option("--max-rows <n>", "rows of the answer (default: 1000)", wholeArgument(1, ROWS_MAX))
    .addOption(jsonOption())
    .option("--csv", "print CSV, with a line of column names")
    .option("--rebuild", "first build the projection anew from the documents' bytes")
    .addHelpText("after", examples)
    .action(async (sql: string | undefined, options: QueryOptions) => end(await query(sql, options)));
}

const examples = `
Examples:
  yarrow query "SELECT name, json_extract(body, '$.title') FROM documents LIMIT 10" --data ./a
  yarrow query "SELECT name FROM documents_fts WHERE documents_fts MATCH ? ORDER BY rank" --param "oranges" --data ./a
  yarrow query "SELECT count(*), sum(bytes) FROM documents WHERE name LIKE :p" --param "p=notes/%" --json --data ./a
  yarrow query --rebuild --data ./a

docs/QUERY.md describes the tables.`;

async function query(sql: string | undefined, options: QueryOptions): Promise<ExitCode> {
  const { param = [], timeout, maxRows, after, rebuild, json, csv } = options;
  if (sql === undefined && rebuild === undefined)
    throw new YarrowError("YARROW_USAGE", "give a statement, or --rebuild");
  if (json && csv) throw new YarrowError("YARROW_USAGE", "give --json or --csv, not both");
  return withPeer(options.data, async (peer) => {
    if (rebuild) await peer.rebuildProjection();
    if (sql === undefined) {
      if (json) await printJson({ rebuilding: true });
      else await printLine("the projection is being built anew; queries wait for it");
      return EXIT_CODES.good;
    }
    const result = await peer.query(sql, paramsFor(sql, param), {
      ...(timeout === undefined ? {} : { timeoutMs: timeout }),
      ...(maxRows === undefined ? {} : { maxRows }),
      ...(after === undefined ? {} : { after }),
    });
    if (json) await printJson({ ...result, replicaLagMs: result.replicaLagMs ?? null });
    else if (csv) await printAsCsv(result);
    else await printAsTable(result);
    return EXIT_CODES.good;
  });
}

/** Named when the statement has names and every value begins with one; else by position. */
function paramsFor(sql: string, values: readonly string[]): readonly QueryValue[] | Record<string, QueryValue> {
  const named = values.map((value) => /^([A-Za-z_]\w*)=([\s\S]*)$/.exec(value));
  const isNamed = (match: RegExpExecArray | null): boolean =>
    match !== null && new RegExp(`[:@$]${match[1] ?? ""}\\b`).test(sql);
  if (values.length === 0 || !named.every(isNamed)) return values.map(valueOf);
  return Object.fromEntries(named.map((match) => [match?.[1] ?? "", valueOf(match?.[2] ?? "")]));
}

/** What reads as a number is one: SQLite tells 7 from '7'. */
function valueOf(text: string): QueryValue {
  return /^-?(?:0|[1-9]\d{0,14})(?:\.\d+)?$/.test(text) ? Number(text) : text;
}

/** What tells of the rows goes to stderr: the rows alone are the result. */
async function printAsCsv(result: QueryResult): Promise<void> {
  for (const row of [result.columns, ...result.rows]) await print(`${row.map(csvCell).join(",")}\r\n`);
  process.stderr.write(`${describe(result)}\n`);
}

function csvCell(cell: QueryCell): string {
  const text = cell === null ? "" : String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

async function printAsTable(result: QueryResult): Promise<void> {
  const { columns, rows } = result;
  const aligned = columns.map((title, at) => {
    const isNumber = rows.length > 0 && rows.every((row) => typeof row[at] === "number" || row[at] === null);
    return { title: printable(title), ...(isNumber ? { align: "right" as const } : {}) };
  });
  if (rows.length > 0)
    await printLine(
      formatTable(
        aligned,
        rows.map((row) => row.map(tableCell)),
      ),
    );
  await printLine(ink(describe(result), "dim"));
}

function describe(result: QueryResult): string {
  const more = result.truncated ? ", and there are more: --max-rows" : "";
  return `${count(result.rows.length, "row")}${more}; ${freshness(result)}, ${result.ms} ms`;
}

/** Two ages that add up: of what was read against what this peer holds, and of that against what its writers have. */
function freshness({ projectionLagMs, replicaLagMs }: QueryResult): string {
  const ages: string[] = [];
  if (projectionLagMs > 0) ages.push(`${projectionLagMs} ms older than this peer`);
  if (replicaLagMs === undefined) ages.push("how far this peer is behind is not known");
  else if (replicaLagMs > 0) ages.push(`this peer at most ${replicaLagMs} ms behind`);
  return ages.length === 0 ? "up to date" : ages.join(", ");
}

function tableCell(cell: QueryCell): string {
  if (cell === null) return ink("null", "dim");
  const text = printable(String(cell));
  return text.length > CELL_LENGTH_MAX ? `${text.slice(0, CELL_LENGTH_MAX - 1)}…` : text;
}
