/** One document, one writer, many readers: how long a keystroke takes to each reader, and what it costs the server. */
import { type Contender, competitorVersions, installCompetitors, yWebsocketServer, yarrow } from "./contenders.ts";
import { startCrowd } from "./crowd.ts";
import type { ReadersAnswer, ReadersQuestion } from "./fanout-readers.ts";
import { KeystrokeWriter, clockMs, readStamps } from "./keystrokes.ts";
import { processorSeconds } from "./processor-time.ts";
import { type Processors, bind, shareProcessors } from "./processors.ts";
import { type Progress, silent } from "./progress.ts";
import { type RawClient, openRawClient } from "./raw-client.ts";
import type { Result } from "./results.ts";
import { makeScratch } from "./scratch.ts";
import { median } from "./statistics.ts";
import { pause, waitUntil } from "./waiting.ts";

const DOCUMENT = "fanout";
/** Updates that a saturated writer keeps unanswered. */
const WINDOW_UPDATES = 64;
/** The compilers of both servers are at rest then: they are paid for once, and users pay for days. */
const WARM_UP_SECONDS = 5;
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
    for (const contender of contenders) {
      progress.at(done.length, runs * contenders.length, `run ${run + 1} of ${contender.name}`);
      done.push(await measure(contender, { readers, rate, seconds, saturated }, processors));
    }
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
    summary: `one writer (${pace}), ${readers} readers, ${seconds} s, ${describePlaces(processors)}, medians of ${runs} interleaved runs; ${await competitorVersions()}`,
    options: { readers, rate, seconds, runs, saturated, apart: processors !== undefined },
    tables: [
      { title: "Medians", head: HEAD, rows: summaries.map(rowOf) },
      { title: "Every run", head: HEAD, rows: done.map(rowOf) },
    ],
    checks: judge(summaries, saturated),
  };
}

const HEAD = ["server", "deliveries", "deliveries/s", "p50 ms", "p99 ms", "server CPU s per 1M deliveries"];

interface Pace {
  readonly readers: number;
  readonly rate: number;
  readonly seconds: number;
  readonly saturated: boolean;
}

function describePlaces(processors: Processors | undefined): string {
  if (processors === undefined) return "server and clients share the processors";
  return `server on processor ${processors.server}, clients on ${processors.clients}`;
}

async function measure(contender: Contender, pace: Pace, processors: Processors | undefined): Promise<FanoutRun> {
  await using scratch = await makeScratch("fanout");
  const server = await contender.start(scratch.inside("server"));
  try {
    await using crowd = startCrowd<ReadersQuestion, ReadersAnswer>("fanout-readers");
    if (processors !== undefined) {
      bind(server.pid, processors.server);
      for (const pid of [crowd.pid, process.pid]) bind(pid, processors.clients);
    }
    await crowd.ask({ kind: "open", url: server.url, name: DOCUMENT, readers: pace.readers });
    const writer = await FanoutWriter.open(server.url);
    await writer.write(pace, WARM_UP_SECONDS);
    await allDelivered(crowd, writer.sent * pace.readers);
    await crowd.ask({ kind: "reset" });
    const sentBefore = writer.sent;
    const cpuBefore = processorSeconds(server.pid);
    const startedAt = performance.now();
    await writer.write(pace, pace.seconds);
    await allDelivered(crowd, (writer.sent - sentBefore) * pace.readers);
    const elapsed = (performance.now() - startedAt) / 1_000;
    const cpu = processorSeconds(server.pid) - cpuBefore;
    const { deliveries, p50Ms, p99Ms } = await crowd.ask({ kind: "report" });
    await writer.close();
    return {
      contender: contender.name,
      deliveries,
      perSecond: deliveries / elapsed,
      p50Ms,
      p99Ms,
      cpuPerMillion: (cpu / deliveries) * 1e6,
    };
  } finally {
    if (processors !== undefined) bind(process.pid, processors.all);
    await server.close();
  }
}

async function allDelivered(
  crowd: { ask(question: ReadersQuestion): Promise<ReadersAnswer> },
  expected: number,
): Promise<void> {
  let deliveries = 0;
  await waitUntil(
    async () => {
      ({ deliveries } = await crowd.ask({ kind: "count" }));
      return deliveries >= expected;
    },
    { timeoutMs: 60_000, describe: () => `${expected} deliveries, ${deliveries} arrived` },
  );
}

class FanoutWriter {
  sent = 0;
  private echoed = 0;
  private refill: (() => void) | undefined;
  private readonly client: RawClient;
  private readonly keystrokes: KeystrokeWriter;

  private constructor(client: RawClient) {
    this.client = client;
    this.keystrokes = new KeystrokeWriter(client.clientId);
  }

  static async open(url: string): Promise<FanoutWriter> {
    const later: { writer?: FanoutWriter } = {};
    const client = await openRawClient(url, DOCUMENT, (frame) => later.writer?.received(frame));
    return (later.writer = new FanoutWriter(client));
  }

  async write(pace: Pace, seconds: number): Promise<void> {
    await (pace.saturated ? this.writeSaturated(seconds) : this.writePaced(pace.rate, seconds));
  }

  close(): Promise<void> {
    return this.client.close();
  }

  /** By the clock: an interval that comes late is made up for, so that the rate holds. */
  private async writePaced(rate: number, seconds: number): Promise<void> {
    const total = Math.round(rate * seconds);
    const startedAt = performance.now();
    for (let count = 0; count < total;) {
      const due = Math.min(total, Math.floor(((performance.now() - startedAt) / 1_000) * rate) + 1);
      for (; count < due; count++) this.strike(1);
      await pause(1_000 / rate);
    }
  }

  private async writeSaturated(seconds: number): Promise<void> {
    this.refill = () => this.strike(WINDOW_UPDATES - (this.sent - this.echoed));
    this.refill();
    await pause(seconds * 1_000);
    this.refill = undefined;
  }

  private strike(count: number): void {
    if (count <= 0) return;
    this.client.send(Array.from({ length: count }, () => this.keystrokes.next(clockMs())));
    this.sent += count;
  }

  private received(frame: Buffer): void {
    this.echoed += readStamps(frame);
    this.refill?.();
  }
}

function summarise(contender: string, runs: readonly FanoutRun[]): FanoutRun {
  const of = (key: Exclude<keyof FanoutRun, "contender">) => median(runs.map((run) => run[key]));
  return {
    contender,
    deliveries: of("deliveries"),
    perSecond: of("perSecond"),
    p50Ms: of("p50Ms"),
    p99Ms: of("p99Ms"),
    cpuPerMillion: of("cpuPerMillion"),
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
