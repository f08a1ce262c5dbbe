/**
 * The playground's page: built files, read from disk and served as they are.
 */
import { existsSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { extname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";

const MEDIA_TYPES = new Map([
  [".html", "text/html; charset=utf-8"],
  [".js", "text/javascript; charset=utf-8"],
  [".css", "text/css; charset=utf-8"],
  [".json", "application/json"],
  [".map", "application/json"],
  [".svg", "image/svg+xml"],
  [".png", "image/png"],
  [".ico", "image/x-icon"],
  [".woff2", "font/woff2"],
]);

/**
 * Where the built page lies: beside this package in the workspace (always the newest), or inside it as published
 * (`scripts/copy-playground.js` puts it there before packing). Undefined when it was not built.
 */
export function findPlayground(): string | undefined {
  const places = ["../../../playground/dist", "../playground"].map((place) =>
    fileURLToPath(new URL(place, import.meta.url)),
  );
  return places.find((place) => existsSync(join(place, "index.html")));
}

export interface StaticFile {
  readonly body: Buffer;
  readonly mediaType: string;
  /** The build puts a hash into the names below `assets/`, so they never change. */
  readonly immutable: boolean;
}

/** The file for a decoded URL path; undefined when there is none, or when the path leads out of the folder. */
export async function readStaticFile(root: string, path: string): Promise<StaticFile | undefined> {
  if (path.includes("\0")) return undefined;
  const file = join(root, path.endsWith("/") ? `${path}index.html` : path);
  if (!file.startsWith(root + sep) || !existsSync(file) || !statSync(file).isFile()) return undefined;
  return {
    body: await readFile(file),
    mediaType: MEDIA_TYPES.get(extname(file)) ?? "application/octet-stream",
    immutable: path.startsWith("/assets/"),
  };
}
