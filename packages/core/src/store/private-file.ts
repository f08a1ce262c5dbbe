/** The data folder and its files belong to the user who runs the peer, and are readable by nobody else. */
import fs from "node:fs";
import path from "node:path";
import { YarrowError } from "@yarrow/protocol";

/**
 * Creates the folder when it is missing, on disk before this returns, and those above it. Not by Node's own recursion, which
 * never ends where a folder exists and nothing can be made in it (as in /proc). Errors: YARROW_STORE_FAILED.
 */
export function createPrivateFolder(folder: string): void {
  try {
    makeFolder(folder);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new YarrowError("YARROW_STORE_FAILED", `cannot use data folder ${folder}: ${detail}`, {
      cause: error,
      hint: "Choose another folder, or give this user the right to write there.",
    });
  }
}

function makeFolder(folder: string): void {
  const found = fs.statSync(folder, { throwIfNoEntry: false });
  if (found?.isDirectory() === true) return;
  if (found !== undefined) throw new Error(`ENOTDIR: ${folder} is not a folder`);
  const above = path.dirname(folder);
  if (above !== folder) makeFolder(above);
  fs.mkdirSync(folder, { mode: 0o700 });
  syncFolder(above);
}

/**
 * Creates an empty file when it is missing; SQLite gives its journals the mode of the file they belong to. An existing file
 * is not so much as opened: closing it again would drop the locks that SQLite holds on it in this process.
 */
export function createPrivateFile(file: string): void {
  if (fs.existsSync(file)) return;
  fs.closeSync(fs.openSync(file, "a", 0o600));
  syncFolder(path.dirname(file));
}

/** Puts what was created, renamed or removed in a folder on disk. */
export function syncFolder(folder: string): void {
  // Windows cannot open folders, and needs no sync of them.
  if (process.platform === "win32") return;
  const descriptor = fs.openSync(folder, "r");
  fs.fsyncSync(descriptor);
  fs.closeSync(descriptor);
}
