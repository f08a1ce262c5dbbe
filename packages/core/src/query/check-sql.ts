/**
 * What is refused of a query before SQLite sees it. The query runs on a connection that can only read, in a process that can be
 * killed; this keeps out what reads nothing and what would change how later queries run, and says so in words.
 */
import { YarrowError } from "@yarrow/protocol";
import { QUERY_PARAMS_BYTES_MAX, QUERY_SQL_BYTES_MAX } from "./query-limits.ts";

export type QueryValue = string | number | boolean | null;
/** By position for `?`, or for `?1` and so on, not both in one statement; or by name for `:name`, `@name` and `$name`. */
export type QueryParams = readonly QueryValue[] | Readonly<Record<string, QueryValue>>;

const LEADING = /^(?:\s|;|--[^\n]*(?:\n|$)|\/\*[\s\S]*?(?:\*\/|$))*/;
const READS = /^(?:select|with|values|explain(?:\s+query\s+plan)?\s+(?:select|with|values))\b/i;

/** Throws YARROW_QUERY_INVALID. */
export function checkQuery(sql: unknown, params: unknown): { readonly sql: string; readonly params: QueryParams } {
  if (typeof sql !== "string") throw invalid("a query is a string of SQL");
  const bytes = Buffer.byteLength(sql);
  if (bytes > QUERY_SQL_BYTES_MAX) throw invalid(`a query has at most ${QUERY_SQL_BYTES_MAX} bytes, not ${bytes}`);
  if (sql.includes("\0")) throw invalid("a query has no NUL in it");
  const statement = sql.replace(LEADING, "");
  if (!READS.test(statement)) {
    throw invalid("a query is one SELECT, WITH … SELECT, VALUES or EXPLAIN of one; it can only read");
  }
  if (/pragma_/i.test(statement)) {
    throw invalid("PRAGMA functions are not available; where the word is part of a text, give it as a parameter");
  }
  return { sql, params: checkParams(params) };
}

function checkParams(params: unknown): QueryParams {
  if (params === undefined) return [];
  if (typeof params !== "object" || params === null) throw invalid("parameters are a list, or an object of names");
  for (const [name, value] of Object.entries(params)) {
    const type = typeof value;
    if (value === null || type === "string" || type === "boolean") continue;
    if (type === "number" && Number.isFinite(value)) continue;
    throw invalid(`parameter ${name} must be a string, a number, true, false or null`);
  }
  const bytes = Buffer.byteLength(JSON.stringify(params));
  if (bytes > QUERY_PARAMS_BYTES_MAX) {
    throw invalid(`parameters have at most ${QUERY_PARAMS_BYTES_MAX} bytes as JSON, not ${bytes}`);
  }
  return params as QueryParams;
}

export function invalid(message: string): YarrowError {
  return new YarrowError("YARROW_QUERY_INVALID", message, { hint: "docs/QUERY.md shows what can be asked." });
}
