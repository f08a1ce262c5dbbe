/**
 * A million documents: what two replicas of them say to each other, what a peer of them needs, and how an empty peer is filled, cut off,
 * and filled by several at once. Folders are filled by `folder.ts`, then served by real peers.
 */
import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { KeystrokeWriter, clockMs, readStamps } from "../keystrokes.ts";
import { PeerSet } from "../peer-set.ts";
import { type PeerProcess, rootsEqual } from "../processes.ts";
import { type Progress, silent } from "../progress.ts";
import { openRawClient } from "../raw-client.ts";
import { SIZE_LIMITS as LIMITS } from "../mesh-limits.ts";
import { processorSeconds } from "../processor-time.ts";
import { residentMB } from "../resident-memory.ts";
import type { Check, Result } from "../results.ts";
import { pause, waitUntil, within } from "../waiting.ts";
import { CountingProxy } from "./counting-proxy.ts";
import { CLUSTER, copyFolder, fillFolder, runProgram } from "./filled-folder.ts";
import { documentAt } from "./folder.ts";
import { PAIR_PROGRAM, type PairFigures } from "./pair.ts";

export interface SizeOptions {
  /** Documents of two replicas that are nearly equal. */
  readonly documents?: number;
  /** Documents that an empty peer is filled with. */
  readonly streamed?: number;
  /** Keeps the folders it makes in this one, and uses those of earlier runs: a million documents take minutes to make. */
  readonly cache?: string | undefined;
  readonly progress?: Progress;
}

const DIFFERENT = 100;
const CUTS = 3;
const SETTLE_MS = 5_000;
const LOOK_MS = 250;
const TIMEOUT_MS = 600_000;

/** The peer sums up the delays of its loop that often; what was in the last of these windows is known when it has ended. */
const LOOP_WINDOW_MS = 5_000;

export async function runSize(options: SizeOptions = {}): Promise<Result> {
  const { documents = 1_000_000, streamed = Math.ceil(documents / 4), cache, progress = silent } = options;
  await using set = await PeerSet.make(CLUSTER);
  const fillUs = await fillFolder(set.scratch.inside("first"), documents, cache, progress);
  progress.say("two replicas in one process");
  const pair = await measurePair(set, documents);
  await copyFolder(set.scratch.inside("first"), set.scratch.inside("second"));
  const peers = await servePair(set, progress);
  await Promise.all(set.peers.map((peer) => peer.stop()));
  const source = set.scratch.inside("source");
  await fillFolder(source, streamed, cache, progress);
  const filling = await fillPeers(set, streamed, progress);
  progress.end();
  const bytes = statSync(join(set.scratch.inside("first"), "yarrow.db")).size;
  return {
    workload: "size",
    summary: `two replicas of ${documents.toLocaleString("en")} documents, and peers filled with ${streamed.toLocaleString("en")}`,
    method: [
      "Digest, round trips, bytes and bookkeeping are of two replicas of the production engine, each on a database of its own, in one process without sockets. A round trip is a question with its answer, or differences that are returned; bytes beyond updates are all that the repair says, less the updates in it. Bookkeeping is processor time of whole steps of changed documents, less the same log rows written by themselves.",
      `The rest is of real peer processes on loopback. They are cut apart, ${DIFFERENT} documents are changed, half at each side, and the repair takes from the first byte of their new link until their roots are equal. Memory is what the system calls resident.`,
      "An empty peer is filled through a proxy that counts bytes: as it is; killed at 20 %, its source killed at 40 %, the link cut at 60 %; and from three sources at once. Seconds are from its start until it says that it is equal, at a look every 250 ms; the longest loop delay is from the peer's own metrics.",
    ],
    options: { documents, streamed },
    tables: [
      tableOfPair(pair, peers, documents),
      {
        title: "A peer of them",
        head: [
          "disk MB",
          "start ms",
          "memory MB",
          "memory after a repair MB",
          "bookkeeping us/change",
          "made us/document",
        ],
        rows: [[bytes / 1e6, peers.startMs, peers.rssMB, peers.rssAfterMB, pair.bookkeepingUs, fillUs]],
      },
      tableOfFilling(filling, streamed),
    ],
    checks: [...judgePair(pair, peers), ...judgeFilling(filling, streamed)],
  };
}

/** On folders of its own: it leaves them thousands of documents apart. */
async function measurePair(set: PeerSet, documents: number): Promise<PairFigures> {
  const folders = [set.scratch.inside("one"), set.scratch.inside("other")] as const;
  for (const folder of folders) await copyFolder(set.scratch.inside("first"), folder);
  const figures = JSON.parse(
    await runProgram([PAIR_PROGRAM, ...folders, String(documents), String(DIFFERENT)]),
  ) as PairFigures;
  for (const folder of folders) rmSync(folder, { recursive: true });
  return figures;
}

