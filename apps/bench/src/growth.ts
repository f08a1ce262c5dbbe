/**
 * What a peer needs by the number of its documents: resident memory, time to start, and disk. Folders are filled by `size/folder.ts`, each is
 * served by a real peer, and nobody does anything with it.
 */
import { constants, copyFileSync, existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { PeerSet } from "./peer-set.ts";
import { launch } from "./processes.ts";
import { type Progress, silent } from "./progress.ts";
import type { Result } from "./results.ts";
import { FOLDER_PROGRAM } from "./size/folder.ts";
import { median } from "./statistics.ts";
import { pause } from "./waiting.ts";

export interface GrowthOptions {
  readonly documents: readonly number[];
  /** Starts of each peer; the median counts. */
  readonly starts?: number;
  /** Folders of `size --cache`: a million documents take minutes to make. */
  readonly cache?: string | undefined;
  readonly progress?: Progress;
}

interface Point {
  readonly documents: number;
  readonly rssMB: number;
  readonly startMs: number;
  readonly diskMB: number;
}

/** The cluster of the folders that `size` makes. */
const CLUSTER = "size";
/** In which a peer that has started comes to rest. */
const SETTLE_MS = 5_000;

export async function runGrowth(options: GrowthOptions): Promise<Result> {
  const { documents: counts, starts = 3, cache, progress = silent } = options;
  await using set = await PeerSet.make(CLUSTER);
  const points: Point[] = [];
  for (const documents of counts) points.push(await measure(set, documents, starts, cache, progress));
  progress.end();
  const series = (name: string, y: string, valueOf: (point: Point) => number) => ({
    ...{ name, y, x: "documents" },
    points: points.map((point) => [point.documents, Math.round(valueOf(point) * 10) / 10] as const),
  });
  return {
    workload: "growth",
    summary: "a peer at rest, by the number of its documents, each of a line of text",
    options: { documents: counts, starts },
    tables: [
      {
        title: "A peer at rest",
        head: ["documents", "memory MB", "start ms", "disk MB"],
        rows: points.map(({ documents, rssMB, startMs, diskMB }) => [documents, rssMB, startMs, diskMB]),
      },
    ],
    checks: [],
    series: [series("memory", "MB resident", ({ rssMB }) => rssMB), series("start", "ms", ({ startMs }) => startMs)],
  };
}

async function measure(
  set: PeerSet,
  documents: number,
  starts: number,
  cache: string | undefined,
  progress: Progress,
): Promise<Point> {
  const name = `of-${documents}`;
  const folder = set.scratch.inside(name);
  await fill(folder, documents, cache, progress);
  const startsMs: number[] = [];
  let rssMB = 0;
  for (let start = 0; start < starts; start++) {
    progress.say(`${documents.toLocaleString("en")} documents: start ${start + 1} of ${starts}`);
    const startedMs = performance.now();
    const peer = await set.add(name, { discovery: false });
    startsMs.push(performance.now() - startedMs);
    if (start === 0) {
      await pause(SETTLE_MS);
      rssMB = residentMB(peer.pid);
    }
    await peer.stop();
  }
  return { documents, rssMB, startMs: median(startsMs), diskMB: statSync(join(folder, "yarrow.db")).size / 1e6 };
}

/** The same folder as `size` makes, from its cache where there is one. */
async function fill(folder: string, documents: number, cache: string | undefined, progress: Progress): Promise<void> {
  const made = cache === undefined ? undefined : join(cache, String(documents), "yarrow.db");
  if (made !== undefined && existsSync(made)) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    copyFileSync(made, join(folder, "yarrow.db"), constants.COPYFILE_FICLONE);
    return;
  }
  const child = launch(process.execPath, [FOLDER_PROGRAM, folder, CLUSTER, String(documents)], {});
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    const done = Number(chunk.trim().split("\n").at(-1));
    if (Number.isFinite(done)) progress.at(done, documents, `making ${done} of ${documents} documents`);
  });
  if ((await text(child.stdout!)) === "") throw new Error(`A folder of ${documents} documents could not be made.`);
}

function residentMB(pid: number): number {
  return (Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1_024) / 1e6;
}
