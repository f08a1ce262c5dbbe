/** Where the control socket of a data folder is. Server and command agree on it through this module alone. */
import { createHash } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { SOCKET_PATH_BYTES_MAX } from "./limits.ts";

/** Tells commands where the socket is when the folder's own path is too long for one. */
const POINTER_FILE = "control.path";

/** Decides on a path, clears away what an earlier process left there, and records it where needed. The caller holds the folder's lock. */
export async function claimControlPath(folder: string): Promise<string> {
  const direct = join(resolve(folder), "control.sock");
  const short = Buffer.byteLength(direct) <= SOCKET_PATH_BYTES_MAX;
  const path = short ? direct : join(tmpdir(), `yarrow-${hashPath(folder)}.sock`);
  await rm(path, { force: true });
  if (short) await rm(join(folder, POINTER_FILE), { force: true });
  else await writeFile(join(folder, POINTER_FILE), path);
  return path;
}

/** Where a peer on this folder would listen. */
export async function findControlPath(folder: string): Promise<string> {
  try {
    return (await readFile(join(folder, POINTER_FILE), "utf8")).trim();
  } catch {
    return join(resolve(folder), "control.sock");
  }
}

function hashPath(folder: string): string {
  return createHash("sha256").update(resolve(folder)).digest("hex").slice(0, 32);
}