function tableOfPair(pair: PairFigures, peers: Served, documents: number): Result["tables"][number] {
  return {
    title: `Two replicas of ${documents.toLocaleString("en")} documents, ${DIFFERENT} of them different`,
    head: [
      "digest B",
      "digest ms",
      "round trips",
      "bytes beyond updates",
      "repair ms",
      "over loopback ms",
      "longest step ms",
    ],
    rows: [
      [
        pair.digestBytes,
        pair.digestMs,
        pair.roundTrips,
        pair.repairBytes - pair.updateBytes,
        pair.repairMs,
        peers.repairMs,
        pair.longestStepMs,
      ],
    ],
  };
}

function tableOfFilling(filling: readonly Filling[], streamed: number): Result["tables"][number] {
  return {
    title: `An empty peer filled with ${streamed.toLocaleString("en")} documents`,
    head: ["", "s", "documents/s", "processor s", "MB", "longest loop delay ms", "memory MB"],
    rows: filling.map(({ name, seconds, processor, bytes, loopMs, rssMB }) => [
      name,
      seconds,
      streamed / seconds,
      processor,
      bytes / 1e6,
      loopMs,
      rssMB,
    ]),
  };
}

interface Served {
  readonly startMs: number;
  readonly rssMB: number;
  readonly rssAfterMB: number;
  readonly repairMs: number;
}

interface Filling {
  readonly name: string;
  readonly seconds: number;
  /** Processor seconds of the peer since it last started. */
  readonly processor: number;
  readonly bytes: number;
  readonly loopMs: number;
  readonly rssMB: number;
  readonly equal: boolean;
  /** What was seen of the progress that the peer shows. */
  readonly shown: number;
  /** Which share of the documents was there at each cut. */
  readonly cuts: readonly number[];
}

/** Two peers on the folders, and what differs written through clients while the wire between them is cut. */
async function servePair(set: PeerSet, progress: Progress): Promise<Served> {
  progress.say("starting two peers");
  const startedMs = performance.now();
  const first = await set.add("first", { discovery: false });
  const startMs = performance.now() - startedMs;
  await pause(SETTLE_MS);
  const rssMB = residentMB(first.pid);
  await using proxy = await CountingProxy.start(first.options.port);
  const second = await set.add("second", { peers: [proxy.url], discovery: false });
  await rootsEqual([first, second], TIMEOUT_MS);
  proxy.blocked = true;
  proxy.cut();
  progress.say("writing what differs");
  for (let at = 0; at < DIFFERENT; at++) await write(at % 2 === 0 ? first : second, documentAt(500 + at * 31));
  const before = proxy.bytes;
  proxy.blocked = false;
  await waitUntil(() => proxy.bytes > before, { timeoutMs: TIMEOUT_MS });
  const linkedMs = performance.now();
  await rootsEqual([first, second], TIMEOUT_MS);
  const repairMs = performance.now() - linkedMs;
  return { startMs, rssMB, rssAfterMB: residentMB(first.pid), repairMs };
}

async function fillPeers(set: PeerSet, streamed: number, progress: Progress): Promise<Filling[]> {
  const sources: PeerProcess[] = [];
  for (const folder of ["source", "source-2", "source-3"]) {
    if (folder !== "source") await copyFolder(set.scratch.inside("source"), set.scratch.inside(folder));
  }
  for (const folder of ["source", "source-2", "source-3"]) {
    sources.push(await set.add(folder, { discovery: false }));
  }
  const [source] = sources;
  const whole = await fill(set, "whole", sources.slice(0, 1), streamed, progress);
  const cut = await fill(set, "cut off", [source!], streamed, progress, async (peer, proxy, at) => {
    await at(0.2);
    await peer.kill();
    await peer.restart();
    await at(0.4);
    await source!.kill();
    await source!.restart();
    await at(0.6);
    proxy.cut();
  });
  const shared = await fill(set, "by three", sources, streamed, progress);
  return [whole, cut, shared];
}

