/**
 * What a peer needs by the number of its documents: resident memory, time to start, and disk. Folders are filled by `size/folder.ts`, each is
 * served by a real peer, and nobody does anything with it.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { PeerSet } from "./peer-set.ts";
import { type Progress, silent } from "./progress.ts";
import { SIZE_LIMITS } from "./mesh-limits.ts";
import { residentMB } from "./resident-memory.ts";
import type { Check, Result } from "./results.ts";
import { CLUSTER, fillFolder } from "./size/filled-folder.ts";
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
    method: [
      "A folder of that many documents is served by a peer process, and nobody does anything with it.",
      "The time to start is from the start of the process until it says that it listens, the median of the starts; memory is what the system calls resident, 5 s after the first of them.",
    ],
    options: { documents: counts, starts },
    tables: [
      {
        title: "A peer at rest",
        head: ["documents", "memory MB", "start ms", "disk MB"],
        rows: points.map(({ documents, rssMB, startMs, diskMB }) => [documents, rssMB, startMs, diskMB]),
      },
    ],
    checks: [
      judge(points, "memory", "MB", SIZE_LIMITS.residentMB, ({ rssMB }) => rssMB),
      judge(points, "time to start", "ms", SIZE_LIMITS.startMs, ({ startMs }) => startMs),
    ],
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
  await fillFolder(folder, documents, cache, progress);
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

/** What is promised of a million documents holds for every smaller number too. */
function judge(
  points: readonly Point[],
  what: string,
  unit: string,
  limit: number,
  valueOf: (point: Point) => number,
): Check {
  const most = Math.max(...points.map(valueOf));
  const documents = Math.max(...points.map((point) => point.documents));
  return {
    name: `${what} of a peer of up to ${documents.toLocaleString("en")} documents: under ${limit.toLocaleString("en")} ${unit}`,
    good: most < limit,
    found: `at most ${most.toFixed(0)} ${unit}`,
  };
}
