/**
 * Where an export goes: one file of JSON lines, or a folder with a file for each document and a list of them. Both are written beside
 * their name and take it when they are whole.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, open, rename, rm, writeFile } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { YarrowError } from "@yarrow/core";

/** One line of JSON lines, and of the list in a folder. */
export type ExportLine =
  | { readonly name: string; readonly update: string }
  | { readonly name: string; readonly file: string };

export interface ExportTarget {
  write(name: string, update: Uint8Array): Promise<void>;
  /** Gives it its name. */
  finish(): Promise<void>;
  /** Removes what was written. */
  discard(): Promise<void>;
}

export const LIST_FILE = "documents.jsonl";
export const UPDATE_SUFFIX = ".yupdate";

/** What tells a data folder from others. */
const DATABASE_FILE = "yarrow.db";

/** File systems take names of 255 bytes. */
const FILE_NAME_BYTES_MAX = 200;

/** Errors: YARROW_BACKUP_EXISTS, YARROW_BACKUP_FAILED, and those of the file system. */
export async function openExport(place: string, format: "update" | "jsonl", force: boolean): Promise<ExportTarget> {
  if (existsSync(place) && !(force && format === "jsonl")) {
    throw new YarrowError("YARROW_BACKUP_EXISTS", `${place} exists, and an export overwrites nothing`, {
      hint: format === "jsonl" ? "Choose another name, or pass --force to replace it." : "Choose another folder.",
    });
  }
  if (existsSync(place) && existsSync(join(dirname(place), DATABASE_FILE))) {
    throw new YarrowError("YARROW_BACKUP_FAILED", `${place} lies in a data folder, where an export replaces nothing`, {
      hint: "Choose a place outside of data folders.",
    });
  }
  const partial = `${place}.${process.pid}.partial`;
  if (format === "update") {
    await mkdir(partial, { mode: 0o700 });
    return new FolderTarget(place, partial, await openPrivate(join(partial, LIST_FILE)));
  }
  return new LinesTarget(place, partial, await openPrivate(partial));
}

/** JSON lines to a stream that somebody else owns. */
export async function writeLine(stream: NodeJS.WritableStream, line: ExportLine): Promise<void> {
  if (!stream.write(`${JSON.stringify(line)}\n`)) await once(stream, "drain");
}

export function jsonLine(name: string, update: Uint8Array): ExportLine {
  return { name, update: Buffer.from(update.buffer, update.byteOffset, update.byteLength).toString("base64") };
}

/** Through a handle, not a stream: what the disk refuses is then the error of that write, and of nothing else. */
class LinesTarget implements ExportTarget {
  readonly #place: string;
  readonly #partial: string;
  readonly #lines: FileHandle;

  constructor(place: string, partial: string, lines: FileHandle) {
    this.#place = place;
    this.#partial = partial;
    this.#lines = lines;
  }

  write(name: string, update: Uint8Array): Promise<void> {
    return appendLine(this.#lines, jsonLine(name, update));
  }

  async finish(): Promise<void> {
    await this.#lines.sync();
    await this.#lines.close();
    await rename(this.#partial, this.#place);
  }

  async discard(): Promise<void> {
    await this.#lines.close();
    await rm(this.#partial, { force: true });
  }
}

class FolderTarget implements ExportTarget {
  readonly #place: string;
  readonly #partial: string;
  readonly #list: FileHandle;

  constructor(place: string, partial: string, list: FileHandle) {
    this.#place = place;
    this.#partial = partial;
    this.#list = list;
  }

  async write(name: string, update: Uint8Array): Promise<void> {
    const file = fileNameOf(name);
    await writeFile(join(this.#partial, file), update, { mode: 0o600, flush: true });
    await appendLine(this.#list, { name, file });
  }

  async finish(): Promise<void> {
    await this.#list.sync();
    await this.#list.close();
    const folder = await open(this.#partial);
    await folder.sync();
    await folder.close();
    await rename(this.#partial, this.#place);
  }

  async discard(): Promise<void> {
    await this.#list.close();
    await rm(this.#partial, { recursive: true, force: true });
  }
}

/** Percent-encoded, so that people find their document; a name that is too long for that, or only dots, by its hash. */
export function fileNameOf(name: string): string {
  const encoded = encodeURIComponent(name.toWellFormed()).replaceAll("*", "%2A");
  // Where upper and lower case are one, two names may not fall together.
  const plain = name === name.toLowerCase() && !/^\.+$/.test(encoded) && encoded.length <= FILE_NAME_BYTES_MAX;
  if (plain) return encoded + UPDATE_SUFFIX;
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 16);
  return `${encoded.slice(0, FILE_NAME_BYTES_MAX - hash.length - 1).replace(/%.?$/, "")}-${hash}${UPDATE_SUFFIX}`;
}

function openPrivate(file: string): Promise<FileHandle> {
  return open(file, "w", 0o600);
}

function appendLine(file: FileHandle, line: ExportLine): Promise<void> {
  return file.appendFile(`${JSON.stringify(line)}\n`);
}