/** Fills an empty peer from others, each behind a proxy. */
async function fill(
  set: PeerSet,
  name: string,
  sources: readonly PeerProcess[],
  streamed: number,
  progress: Progress,
  disturb?: (peer: PeerProcess, proxy: CountingProxy, at: (share: number) => Promise<void>) => Promise<void>,
): Promise<Filling> {
  const proxies = await Promise.all(sources.map(({ options }) => CountingProxy.start(options.port)));
  const peers = proxies.map(({ url }) => url);
  const peer = await set.add(`filled ${name}`, { peers, discovery: false });
  const startedMs = performance.now();
  let [documents, loopMs, shown] = [0, 0, 0];
  let equal = false;
  const watch = async (): Promise<void> => {
    const status = await peer.status();
    documents = status.documents.alive;
    equal = status.links.length === sources.length && status.links.every((link) => link.equal);
    if (status.links.some((link) => (link.catchUp?.documents ?? 0) > 0)) shown++;
    loopMs = Math.max(loopMs, await longestDelayMs(peer));
    progress.at(documents, streamed, `${name}: ${documents} of ${streamed} documents`);
  };
  // Each look costs the peer some of what is measured.
  const look = (): Promise<void> => pause(LOOK_MS).then(watch);
  const cuts: number[] = [];
  const at = async (share: number): Promise<void> => {
    await waitUntil(() => look().then(() => documents > share * streamed), { timeoutMs: TIMEOUT_MS });
    cuts.push(documents / streamed);
  };
  if (disturb !== undefined) await disturb(peer, proxies[0]!, at);
  await waitUntil(() => look().then(() => equal), { timeoutMs: TIMEOUT_MS, describe: () => `${name}: ${documents}` });
  const seconds = (performance.now() - startedMs) / 1_000;
  const root = await rootsEqual([peer, ...sources], TIMEOUT_MS);
  const processor = processorSeconds(peer.pid);
  const bytes = proxies.reduce((sum, proxy) => sum + proxy.bytes, 0);
  const rssMB = residentMB(peer.pid);
  await pause(LOOP_WINDOW_MS);
  await watch();
  await peer.stop();
  await Promise.all(proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
  return { name, seconds, processor, bytes, loopMs, rssMB, equal: root !== "" && documents === streamed, shown, cuts };
}

function judgePair(pair: PairFigures, served: Served): Check[] {
  const beyond = pair.repairBytes - pair.updateBytes;
  return [
    check("in sync: one digest each way", pair.digests === 2, `${pair.digests} digests`),
    atMost("... of fewer than 100 bytes", pair.digestBytes, LIMITS.digestBytes, "B"),
    atMost("... and under 1 ms", pair.digestMs, LIMITS.digestMs, "ms"),
    check("what differs is repaired", pair.equal, pair.equal ? "equal" : "different"),
    atMost("... in at most 5 round trips", pair.roundTrips, LIMITS.roundTrips, ""),
    atMost("... under 150 KB beyond the updates", beyond, LIMITS.repairBytes, "B"),
    atMost("... under 1 s on loopback", served.repairMs, LIMITS.repairMs, "ms"),
    atMost("a peer needs under 250 MB", Math.max(served.rssMB, served.rssAfterMB), LIMITS.residentMB, "MB"),
    atMost("... starts in under 3 s", served.startMs, LIMITS.startMs, "ms"),
    atMost("... and keeps books in under 100 us a change", pair.bookkeepingUs, LIMITS.bookkeepingUs, "us"),
  ];
}

function judgeFilling([whole, cut, shared]: readonly Filling[], streamed: number): Check[] {
  if (whole === undefined || cut === undefined || shared === undefined) return [];
  const perSecond = streamed / whole.seconds;
  return [
    check(
      "an empty peer is filled at 10,000 documents a second",
      perSecond >= LIMITS.perSecond,
      `${formatNumber(perSecond)}, wanted ${formatNumber(LIMITS.perSecond)}`,
    ),
    check(
      "... and all are equal then",
      [whole, cut, shared].every(({ equal }) => equal),
      "by root",
    ),
    check("... and it shows how far it is", whole.shown > 0, `seen ${whole.shown} times`),
    judgeCuts(cut, whole),
    atMost("filled by three it fetches nothing twice", shared.bytes / whole.bytes, LIMITS.again, "of the bytes"),
    atMost("no turn of the loop is long meanwhile", whole.loopMs, LIMITS.loopMs, "ms"),
  ];
}

async function write(peer: PeerProcess, name: string): Promise<void> {
  let finish: () => void = () => {};
  const echoed = new Promise<void>((resolve) => (finish = resolve));
  const client = await openRawClient(peer.url, name, (frame) => {
    if (readStamps(frame) > 0) finish();
  });
  client.send([new KeystrokeWriter(client.clientId).next(clockMs())]);
  await within(echoed, TIMEOUT_MS, `the echo of ${name}`);
  await client.close();
}

async function longestDelayMs(peer: PeerProcess): Promise<number> {
  const metrics = await peer.admin("/metrics");
  return Number(/^yarrow_loop_delay_seconds\{quantile="1"\} (\S+)$/m.exec(metrics)?.[1]) * 1_000;
}

/** Whoever is cut off when all is there fetches nothing again, and shows nothing. */
function judgeCuts({ cuts, bytes }: Filling, whole: Filling): Check {
  const again = bytes / whole.bytes;
  const places = cuts.map((share) => `${Math.floor(share * 100)} %`).join(", ");
  return check(
    "cut off three times it fetches little again",
    again <= LIMITS.again && cuts.length === CUTS && cuts.every((share) => share < 1),
    `${formatNumber(again)} of the bytes, allowed ${LIMITS.again}; cut at ${places}`,
  );
}

function atMost(name: string, value: number, limit: number, unit: string): Check {
  return check(
    name,
    value <= limit,
    `${formatNumber(value)}${unit === "" ? "" : ` ${unit}`}, allowed ${formatNumber(limit)}`,
  );
}

function formatNumber(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: value >= 100 ? 0 : 2 });
}

function check(name: string, good: boolean, found: string): Check {
  return { name, good, found };
}
