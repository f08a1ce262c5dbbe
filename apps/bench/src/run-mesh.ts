/** Every promise of a mesh, one workload after the other. Each result is written as soon as it is there, so that a run in pieces adds up. */
import { access, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { JUDGED, meshResult } from "./judged.ts";
import { makeProgress } from "./progress.ts";
import { RESULTS, placesIn, writeReport } from "./report.ts";
import { type Result, type SavedResult, publish } from "./results.ts";

export interface MeshRunOptions {
  readonly small?: boolean;
  /** A folder; that of the repository, but for a small run, when not given. */
  readonly results?: string;
  readonly only?: readonly string[];
  readonly missing?: boolean;
  readonly cache?: string;
}

export interface MeshRun {
  /** Of what was run now and, where there is a folder, of what lay there. */
  readonly result: Result;
  /** The path of the report; undefined where there is no folder. */
  readonly report: string | undefined;
}

/** Errors: a name in `only` that is none of a workload. A workload that fails is told, and the others are run. */
export async function runMesh(options: MeshRunOptions): Promise<MeshRun> {
  const { small = false, only, missing = false, cache } = options;
  const unknown = only?.find((name) => !JUDGED.some(({ workload }) => workload === name));
  if (unknown !== undefined) throw new Error(`There is no workload ${unknown} among those of the mesh.`);
  const folder = options.results ?? (small ? undefined : RESULTS);
  if (folder !== undefined) await mkdir(folder, { recursive: true });
  const found: Result[] = [];
  const failed: string[] = [];
  for (const { workload, run } of JUDGED) {
    const path = folder === undefined ? undefined : join(folder, `${workload}.json`);
    const earlier = path === undefined ? undefined : await read(path);
    const chosen = (only === undefined || only.includes(workload)) && !(missing && earlier !== undefined);
    if (!chosen) {
      if (earlier !== undefined) found.push(earlier);
      continue;
    }
    const progress = makeProgress(workload);
    try {
      const result = await run(small, progress, cache);
      progress.end();
      await publish(result, path);
      found.push(result);
    } catch (error) {
      progress.end();
      process.stderr.write(`${workload}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
      failed.push(workload);
    }
  }
  const result = meshResult(found, { small, failed });
  const isThere = folder !== undefined && found.length > 0;
  return { result, report: isThere ? await writeReport(placesIn(options.results)) : undefined };
}

async function read(path: string): Promise<SavedResult | undefined> {
  try {
    await access(path);
  } catch {
    return undefined;
  }
  return JSON.parse(await readFile(path, "utf8")) as SavedResult;
}
