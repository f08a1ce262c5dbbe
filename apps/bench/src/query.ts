/**
 * Queries on a follower while the primary is written to: by turns with and without queries, so that what else the machine does
 * falls on both. Neither the primary's work nor its answers may show the difference.
 */
import { readFileSync } from "node:fs";
import { type Crowd, startCrowd } from "./crowd.ts";
import { clockMs } from "./keystrokes.ts";
import { PeerSet } from "./peer-set.ts";
import { type PeerProcess, rootsEqual } from "./processes.ts";
import { processorSeconds } from "./processor-time.ts";
import { type Progress, silent } from "./progress.ts";
import type { QueryWritersAnswer, QueryWritersQuestion } from "./query-writers.ts";
import type { Check, Result } from "./results.ts";
import { median, quantile } from "./statistics.ts";
import { pause, waitUntil } from "./waiting.ts";

const CREATE_PORTION = 5_000;
const WRITTEN_DOCUMENTS = 500;
const STATUS_INTERVAL_MS = 1_000;
const BUILD_TIMEOUT_MS = 600_000;
const RUNAWAY_LIMIT_MS = 1_000;
/** What counts as noise: the share by which the primary's work and its answers may differ, and how little of an answer does not count. */
const CPU_NOISE = 1.1;
const P99_NOISE = 1.25;
const P99_NOISE_MS = 2;
const LOOP_DELAY_MS_MAX = 50;
const AGE_MS_MAX = 1_000;

const FULL_TEXT =
  "SELECT name, snippet(documents_fts, 1, '[', ']', '…', 8) FROM documents_fts WHERE documents_fts MATCH ? LIMIT 20";
const AGGREGATE = `SELECT json_extract(body, '$.meta.status') AS status, count(*), avg(json_extract(body, '$.meta.points'))
  FROM documents GROUP BY 1`;
const PROBE_QUERY = "SELECT text FROM documents WHERE name = 'query/probe'";
const ENDLESS = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

export interface QueryRunOptions {
  readonly documents?: number;
  /** Length of one phase; each round has one without queries and one with them. */
  readonly seconds?: number;
  readonly rounds?: number;
  readonly perSecond?: number;
  readonly queriesPerSecond?: number;
  readonly progress?: Progress;
}

interface Phase {
  readonly asked: boolean;
  readonly writes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Share of one processor. */
  readonly primaryCpu: number;
  readonly followerCpu: number;
  readonly queryCpu: number;
  readonly projectionShare: number;
  readonly loopDelayMs: number;
}

interface Asked {
  readonly kind: "full text" | "aggregate" | "probe";
  readonly ms: number;
  readonly lagMs: number;
  readonly replicaLagMs: number;
  readonly status: number;
  /** How long ago the first write that the answer lacks had been acknowledged; of probes only. */
  readonly ageMs: number;
}

type Writers = Pick<Crowd<QueryWritersQuestion, QueryWritersAnswer>, "ask">;

export async function runQueries(options: QueryRunOptions): Promise<Result> {
  const { documents = 100_000, seconds = 20, rounds = 3, perSecond = 500, queriesPerSecond = 20 } = options;
  const { progress = silent } = options;
  await using set = await PeerSet.make("query");
  await using writers = startCrowd<QueryWritersQuestion, QueryWritersAnswer>("query-writers");
  for (let from = 0; from < documents; from += CREATE_PORTION) {
    progress.at(from, documents, `${from} of ${documents} documents`);
    await writers.ask({
      kind: "create",
      data: set.scratch.inside("primary"),
      from,
      to: Math.min(documents, from + CREATE_PORTION),
    });
  }
  const primary = await set.add("primary");
  const follower = await set.add("follower", { peers: [primary.url], role: "follower", words: ["--query"] });
  progress.say("the follower catches up");
  await rootsEqual([primary, follower], BUILD_TIMEOUT_MS);
  const buildMs = await measureBuild(follower);
  const open = Math.min(WRITTEN_DOCUMENTS, documents);
  await writers.ask({ kind: "open", url: primary.url, documents: open, perSecond });
  const asked: Asked[] = [];
  const phases: Phase[] = [];
  for (let phase = 0; phase < 2 * rounds; phase++) {
    progress.at(phase, 2 * rounds, `phase ${phase + 1} of ${2 * rounds}`);
    const rate = phase % 2 === 1 ? queriesPerSecond : 0;
    phases.push(await runPhase({ primary, follower, writers, seconds, rate, asked }));
  }
  progress.say("a query that does not end");
  const runaway = await measureRunaway(follower);
  progress.end();
  return {
    workload: "query",
    summary: `${documents} documents, ${perSecond} writes/s to the primary, ${queriesPerSecond} queries/s on the follower in every other phase of ${seconds} s`,
    options: { documents, seconds, rounds, perSecond, queriesPerSecond },
    tables: [
      phaseTable(phases),
      queryTable(asked),
      { title: "Build", head: ["all documents, s"], rows: [[buildMs / 1_000]] },
    ],
    checks: judge(phases, asked, runaway),
  };
}

