/** What a storm proved, as tables, checks and the series of its plot. */
import type { Check, Result, Series } from "../results.ts";
import { median } from "../statistics.ts";
import type { Cell } from "../table.ts";
import type { Dial } from "./fault-proxy.ts";
import { FAULT_KINDS, survivorsOf } from "./plan.ts";
import { EQUAL_WITHIN_MS, type StormReport, warmAfterMs } from "./storm.ts";
import type { MemorySample } from "./watch.ts";
import { countByKind } from "./weather.ts";

const MIB = 1024 * 1024;
/**
 * What is kept may grow with the documents, of which two caches hold a part (`answerCacheBytesMax`, `entryCacheBytesMax`); a storm
 * writes some 5 MB of them. A leak of 50 bytes per update and link would be past this within ten minutes.
 */
const KEPT_GROWTH_BYTES_MAX = 24 * MIB;
/**
 * Resident memory also holds garbage that was not collected yet and the worker thread, which comes with long jobs and goes when there
 * were none for 30 s: it rises and falls. So its medians over the two halves of the time after warming up are compared, which the
 * worker's own size may set apart …
 */
const RESIDENT_GROWTH_BYTES_MAX = 128 * MIB;
/** … and no peer may ever have more than this: 110 MiB of program, the two caches, and the worker at its largest. */
const RESIDENT_BYTES_MAX = 512 * MIB;
const DIALS_PER_SECOND_MEAN_MAX = 2;
const DISAGREEMENT_CHARACTERS_MAX = 600;

export function stormResult(report: StormReport): Result {
  const { options, kills, spans } = report;
  return {
    workload: "storm",
    summary:
      `${options.peers} peers and ${2 * options.peers} stock clients with ${options.rate} updates/s in all, ` +
      `${options.minutes} min of faults on every link, ${spans.length} faults, ${kills} of them kill -9; ` +
      `run it again with --seed ${options.seed}`,
    method: [
      "Every peer is a process of its own behind a TCP proxy, through which all other peers reach it; clients are stock ones, two at each peer, on its own address.",
      "The plan of faults is drawn from the seed before it begins. When the last has ended clients stop writing, and every edit that any client was shown is looked for on every peer, as is anything that nobody wrote.",
      "Resident memory is read every 2 s from the system, and compared as medians of the two halves of the time after warming up; what is kept is the heap after a collection that was asked for.",
    ],
    options: { ...options },
    tables: [
      {
        title: "Faults",
        head: ["fault", "begun", "longest s"],
        rows: FAULT_KINDS.map((kind) => faultRow(report, kind)),
      },
      { title: "Felt on the wire", head: ["effect", "count"], rows: feltRows(report) },
      {
        title: "Run",
        head: [
          "written",
          "per second",
          "of 1.5 MB",
          "echoed",
          "seen by others",
          "missing",
          "invented",
          "equal after s",
          "dials",
          "of nobody known",
        ],
        rows: [
          [
            report.written,
            report.written / (report.stormMs / 1_000),
            report.large,
            report.echoed,
            report.seen,
            report.missing.length,
            report.invented.length,
            report.equalAfterMs === undefined ? undefined : report.equalAfterMs / 1_000,
            report.dials.length,
            report.unknownDials,
          ],
        ],
      },
      {
        title: "Resident memory of each peer, and what those never killed keep after a collection, in MiB; dials",
        head: [
          "peer",
          "warm",
          "at the end",
          "most",
          "kept, warm",
          "kept, at the end",
          "dials",
          "most dials in one second",
        ],
        rows: Array.from({ length: options.peers }, (_, at) => peerRow(report, at)),
      },
    ],
    checks: judge(report),
    series: seriesOf(report),
    spans,
  };
}

function judge(report: StormReport): Check[] {
  const { options, missing, invented, verifyCodes, disagreement, deaths, links, kills, felt } = report;
  const { peers } = options;
  const resident = Array.from({ length: survivorsOf(peers) }, (_, at) => growthBytes(report, at));
  const most = Math.max(...Array.from({ length: peers }, (_, at) => mostBytes(report, at)));
  const kept = report.kept.endBytes.map((bytes, at) => bytes - (report.kept.warmBytes[at] ?? 0));
  const busiest = Math.max(...Array.from({ length: peers }, (_, at) => peakDials(report.dials, at)));
  const mean = (report.dials.length + report.unknownDials) / peers / (report.stormMs / 1_000);
  const peakMax = 3 * (peers - 1);
  return [
    {
      name: `all peers are equal within ${EQUAL_WITHIN_MS / 1_000} s after the last fault`,
      good: report.equalAfterMs !== undefined,
      found: report.unequal ?? `after ${((report.equalAfterMs ?? 0) / 1_000).toFixed(1)} s`,
    },
    {
      name: "verify --deep agrees on every peer",
      good: verifyCodes.every((code) => code === 0),
      found: `exit codes ${verifyCodes.join(", ")}${disagreement === undefined ? "" : `; ${disagreement.slice(0, DISAGREEMENT_CHARACTERS_MAX)}`}`,
    },
    {
      name: "nothing that was echoed or seen is missing on any peer",
      good: missing.length === 0,
      found: missing.length === 0 ? `0 of ${report.echoed}` : `${missing.length}, first ${missing[0]?.token}`,
    },
    { name: "nothing appeared that nobody wrote", good: invented.length === 0, found: `${invented.length} invented` },
    {
      name: "no process ended but by kill -9",
      good: deaths.length === 0,
      found: deaths.length === 0 ? `${kills} kills, 0 other ends` : `${deaths.length}: ${deaths[0]?.slice(-400)}`,
    },
    {
      name: `what the peers that were never killed keep grows by at most ${formatMiB(KEPT_GROWTH_BYTES_MAX)} once warm`,
      good: kept.every((bytes) => bytes <= KEPT_GROWTH_BYTES_MAX),
      found: kept.map(formatMiB).join(", "),
    },
    {
      name: `their resident memory grows by at most ${formatMiB(RESIDENT_GROWTH_BYTES_MAX)} from one half of that time to the other`,
      good: resident.every((bytes) => bytes <= RESIDENT_GROWTH_BYTES_MAX),
      found: resident.map(formatMiB).join(", "),
    },
    {
      name: `no peer ever has more than ${formatMiB(RESIDENT_BYTES_MAX)} resident`,
      good: most <= RESIDENT_BYTES_MAX,
      found: `at most ${formatMiB(most)}`,
    },
    {
      name: `no peer dials more than ${peakMax} times in a second, nor more than ${DIALS_PER_SECOND_MEAN_MAX} times on average`,
      good: busiest <= peakMax && mean <= DIALS_PER_SECOND_MEAN_MAX,
      found: `at most ${busiest} in a second, ${mean.toFixed(2)} per second on average`,
    },
    {
      name: "every pair of peers is linked again",
      good: links.every((count) => count === peers - 1),
      found: `open links ${links.join(", ")}`,
    },
    {
      name: "every kind of fault was begun, and felt on the wire",
      good: FAULT_KINDS.every((kind) => countByKind(report.spans, kind) > 0) && Object.values(felt).every((n) => n > 0),
      found: `${report.spans.length} faults, ${felt.cutShort} writes cut short, ${felt.halfClosed} half-closed, ${felt.oneWayConnections} dead one way`,
    },
  ];
}

