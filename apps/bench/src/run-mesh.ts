/** Every promise of a mesh, one workload after the other. Each result is written as soon as it is there, so that a run in pieces adds up. */
import { access, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { JUDGED, type JudgedWorkload, meshResult } from "./judged.ts";
import { describeMachine } from "./machine.ts";
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

/**
 * Errors: a name in `only` that is none of a workload. A workload that fails is told and written as that, in the place of what an earlier
 * run of it found, and the others are run. What failed, or was of another size, counts as missing.
 */
export async function runMesh(options: MeshRunOptions, workloads = JUDGED): Promise<MeshRun> {
  const { small = false, only, missing = false, cache } = options;
  const unknown = only?.find((name) => !workloads.some(({ workload }) => workload === name));
  if (unknown !== undefined) throw new Error(`There is no workload ${unknown} among those of the mesh.`);
  const folder = options.results ?? (small ? undefined : RESULTS);
  if (folder !== undefined) await mkdir(folder, { recursive: true });
  const found: Result[] = [];
  for (const judged of workloads) {
    const { workload } = judged;
    const path = folder === undefined ? undefined : join(folder, `${workload}.json`);
    const earlier = path === undefined ? undefined : await read(path);
    const isThere = earlier !== undefined && earlier.failed !== true && (earlier.small ?? false) === small;
    if ((only === undefined || only.includes(workload)) && !(missing && isThere)) {
      const machine = describeMachine();
      const result = await attempt(judged, small, cache);
      await publish(result, machine, path);
      found.push(result);
    } else if (earlier !== undefined) found.push(earlier);
  }
  const hasReport = folder !== undefined && found.length > 0;
  return {
    result: meshResult(found, small),
    report: hasReport ? await writeReport(placesIn(options.results)) : undefined,
  };
}

async function attempt({ workload, point, run }: JudgedWorkload, small: boolean, cache?: string): Promise<Result> {
  const progress = makeProgress(workload);
  try {
    return { ...(await run(small, progress, cache)), small };
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${workload}: ${error instanceof Error ? (error.stack ?? found) : found}\n`);
    return {
      workload,
      summary: `${point}: the run failed, and nothing is known`,
      options: { small },
      tables: [],
      checks: [{ name: "runs to its end", good: false, found: found.split("\n")[0] ?? "" }],
      small,
      failed: true,
    };
  } finally {
    progress.end();
  }
}

async function read(path: string): Promise<SavedResult | undefined> {
  try {
    await access(path);
  } catch {
    return undefined;
  }
  return JSON.parse(await readFile(path, "utf8")) as SavedResult;
}
