/**
 * The browser that tests drive. In order: the one `CHROMIUM_PATH` names, the system's `/usr/bin/chromium`, and else the
 * headless Chromium that a registry package carries, so that `npm test` needs nothing from the system. There is no
 * fourth way: without a browser a test fails, on every machine.
 */
import { execFile } from "node:child_process";
import { createReadStream, createWriteStream, existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createBrotliDecompress } from "node:zlib";
import { chromium } from "playwright-core";
import type { Browser } from "playwright-core";

const SYSTEM_CHROMIUM = "/usr/bin/chromium";

/** No sandbox, because CI runs as root; nothing that calls home; no QUIC, because every page is on loopback. */
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A browser on this machine and the environment it needs. */
export interface BrowserFound {
  readonly executablePath: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Starts a headless browser; the caller closes it. Throws with the remedy when this machine has none that runs. */
export async function launchBrowser(): Promise<Browser> {
  try {
    const { executablePath, env } = await findBrowser(process.env);
    return await chromium.launch({ executablePath, env: { ...process.env, ...env }, headless: true, args: FLAGS });
  } catch (cause) {
    const remedy = "install Chromium (Debian: apt-get install chromium) or name one in CHROMIUM_PATH";
    throw new Error(`no browser could be started; ${remedy}. ${String(cause)}`, { cause });
  }
}

/** Finds the browser without starting it; unpacks the packaged one on first use (about 2 s, 210 MB). */
export async function findBrowser(env: NodeJS.ProcessEnv): Promise<BrowserFound> {
  const named = env["CHROMIUM_PATH"];
  if (named !== undefined && named !== "") {
    if (!existsSync(named)) throw new Error(`CHROMIUM_PATH names ${named}, which does not exist`);
    return { executablePath: named, env: {} };
  }
  if (existsSync(SYSTEM_CHROMIUM)) return { executablePath: SYSTEM_CHROMIUM, env: {} };
  return unpack();
}

/**
 * Unpacks the packaged browser beside the installed packages. The folder appears by a rename when it is complete, so
 * that test files which start at the same moment never run half a binary.
 */
async function unpack(): Promise<BrowserFound> {
  const packaged = dirname(dirname(fileURLToPath(import.meta.resolve("@sparticuz/chromium"))));
  const { version } = JSON.parse(await readFile(join(packaged, "package.json"), "utf8")) as { version: string };
  const cache = fileURLToPath(new URL("../node_modules/.cache/yarrow/", import.meta.url));
  const home = join(cache, `chromium-${version}`);
  if (!existsSync(home)) {
    await mkdir(cache, { recursive: true });
    const draft = await mkdtemp(join(cache, "draft-"));
    const bin = join(packaged, "bin");
    await inflate(join(bin, "chromium.br"), join(draft, "chromium"));
    await chmod(join(draft, "chromium"), 0o755);
    await extract(join(bin, "al2023.tar.br"), draft);
    await extract(join(bin, "fonts.tar.br"), join(draft, "fonts"));
    await publish(draft, home);
  }
  // It comes with the shared libraries that a bare machine lacks (NSS, expat), and with one font for where there is none.
  const env: Record<string, string> = { LD_LIBRARY_PATH: join(home, "lib") };
  if (!existsSync("/etc/fonts/fonts.conf")) env["FONTCONFIG_PATH"] = join(home, "fonts");
  return { executablePath: join(home, "chromium"), env };
}

async function inflate(from: string, to: string): Promise<void> {
  await pipeline(createReadStream(from), createBrotliDecompress(), createWriteStream(to));
}

async function extract(archive: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const tar = join(folder, "archive.tar");
  await inflate(archive, tar);
  await promisify(execFile)("tar", ["xf", tar, "-C", folder, "--no-same-owner"]);
  await rm(tar);
}

async function publish(draft: string, home: string): Promise<void> {
  try {
    await rename(draft, home);
  } catch (error) {
    // Another process was first, and its copy is the same.
    await rm(draft, { recursive: true, force: true });
    if (!existsSync(home)) throw error;
  }
}
