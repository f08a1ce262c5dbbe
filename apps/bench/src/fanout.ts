/** One document, one writer, many readers: how long a keystroke takes to each reader, and what it costs the server. */
import { type Contender, competitorVersions, installCompetitors, yWebsocketServer, yarrow } from "./contenders.ts";
import { type Crowd, startCrowd } from "./crowd.ts";
import type { ReadersAnswer, ReadersQuestion } from "./fanout-readers.ts";
import { FanoutWriter, type Pace, WINDOW_UPDATES } from "./fanout-writer.ts";
import { processorSeconds } from "./processor-time.ts";
import { type Processors, bind, shareProcessors } from "./processors.ts";
import { type Progress, silent } from "./progress.ts";
import type { Result } from "./results.ts";
import { makeScratch } from "./scratch.ts";
import { median } from "./statistics.ts";
import { waitUntil } from "./waiting.ts";

const DOCUMENT = "fanout";
/** The compilers of both servers are at rest then, as if they had run for most of a minute: they are paid for once, and users pay for days. */
const WARM_UP_SECONDS = 15;
/** What is compiled is what runs often, so haste saves time. */
const WARM_UP_HASTE = 2.5;
/** Short, so that a machine that changes its pace within seconds changes it for all servers. */
const TURN_SECONDS = 0.5;
const MEDIAN_EXTRA_MS_MAX = 1;

export interface FanoutOptions {
  readonly readers?: number;
  /** Updates per second; ignored when saturated. */
  readonly rate?: number;
  readonly seconds?: number;
  readonly runs?: number;
  readonly saturated?: boolean;
  /** Server and clients on processors of their own, where that can be. Default true. */
  readonly apart?: boolean;
  readonly contenders?: readonly Contender[];
  readonly progress?: Progress;
}

interface FanoutRun {
  readonly contender: string;
  readonly deliveries: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Server processor seconds for a million deliveries. */
  readonly cpuPerMillion: number;
}

export async function runFanout(options: FanoutOptions): Promise<Result> {
  const { readers = 100, rate = 200, seconds = 10, runs = 3, saturated = false, progress = silent } = options;
  const processors = options.apart === false ? undefined : shareProcessors();
  const contenders = options.contenders ?? [yarrow, yWebsocketServer];
  await installCompetitors((words) => progress.say(words));
  const done: FanoutRun[] = [];
  for (let run = 0; run < runs; run++) {
    progress.at(run, runs, `run ${run + 1} of ${contenders.map(({ name }) => name).join(" and ")}`);
    done.push(...(await compare(contenders, { readers, rate, seconds, saturated, processors })));
  }
  progress.end();
  const summaries = contenders.map((contender) =>
    summarise(
      contender.name,
      done.filter((run) => run.contender === contender.name),
    ),
  );
  const pace = saturated ? `saturated, ${WINDOW_UPDATES} updates unanswered` : `${rate} updates/s`;
  return {
    workload: saturated ? "fanout-saturated" : "fanout",
    summary: `one writer (${pace}), ${readers} readers, ${seconds} s, ${describePlaces(processors)}, in turns of ${TURN_SECONDS} s, ${runs} runs; ${await competitorVersions()}`,
    options: { readers, rate, seconds, runs, saturated, apart: processors !== undefined },
    tables: [
      { title: "All runs: medians, and processor time of all of them", head: HEAD, rows: summaries.map(rowOf) },
      { title: "Every run", head: HEAD, rows: done.map(rowOf) },
    ],
    checks: judge(summaries, saturated),
  };
}

const HEAD = ["server", "deliveries", "deliveries/s", "p50 ms", "p99 ms", "server CPU s per 1M deliveries"];

function describePlaces(processors: Processors | undefined): string {
  if (processors === undefined) return "server and clients share the processors";
  return `servers on processor ${processors.server}, clients on ${processors.clients}`;
}

/** A server with its writer and its readers. */
interface Lane {
  readonly contender: Contender;
  readonly server: Awaited<ReturnType<Contender["start"]>>;
  readonly crowd: Crowd<ReadersQuestion, ReadersAnswer>;
  readonly writer: FanoutWriter;
  /** What its turns took. */
  seconds: number;
}

type Ending = () => PromiseLike<void> | void;

interface Contest extends Pace {
  readonly readers: number;
  readonly seconds: number;
  readonly processors: Processors | undefined;
}

/**
 * All servers at once, which take turns. A machine that is faster for a while is then faster for all of them; what a server does
 * while it is not its turn counts as well.
 */
async function compare(contenders: readonly Contender[], contest: Contest): Promise<FanoutRun[]> {
  const endings: Ending[] = [];
  try {
    const lanes: Lane[] = [];
    for (const contender of contenders) lanes.push(await openLane(contender, contest, endings));
    return await measure(lanes, contest);
  } finally {
    for (const end of endings.reverse()) await end();
  }
}