/** Makes the projection anew, and waits until it is whole. */
async function measureBuild(follower: PeerProcess): Promise<number> {
  const startedAt = performance.now();
  await follower.run("query", "--rebuild");
  await waitUntil(async () => (await follower.status()).query.state === "ready", {
    timeoutMs: BUILD_TIMEOUT_MS,
    describe: () => "the projection to be whole",
  });
  return performance.now() - startedAt;
}

async function runPhase(run: {
  readonly primary: PeerProcess;
  readonly follower: PeerProcess;
  readonly writers: Writers;
  readonly seconds: number;
  readonly rate: number;
  readonly asked: Asked[];
}): Promise<Phase> {
  const { primary, follower, writers, seconds, rate, asked } = run;
  await writers.ask({ kind: "count" });
  const before = await reading(primary, follower, writers);
  const startedAt = performance.now();
  let loopDelayMs = 0;
  const watching = setInterval(() => {
    loopDelayOf(follower).then(
      (ms) => (loopDelayMs = Math.max(loopDelayMs, ms)),
      () => undefined,
    );
  }, STATUS_INTERVAL_MS);
  const questions: Promise<Asked>[] = [];
  const probes: { readonly askedMs: number; readonly text: Promise<{ asked: Asked; newest: number }> }[] = [];
  const turns = rate === 0 ? 0 : seconds * rate;
  for (let turn = 0; turn < turns; turn++) {
    await pause(Math.max(0, startedAt + (turn * 1_000) / rate - performance.now()));
    if (turn % rate === 0) probes.push({ askedMs: clockMs(), text: askProbe(follower) });
    questions.push(
      turn % 2 === 0
        ? ask(follower, "full text", FULL_TEXT, ["bergamot"]).then((reply) => reply.asked)
        : ask(follower, "aggregate", AGGREGATE, []).then((reply) => reply.asked),
    );
  }
  await pause(Math.max(0, startedAt + seconds * 1_000 - performance.now()));
  clearInterval(watching);
  const elapsed = (performance.now() - startedAt) / 1_000;
  const after = await reading(primary, follower, writers);
  asked.push(...(await Promise.all(questions)));
  const { probe } = await writers.ask({ kind: "probe" });
  for (const { askedMs, text } of probes) {
    const { asked: one, newest } = await text;
    const missing = probe.find(([stampMs, echoedMs]) => stampMs > newest && echoedMs < askedMs);
    asked.push({ ...one, ageMs: missing === undefined ? 0 : askedMs - missing[1] });
  }
  const rateOf = (key: "primaryCpu" | "followerCpu" | "queryCpu" | "projection"): number =>
    Math.max(0, after[key] - before[key]) / elapsed;
  return {
    asked: rate > 0,
    writes: (after.count.echoed - before.count.echoed) / elapsed,
    p50Ms: after.count.p50Ms,
    p99Ms: after.count.p99Ms,
    primaryCpu: rateOf("primaryCpu"),
    followerCpu: rateOf("followerCpu"),
    queryCpu: rateOf("queryCpu"),
    projectionShare: rateOf("projection"),
    loopDelayMs,
  };
}

async function reading(primary: PeerProcess, follower: PeerProcess, writers: Writers) {
  const metrics = await follower.admin("/metrics");
  return {
    count: await writers.ask({ kind: "count" }),
    primaryCpu: processorSeconds(primary.pid),
    followerCpu: processorSeconds(follower.pid),
    queryCpu: childrenOf(follower.pid).reduce((sum, pid) => sum + processorSeconds(pid), 0),
    projection: metricOf(metrics, "yarrow_projection_seconds_total"),
  };
}

async function loopDelayOf(peer: PeerProcess): Promise<number> {
  return metricOf(await peer.admin("/metrics"), 'yarrow_loop_delay_seconds{quantile="1"}') * 1_000;
}

function metricOf(text: string, name: string): number {
  const line = text.split("\n").find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? Number.NaN);
}

/** Processes that a process has started from its main thread. */
function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
}

interface QueryAnswer {
  readonly rows: readonly (readonly (string | number | null)[])[];
  readonly projectionLagMs: number;
  readonly replicaLagMs: number;
}

interface Reply {
  readonly asked: Asked;
  readonly rows: QueryAnswer["rows"];
}

async function ask(peer: PeerProcess, kind: Asked["kind"], sql: string, params: readonly string[]): Promise<Reply> {
  const askedAt = performance.now();
  // A query that finds no answer at all counts as refused, like one that is told so.
  const { status, body } = await peer.post("/query", { sql, params }).then(
    async (response) => ({ status: response.status, body: (await response.json()) as Partial<QueryAnswer> }),
    () => ({ status: 0, body: {} as Partial<QueryAnswer> }),
  );
  const { rows = [], projectionLagMs: lagMs = 0, replicaLagMs = 0 } = body;
  return { asked: { kind, ms: performance.now() - askedAt, lagMs, replicaLagMs, status, ageMs: 0 }, rows };
}

