/** The data folder and its files belong to the user who runs the peer, and are readable by nobody else. */
import fs from "node:fs";
import path from "node:path";

/** Creates the folder when it is missing, on disk before this returns. */
export function createPrivateFolder(folder: string): void {
  const created = fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (created !== undefined) syncFolder(path.dirname(created));
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

function syncFolder(folder: string): void {
  // Windows cannot open folders, and needs no sync of them.
  if (process.platform === "win32") return;
  const descriptor = fs.openSync(folder, "r");
  fs.fsyncSync(descriptor);
  fs.closeSync(descriptor);
}
