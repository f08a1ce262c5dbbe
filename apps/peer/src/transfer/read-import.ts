/** What an import reads: JSON lines from a file or stdin, or a folder of updates with or without the list that an export makes. */
import { createReadStream, existsSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { YarrowError } from "@yarrow/core";
import { LIST_FILE, UPDATE_SUFFIX } from "./write-export.ts";

export interface ImportedDocument {
  readonly name: string;
  readonly update: Uint8Array;
  /** How far this is, and how much there is: bytes of a file, or documents of a folder. */
  readonly done: number;
  readonly total: number;
}

/** `place` is a file, a folder, or "-" for stdin. Errors: YARROW_UPDATE_INVALID, with the line; YARROW_USAGE. */
export async function* readImport(place: string): AsyncGenerator<ImportedDocument, void> {
  if (place === "-") return yield* readLines(process.stdin, "stdin", 0);
  const found = await stat(place).catch(() => undefined);
  if (found === undefined) throw new YarrowError("YARROW_USAGE", `${place} does not exist`);
  if (found.isDirectory()) return yield* readFolder(place);
  yield* readLines(createReadStream(place), place, found.size);
}

async function* readFolder(folder: string): AsyncGenerator<ImportedDocument, void> {
  const list = join(folder, LIST_FILE);
  const files = existsSync(list) ? await readList(list) : await listFiles(folder);
  for (const [done, { name, file }] of files.entries()) {
    yield { name, update: await readUpdate(join(folder, file)), done, total: files.length };
  }
}

async function readList(list: string): Promise<{ name: string; file: string }[]> {
  const lines = (await readFile(list, "utf8")).split("\n").filter((line) => line !== "");
  return lines.map((line, index) => {
    const { name, file } = parse(line, list, index + 1);
    // A list from elsewhere must not reach out of its folder.
    if (typeof file !== "string" || /[/\\]|^\.+$/.test(file)) throw invalid(list, index + 1, "names no file beside it");
    return { name, file };
  });
}

async function listFiles(folder: string): Promise<{ name: string; file: string }[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith(UPDATE_SUFFIX)).toSorted();
  return files.map((file) => ({ name: nameOf(file), file }));
}

function nameOf(file: string): string {
  try {
    return decodeURIComponent(file.slice(0, -UPDATE_SUFFIX.length));
  } catch (cause) {
    throw new YarrowError(
      "YARROW_NAME_INVALID",
      `the file ${file} is named after no document: it is not percent-encoded`,
      {
        cause,
        hint: "Write a % as %25, or list names and files in documents.jsonl.",
      },
    );
  }
}

async function readUpdate(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new YarrowError("YARROW_UPDATE_INVALID", `${file} cannot be read: ${detail}`, { cause });
  }
}

async function* readLines(
  stream: NodeJS.ReadableStream,
  place: string,
  total: number,
): AsyncGenerator<ImportedDocument, void> {
  let number = 0;
  let done = 0;
  for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) {
    number += 1;
    done += line.length + 1;
    if (line.trim() === "") continue;
    const { name, update } = parse(line, place, number);
    if (typeof update !== "string") throw invalid(place, number, "has no update");
    yield { name, update: Buffer.from(update, "base64"), done, total: Math.max(total, done) };
  }
}

function parse(line: string, place: string, number: number): { name: string; update?: unknown; file?: unknown } {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw invalid(place, number, "is not JSON");
  }
  const { name, ...rest } = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  if (typeof name !== "string") throw invalid(place, number, "has no name");
  return { name, ...rest };
}

function invalid(place: string, line: number, what: string): YarrowError {
  return new YarrowError("YARROW_UPDATE_INVALID", `line ${line} of ${place} ${what}`, {
    hint: 'A line is {"name":"notes/today","update":"…"}, with a Yjs update of encoding V1 in base64.',
  });
}