function faultRow({ spans }: StormReport, kind: (typeof FAULT_KINDS)[number]): Cell[] {
  const own = spans.filter(({ lane }) => lane === kind);
  const longest = Math.max(0, ...own.map(({ fromSeconds, toSeconds }) => toSeconds - fromSeconds));
  return [kind, own.length, longest];
}

function feltRows({ felt }: StormReport): Cell[][] {
  return [
    ["bytes delayed", felt.delayedBytes],
    ["writes held back by stalls", felt.stalledWrites],
    ["bytes swallowed", felt.swallowedBytes],
    ["connections dead in one direction", felt.oneWayConnections],
    ["connections half-closed", felt.halfClosed],
    ["connections reset in the middle of a write", felt.cutShort],
    ["connections reset by outages", felt.reset],
    ["dials refused by outages", felt.refused],
  ];
}

function peerRow(report: StormReport, at: number): Cell[] {
  const [first, second] = residentHalves(report, at);
  const isSurvivor = at < survivorsOf(report.options.peers);
  return [
    isSurvivor ? `${at}, never killed` : `${at}`,
    first / MIB,
    second / MIB,
    mostBytes(report, at) / MIB,
    ...[report.kept.warmBytes, report.kept.endBytes].map((bytes) =>
      isSurvivor ? (bytes[at] ?? NaN) / MIB : undefined,
    ),
    report.dials.filter((dial) => dial.from === at).length,
    peakDials(report.dials, at),
  ];
}

/** Medians of a peer's resident bytes over the two halves of the time after warming up. */
function residentHalves({ stormMs, memory }: StormReport, at: number): [number, number] {
  const from = warmAfterMs(stormMs);
  const middle = (from + stormMs) / 2;
  return [median(residentOf(memory, at, from, middle)), median(residentOf(memory, at, middle, stormMs))];
}

function growthBytes(report: StormReport, at: number): number {
  const [first, second] = residentHalves(report, at);
  return second - first;
}

function mostBytes({ memory }: StormReport, at: number): number {
  return Math.max(0, ...residentOf(memory, at, 0, Number.POSITIVE_INFINITY));
}

function residentOf(samples: readonly MemorySample[], peer: number, fromMs: number, toMs: number): number[] {
  return samples
    .filter(({ atMs }) => atMs >= fromMs && atMs <= toMs)
    .flatMap(({ residentBytes }) => residentBytes[peer] ?? []);
}

/** Most dials of one peer in any second of the clock. */
function peakDials(dials: readonly Dial[], from: number): number {
  const counts = countPerSecond(dials.filter((dial) => dial.from === from));
  return Math.max(0, ...counts.values());
}

function countPerSecond(dials: readonly Dial[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { atMs } of dials) {
    const second = Math.floor(atMs / 1_000);
    counts.set(second, (counts.get(second) ?? 0) + 1);
  }
  return counts;
}

function seriesOf({ memory, dials, options, stormMs }: StormReport): Series[] {
  const counts = countPerSecond(dials);
  const seconds = Array.from({ length: Math.ceil(stormMs / 1_000) }, (_, second) => second);
  const survivors = Array.from({ length: survivorsOf(options.peers) }, (_, at) => at);
  return [
    {
      name: "dials of all peers",
      x: "seconds",
      y: "dials per second",
      points: seconds.map((s) => [s, counts.get(s) ?? 0]),
    },
    ...survivors.map((at) => ({
      name: `memory of peer ${at}`,
      x: "seconds",
      y: "MiB resident",
      points: memory
        .filter(({ residentBytes }) => residentBytes[at] !== undefined)
        .map(
          ({ atMs, residentBytes }) => [Math.round(atMs / 100) / 10, round((residentBytes[at] ?? 0) / MIB)] as const,
        ),
    })),
  ];
}

function formatMiB(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