async function measure(lanes: readonly Lane[], contest: Contest): Promise<FanoutRun[]> {
  const haste = { ...contest, rate: contest.rate * WARM_UP_HASTE };
  await takeTurns(lanes, haste, Math.min(WARM_UP_SECONDS, 2 * contest.seconds));
  for (const lane of lanes) {
    await lane.crowd.ask({ kind: "reset" });
    lane.seconds = 0;
  }
  const cpuBefore = lanes.map(({ server }) => processorSeconds(server.pid));
  await takeTurns(lanes, contest, contest.seconds);
  const runs: FanoutRun[] = [];
  for (const [at, { contender, server, crowd, seconds }] of lanes.entries()) {
    const cpu = processorSeconds(server.pid) - cpuBefore[at]!;
    const { deliveries, p50Ms, p99Ms } = await crowd.ask({ kind: "report" });
    const cpuPerMillion = (cpu / deliveries) * 1e6;
    runs.push({ contender: contender.name, deliveries, perSecond: deliveries / seconds, p50Ms, p99Ms, cpuPerMillion });
  }
  return runs;
}

/** What it opens is added to `endings`, the last to be ended first. */
async function openLane(contender: Contender, contest: Contest, endings: Ending[]): Promise<Lane> {
  const { readers, processors } = contest;
  const scratch = await makeScratch("fanout");
  endings.push(() => scratch[Symbol.asyncDispose]());
  const server = await contender.start(scratch.inside("server"));
  endings.push(() => server.close());
  const crowd = startCrowd<ReadersQuestion, ReadersAnswer>("fanout-readers");
  endings.push(() => crowd[Symbol.asyncDispose]());
  if (processors !== undefined) {
    endings.push(() => bind(process.pid, processors.all));
    bind(server.pid, processors.server);
    for (const pid of [crowd.pid, process.pid]) bind(pid, processors.clients);
  }
  await crowd.ask({ kind: "open", url: server.url, name: DOCUMENT, readers });
  const writer = await FanoutWriter.open(server.url, DOCUMENT);
  endings.push(() => writer.close());
  return { contender, server, crowd, writer, seconds: 0 };
}

/** So many seconds for each. */
async function takeTurns(lanes: readonly Lane[], contest: Contest, seconds: number): Promise<void> {
  for (let left = seconds; left > 0; left -= TURN_SECONDS) {
    for (const lane of lanes) await takeTurn(lane, contest, Math.min(left, TURN_SECONDS));
  }
}

/** Ends when everything that was written in it has arrived. */
async function takeTurn(lane: Lane, contest: Contest, seconds: number): Promise<void> {
  const { writer, crowd } = lane;
  const { deliveries } = await crowd.ask({ kind: "count" });
  const sentBefore = writer.sent;
  const startedAt = performance.now();
  await writer.write(contest, seconds);
  await allDelivered(crowd, deliveries + (writer.sent - sentBefore) * contest.readers);
  lane.seconds += (performance.now() - startedAt) / 1_000;
}

async function allDelivered(crowd: Lane["crowd"], expected: number): Promise<void> {
  let deliveries = 0;
  await waitUntil(
    async () => {
      ({ deliveries } = await crowd.ask({ kind: "count" }));
      return deliveries >= expected;
    },
    { timeoutMs: 60_000, describe: () => `${expected} deliveries, ${deliveries} arrived` },
  );
}

function summarise(contender: string, runs: readonly FanoutRun[]): FanoutRun {
  const of = (key: Exclude<keyof FanoutRun, "contender">) => median(runs.map((run) => run[key]));
  const deliveries = runs.reduce((sum, run) => sum + run.deliveries, 0);
  return {
    contender,
    deliveries: of("deliveries"),
    perSecond: of("perSecond"),
    p50Ms: of("p50Ms"),
    p99Ms: of("p99Ms"),
    // What a server does now and then falls into some of the runs only.
    cpuPerMillion: runs.reduce((cpu, run) => cpu + run.cpuPerMillion * run.deliveries, 0) / deliveries,
  };
}

function rowOf(run: FanoutRun): (string | number)[] {
  return [run.contender, run.deliveries, Math.round(run.perSecond), run.p50Ms, run.p99Ms, run.cpuPerMillion];
}

function judge([ours, theirs]: readonly FanoutRun[], saturated: boolean): Result["checks"] {
  if (ours === undefined || theirs === undefined) return [];
  const cpu = ours.cpuPerMillion / theirs.cpuPerMillion;
  const checks = [
    { name: "server CPU per delivery is no higher", good: cpu <= 1, found: `${cpu.toFixed(2)} times the competitor's` },
  ];
  if (saturated) return checks;
  const allowed = theirs.p50Ms + MEDIAN_EXTRA_MS_MAX;
  const median = {
    name: "median delivery at most 1 ms above",
    good: ours.p50Ms <= allowed,
    found: `${ours.p50Ms.toFixed(2)} ms, allowed ${allowed.toFixed(2)} ms`,
  };
  return [median, ...checks];
}
