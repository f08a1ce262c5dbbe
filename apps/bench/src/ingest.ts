/**
 * Many documents with a writer each, as fast as the server takes it: updates that came back for each second of its processor time.
 *
 * Updates count when they come back to their writer. A server may answer first and store later; what it then still has to do
 * when the writers stop is left out of its bill, which favours it, and can be shown beside it (`untilRest`).
 */
import { type Contender, competitorVersions, installCompetitors, yWebsocketServer, yarrow } from "./contenders.ts";
import { type Crowd, startCrowd } from "./crowd.ts";
import type { WritersAnswer, WritersQuestion } from "./ingest-writers.ts";
import { processorSeconds } from "./processor-time.ts";
import { type Progress, silent } from "./progress.ts";
import type { Result } from "./results.ts";
import { makeScratch } from "./scratch.ts";
import { median } from "./statistics.ts";
import { pause, waitUntil } from "./waiting.ts";

const WARM_UP_MS = 2_000;
/** A server that takes less than this share of a processor for as long as this is at rest. */
const REST = { share: 0.02, ms: 1_000 } as const;
const REST_TIMEOUT_MS = 300_000;
const RATIO_MIN = 2;

export interface IngestOptions {
  readonly documents?: number;
  readonly seconds?: number;
  readonly runs?: number;
  /** Updates that each writer keeps without echo. */
  readonly windowUpdates?: number;
  /** Wait after each run until the server is at rest. Takes minutes for a server that stores late. */
  readonly untilRest?: boolean;
  readonly contenders?: readonly Contender[];
  readonly progress?: Progress;
}

interface IngestRun {
  readonly contender: string;
  readonly perSecond: number;
  /** Server processor seconds for a million echoed updates. */
  readonly cpuPerMillion: number;
  readonly perCpuSecond: number;
  /** The same, with what the server still did after the writers had stopped. NaN when nobody waited for that. */
  readonly restCpuPerMillion: number;
}

export async function runIngest(options: IngestOptions): Promise<Result> {
  const { documents = 100, seconds = 10, runs = 3, windowUpdates = 64, untilRest = false, progress = silent } = options;
  const contenders = options.contenders ?? [yarrow, yWebsocketServer];
  await installCompetitors((words) => progress.say(words));
  const done: IngestRun[] = [];
  for (let run = 0; run < runs; run++) {
    for (const contender of contenders) {
      progress.at(done.length, runs * contenders.length, `run ${run + 1} of ${contender.name}`);
      done.push(await measure(contender, { documents, seconds, windowUpdates, untilRest }));
    }
  }
  progress.end();
  const summaries = contenders.map(({ name }) =>
    summarise(
      name,
      done.filter((run) => run.contender === name),
    ),
  );
  const [ours, theirs] = summaries;
  const ratio = (ours?.perCpuSecond ?? Number.NaN) / (theirs?.perCpuSecond ?? Number.NaN);
  return {
    workload: "ingest",
    summary:
      `${documents} documents, a writer each with ${windowUpdates} updates unanswered, ${seconds} s after ${WARM_UP_MS / 1_000} s of warm-up, ` +
      `medians of ${runs} interleaved runs, counted when echoed; ${await competitorVersions()}`,
    options: { documents, seconds, runs, windowUpdates },
    tables: [
      { title: "Medians", head: HEAD, rows: summaries.map(rowOf) },
      { title: "Every run", head: HEAD, rows: done.map(rowOf) },
    ],
    checks: [
      {
        name: "at least twice the updates per server-CPU-second",
        good: ratio >= RATIO_MIN,
        found: `${ratio.toFixed(2)} times the competitor's`,
      },
    ],
  };
}

const HEAD = [
  "server",
  "updates/s",
  "server CPU s per 1M updates",
  "updates per server-CPU-second",
  "CPU s per 1M until at rest",
];

interface Load {
  readonly documents: number;
  readonly seconds: number;
  readonly windowUpdates: number;
  readonly untilRest: boolean;
}

async function measure(contender: Contender, load: Load): Promise<IngestRun> {
  await using scratch = await makeScratch("ingest");
  const server = await contender.start(scratch.inside("server"));
  try {
    await using crowd = startCrowd<WritersQuestion, WritersAnswer>("ingest-writers");
    await crowd.ask({ kind: "open", url: server.url, documents: load.documents, windowUpdates: load.windowUpdates });
    await crowd.ask({ kind: "start" });
    await pause(WARM_UP_MS);
    const before = await reading(crowd, server.pid);
    await pause(load.seconds * 1_000);
    const after = await reading(crowd, server.pid);
    const updates = after.echoed - before.echoed;
    const cpu = after.cpu - before.cpu;
    const run = {
      contender: contender.name,
      perSecond: updates / ((after.at - before.at) / 1_000),
      cpuPerMillion: (cpu / updates) * 1e6,
      perCpuSecond: updates / cpu,
    };
    if (!load.untilRest) return { ...run, restCpuPerMillion: Number.NaN };
    await crowd.ask({ kind: "stop" });
    await atRest(crowd, server.pid);
    const rest = await reading(crowd, server.pid);
    return { ...run, restCpuPerMillion: ((rest.cpu - before.cpu) / (rest.echoed - before.echoed)) * 1e6 };
  } finally {
    await server.close();
  }
}

type Writers = Pick<Crowd<WritersQuestion, WritersAnswer>, "ask">;

async function allEchoed(crowd: Writers): Promise<void> {
  await waitUntil(
    async () => {
      const { sent, echoed } = await crowd.ask({ kind: "count" });
      return sent === echoed;
    },
    { timeoutMs: 60_000, describe: () => "every update to be echoed" },
  );
}

async function atRest(crowd: Writers, pid: number): Promise<void> {
  await allEchoed(crowd);
  let since = { cpu: processorSeconds(pid), at: performance.now() };
  await waitUntil(
    () => {
      const now = { cpu: processorSeconds(pid), at: performance.now() };
      const elapsedMs = now.at - since.at;
      if (elapsedMs < REST.ms) return false;
      const share = ((now.cpu - since.cpu) * 1_000) / elapsedMs;
      since = now;
      return share < REST.share;
    },
    { timeoutMs: REST_TIMEOUT_MS, describe: () => "the server to be at rest" },
  );
}

/** The count and the processor time of one moment. */
async function reading(crowd: Writers, pid: number) {
  const { echoed } = await crowd.ask({ kind: "count" });
  return { echoed, cpu: processorSeconds(pid), at: performance.now() };
}

function summarise(contender: string, runs: readonly IngestRun[]): IngestRun {
  const of = (key: Exclude<keyof IngestRun, "contender">) => median(runs.map((run) => run[key]));
  return {
    contender,
    perSecond: of("perSecond"),
    cpuPerMillion: of("cpuPerMillion"),
    perCpuSecond: of("perCpuSecond"),
    restCpuPerMillion: of("restCpuPerMillion"),
  };
}

function rowOf(run: IngestRun): (string | number)[] {
  return [
    run.contender,
    Math.round(run.perSecond),
    run.cpuPerMillion,
    Math.round(run.perCpuSecond),
    run.restCpuPerMillion,
  ];
}
