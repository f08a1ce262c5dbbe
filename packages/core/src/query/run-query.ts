/** One query on one connection. Runs in the process that `query-process.ts` starts, and nowhere else: it may never end. */
import { performance } from "node:perf_hooks";
import Database from "better-sqlite3";
import type { QueryParams } from "./check-sql.ts";

export interface QueryJob {
  /** Path of the projection. */
  readonly file: string;
  readonly sql: string;
  readonly params: QueryParams;
  readonly rowsMax: number;
  readonly bytesMax: number;
  /** The process ends itself when this is over, should nobody else. */
  readonly timeoutMs: number;
}

export type QueryOutcome =
  | {
      readonly kind: "rows";
      readonly columns: readonly string[];
      readonly rows: number;
      readonly truncated: boolean;
      /** Every change through this one is in what was read … */
      readonly sequence: number;
      /** … and may be missing in part, because the projection is being built. */
      readonly building: boolean;
      /** Time since the moment that was read. */
      readonly ms: number;
    }
  | { readonly kind: "invalid" | "too large" | "failed"; readonly detail: string };

/** The outcome, and the rows as the text of a JSON array of arrays. Never throws. */
export function runQuery(job: QueryJob): { readonly outcome: QueryOutcome; readonly rows: string } {
  let database: Database.Database | undefined;
  try {
    // A connection for each query: whatever one does to its own is gone with it. It costs a quarter of a millisecond.
    database = new Database(job.file, { readonly: true, fileMustExist: true });
    database.pragma("query_only = ON");
    database.pragma("trusted_schema = OFF");
    database.pragma("temp_store = MEMORY");
    return readRows(database, job);
  } catch (error) {
    return { outcome: failure(error), rows: "[]" };
  } finally {
    database?.close();
  }
}

function readRows(database: Database.Database, job: QueryJob): ReturnType<typeof runQuery> {
  database.exec("BEGIN");
  const place = database.prepare("SELECT sequence, swept_through FROM projection").raw(true).get() as
    | [sequence: number, sweptThrough: number | null]
    | undefined;
  const started = performance.now();
  const statement = database.prepare<unknown[], unknown[]>(job.sql);
  if (!statement.reader || !statement.readonly) return fail("invalid", "a query can only read");
  statement.raw(true).safeIntegers(true);
  const columns = statement.columns().map(({ name }) => name);
  const texts: string[] = [];
  let bytes = 2;
  let truncated = false;
  const { params } = job;
  const bound = bind(job.sql, params);
  for (const row of statement.iterate(...bound)) {
    if (texts.length === job.rowsMax) {
      truncated = true;
      break;
    }
    const text = `[${row.map(jsonOf).join(",")}]`;
    bytes += Buffer.byteLength(text) + 1;
    if (bytes > job.bytesMax) {
      if (texts.length === 0)
        return fail("too large", `a row of ${bytes} bytes; an answer has at most ${job.bytesMax}`);
      truncated = true;
      break;
    }
    texts.push(text);
  }
  const [sequence, sweptThrough] = place ?? [0, 0];
  const ms = performance.now() - started;
  const outcome = { columns, rows: texts.length, truncated, sequence, building: sweptThrough !== null, ms };
  return { outcome: { kind: "rows", ...outcome }, rows: `[${texts.join(",")}]` };
}

function fail(kind: "invalid" | "too large", detail: string): ReturnType<typeof runQuery> {
  return { outcome: { kind, detail }, rows: "[]" };
}

function failure(error: unknown): QueryOutcome {
  const detail = error instanceof Error ? error.message : String(error);
  const code = error instanceof Database.SqliteError ? error.code : "";
  if (code === "SQLITE_NOMEM" || code === "SQLITE_TOOBIG") return { kind: "too large", detail };
  // What SQLite says of the file is not the asker's doing; all else is about the statement or its parameters.
  const ofFile = /^SQLITE_(CORRUPT|NOTADB|IOERR|CANTOPEN|BUSY|PROTOCOL|FULL)/.test(code);
  return { kind: ofFile ? "failed" : "invalid", detail };
}

/** SQLite has no truth values, and takes every number for a fraction that does not come as an integer: `'a' || ?` would be "a5.0". */
function bindable(value: unknown): unknown {
  const plain = typeof value === "boolean" ? Number(value) : value;
  return Number.isSafeInteger(plain) ? BigInt(plain as number) : plain;
}

/** What is no statement's own: texts, quoted names and comments, in which a `?1` stands for itself. */
const QUOTED = /'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?\*\//g;

/** The driver takes `?1` for a parameter whose name is 1; to SQLite, and to who writes it, it is the first value of a list. */
function bind(sql: string, params: QueryParams): unknown[] {
  if (!Array.isArray(params)) return [mapValues(params as Record<string, unknown>)];
  const values = params.map(bindable);
  const places = [...sql.replaceAll(QUOTED, " ").matchAll(/\?(\d+)/g)].map(([, place = ""]) => place);
  if (places.length === 0) return values;
  if (values.length > Math.max(...places.map(Number))) throw new RangeError("Too many parameter values were provided");
  const given = places.filter((place) => Number(place) >= 1 && Number(place) <= values.length);
  return [Object.fromEntries(given.map((place) => [place, values[Number(place) - 1]]))];
}

function mapValues(params: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, bindable(value)]));
}

/** Integers beyond 2^53 become their digits, bytes Base64, and what JSON cannot say null. */
function jsonOf(value: unknown): string {
  if (typeof value === "bigint") {
    const exact = value >= -Number.MAX_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER;
    return exact ? String(value) : `"${value}"`;
  }
  if (Buffer.isBuffer(value)) return `"${value.toString("base64")}"`;
  return JSON.stringify(value) ?? "null";
}
