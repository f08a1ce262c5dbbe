/**
 * Checks the published packages as a consumer gets them: packs each into a tarball, then holds it to `publint --strict`
 * and to `attw` (are the types right for ESM?), and to what we promise beyond: a README, a licence, the sources that the
 * maps point to, and no condition that only works inside this repository.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = fileURLToPath(new URL("..", import.meta.url));

/** Folders of the packages that go to the registry; the others are private. */
const PUBLISHED = ["packages/protocol", "packages/replica", "packages/relay", "packages/core", "apps/peer"];

const { packageManager } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as Manifest;
for (const path of PUBLISHED) {
  const faults = await check(path);
  console.log(`${faults.length === 0 ? "✓" : "✗"} ${path}`);
  for (const text of faults) console.log(text.trimEnd().replaceAll(/^/gm, "    "));
  if (faults.length > 0) process.exitCode = 1;
}

/** Packs one package into a folder of its own and says what is wrong with it, one text per fault. */
async function check(path: string): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), "yarrow-package-"));
  try {
    const failed = await fault("npx", [
      "-y",
      packageManager,
      `--filter=./${path}`,
      "pack",
      "--pack-destination",
      folder,
    ]);
    const [tarball] = await readdir(folder);
    return failed.length > 0 || tarball === undefined ? failed : await inspect(join(folder, tarball));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function inspect(tarball: string): Promise<string[]> {
  const verdicts = await Promise.all([
    fault("publint", ["run", "--strict", tarball]),
    fault("attw", ["--profile", "esm-only", "--no-color", tarball]),
    contents(tarball),
  ]);
  return verdicts.flat();
}

/** The output of a command that failed; nothing when it succeeded. */
async function fault(command: string, args: string[]): Promise<string[]> {
  try {
    await run(command, args, { cwd: root });
    return [];
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    return [`${command}: ${`${stdout}${stderr}`.trim() || String(error)}`];
  }
}

async function contents(tarball: string): Promise<string[]> {
  const listed = (await run("tar", ["tzf", tarball])).stdout.split("\n");
  const manifest = (await run("tar", ["xzOf", tarball, "package/package.json"])).stdout;
  const faults = ["README.md", "LICENSE", "src/index.ts", "dist/index.js", "dist/index.d.ts"]
    .filter((name) => !listed.includes(`package/${name}`))
    .map((name) => `the tarball has no ${name}`);
  if (manifest.includes("yarrow-src")) faults.push("exports name the condition yarrow-src; publishConfig must drop it");
  if (/"(?:workspace|catalog):/.test(manifest)) faults.push("a dependency has no version the registry understands");
  return faults;
}

interface Manifest {
  readonly packageManager: string;
}