/** The newest stamp that the answer has. */
async function askProbe(peer: PeerProcess): Promise<{ readonly asked: Asked; readonly newest: number }> {
  const { asked, rows } = await ask(peer, "probe", PROBE_QUERY, []);
  let newest = 0;
  for (const [, stamp] of String(rows[0]?.[0] ?? "").matchAll(/t=([0-9.]{17})/g))
    newest = Math.max(newest, Number(stamp));
  return { asked, newest };
}

async function measureRunaway(follower: PeerProcess) {
  const startedAt = performance.now();
  const ended = await follower.post("/query", { sql: ENDLESS, timeoutMs: RUNAWAY_LIMIT_MS });
  const endedMs = performance.now() - startedAt;
  const { code } = (await ended.json()) as { code?: string };
  const next = await follower.post("/query", { sql: "SELECT count(*) FROM documents" });
  return { code, endedMs, next: next.status };
}

function phaseTable(phases: readonly Phase[]) {
  return {
    title: "Phases",
    head: [
      "queries",
      "writes/s",
      "echo p50 ms",
      "p99 ms",
      "primary cpu",
      "follower cpu",
      "... projection",
      "queries cpu",
      "follower's longest delay ms",
    ],
    rows: phases.map((phase) => [
      phase.asked ? "yes" : "no",
      Math.round(phase.writes),
      phase.p50Ms,
      phase.p99Ms,
      phase.primaryCpu,
      phase.followerCpu,
      phase.projectionShare,
      phase.queryCpu,
      phase.loopDelayMs,
    ]),
  };
}

function queryTable(asked: readonly Asked[]) {
  const rows = (["full text", "aggregate", "probe"] as const).map((kind) => {
    const of = asked.filter((each) => each.kind === kind);
    const times = of.map(({ ms }) => ms).sort((a, b) => a - b);
    const lags = of.map(({ lagMs }) => lagMs);
    return [
      kind,
      of.length,
      of.filter(({ status }) => status !== 200).length,
      quantile(times, 0.5),
      quantile(times, 0.99),
      Math.max(...lags),
      Math.max(...of.map(({ replicaLagMs }) => replicaLagMs)),
      kind === "probe" ? Math.max(...of.map(({ ageMs }) => ageMs)) : undefined,
    ];
  });
  return {
    title: "Queries",
    head: [
      "query",
      "asked",
      "refused",
      "p50 ms",
      "p99 ms",
      "largest lag told ms",
      "... of the replica",
      "largest true age ms",
    ],
    rows,
  };
}

function judge(
  phases: readonly Phase[],
  asked: readonly Asked[],
  runaway: Awaited<ReturnType<typeof measureRunaway>>,
): Check[] {
  const of = (key: "primaryCpu" | "p99Ms" | "loopDelayMs", withQueries: boolean): number[] =>
    phases.filter((phase) => phase.asked === withQueries).map((phase) => phase[key]);
  const cpu = [median(of("primaryCpu", false)), median(of("primaryCpu", true))] as const;
  const p99 = [median(of("p99Ms", false)), median(of("p99Ms", true))] as const;
  const delay = Math.max(...of("loopDelayMs", true));
  const refused = asked.filter(({ status }) => status !== 200).length;
  const lag = Math.max(...asked.map(({ lagMs }) => lagMs));
  const age = Math.max(...asked.map(({ ageMs }) => ageMs));
  const check = (name: string, good: boolean, found: string): Check => ({ name, good, found });
  const pair = ([without, withQueries]: readonly [number, number], unit: string): string =>
    `${without.toFixed(3)} ${unit} without queries, ${withQueries.toFixed(3)} with`;
  return [
    check("the primary's processor time is the same", cpu[1] <= cpu[0] * CPU_NOISE, pair(cpu, "cpu")),
    check("the primary's p99 is the same", p99[1] <= p99[0] * P99_NOISE + P99_NOISE_MS, pair(p99, "ms")),
    check("the follower's loop is never held up for 50 ms", delay < LOOP_DELAY_MS_MAX, `${delay.toFixed(1)} ms`),
    check("every query is answered", refused === 0, `${refused} of ${asked.length} refused`),
    check(
      "no answer is older than a second",
      lag < AGE_MS_MAX && age < AGE_MS_MAX,
      `told ${lag} ms, found ${age.toFixed(0)} ms`,
    ),
    check(
      "a query that does not end is ended, and the next one answered",
      runaway.code === "YARROW_QUERY_TIMEOUT" && runaway.endedMs < RUNAWAY_LIMIT_MS * 1.5 && runaway.next === 200,
      `${runaway.code ?? "answered"} after ${runaway.endedMs.toFixed(0)} ms, then ${runaway.next}`,
    ),
  ];
}
