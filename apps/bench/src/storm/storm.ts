/**
 * Many real peers on bad weather: every link goes through a proxy that delays, stalls, swallows, cuts and refuses, peers are killed
 * without warning, and stock clients write through all of them all the while. Then everything heals, and every peer must have what
 * anyone was shown.
 */
import { ChaosRecorder, type Edit } from "../chaos-recorder.ts";
import { audit } from "../chaos-audit.ts";
import { ChaosWriter } from "../chaos-writer.ts";
import { INSPECTABLE, collectedBytes } from "../heap.ts";
import { PeerSet } from "../peer-set.ts";
import { type PeerProcess, freePort, rootsEqual } from "../processes.ts";
import { type Progress, silent } from "../progress.ts";
import type { Span } from "../results.ts";
import { seededRandom } from "../statistics.ts";
import { pause, waitUntil } from "../waiting.ts";
import { ownerOf } from "./dialer.ts";
import { type Dial, FaultProxy } from "./fault-proxy.ts";
import type { Felt } from "./faults.ts";
import { type PlannedFault, planStorm, survivorsOf } from "./plan.ts";
import { type MemorySample, Watch } from "./watch.ts";
import { Weather } from "./weather.ts";

/** How exactly the moments of the plan are met. */
const STEP_MS = 20;
const CLIENTS_PER_PEER = 2;
/** Now and then one client in turn writes more than a frame holds, so that faults meet documents on their way in pieces. */
const LARGE_EVERY_MS = 10_000;
const LARGE_CHARACTERS = 1_500_000;
/** Other peers that a peer is told of at its start; the rest it learns from them. */
const LISTED = 2;
/** Together longer than a link may be silent. */
const VERIFY_AGAIN = 3;
const VERIFY_AGAIN_MS = 10_000;
const LINKED_TIMEOUT_MS = 60_000;
/** In which all peers must be equal again after the last fault. */
export const EQUAL_WITHIN_MS = 60_000;

/** Memory counts from here on, or from this share of a shorter storm: before it caches fill and code is compiled. */
const WARM_AFTER_MS = 120_000;
const WARM_AFTER_SHARE = 0.2;

export interface StormOptions {
  readonly peers?: number;
  readonly minutes?: number;
  /** Updates per second, of all clients together. */
  readonly rate?: number;
  /** Mean time between two faults of links, and between two kills. */
  readonly faultEveryMs?: number;
  readonly killEveryMs?: number;
  readonly seed?: number;
  readonly progress?: Progress;
}

export interface StormReport {
  readonly options: Required<Omit<StormOptions, "progress">>;
  readonly spans: readonly Span[];
  readonly felt: Felt;
  readonly kills: number;
  readonly written: number;
  /** Of these, edits of 1.5 MB. */
  readonly large: number;
  readonly echoed: number;
  readonly seen: number;
  readonly missing: readonly Edit[];
  readonly invented: readonly string[];
  /** From the last fault to equal roots; undefined when that never came. */
  readonly equalAfterMs: number | undefined;
  readonly unequal: string | undefined;
  /** Open links of each peer when all was over. */
  readonly links: readonly number[];
  readonly verifyCodes: readonly (number | null)[];
  /** What the first of them said that did not agree. */
  readonly disagreement: string | undefined;
  /** Peers that ended and were not killed, with their last words. */
  readonly deaths: readonly string[];
  readonly memory: readonly MemorySample[];
  /** What the peers that were never killed keep after a garbage collection, once warm and when all are equal. */
  readonly kept: { readonly warmBytes: readonly number[]; readonly endBytes: readonly number[] };
  /** Of the storm and the time after it; times from the first fault. */
  readonly dials: readonly Dial[];
  /** Besides: dials of processes that had ended before it was known which they were. */
  readonly unknownDials: number;
  readonly stormMs: number;
}

/** When memory begins to count. */
export function warmAfterMs(stormMs: number): number {
  return Math.min(WARM_AFTER_MS, stormMs * WARM_AFTER_SHARE);
}

export async function runStorm(given: StormOptions = {}): Promise<StormReport> {
  const { progress = silent } = given;
  const options = completed(given);
  const random = seededRandom(options.seed);
  const durationMs = options.minutes * 60_000;
  const { peers: count, faultEveryMs: everyMs, killEveryMs } = options;
  const plan = planStorm({ peers: count, durationMs, everyMs, killEveryMs, random });
  await using set = await PeerSet.make("storm");
  await using proxy = new FaultProxy({
    diallerOf: ({ remotePort = 0, localPort = 0 }) => peerBehind(set.peers, remotePort, localPort),
  });
  progress.say(`${count} peers start`);
  await startPeers(set, proxy, count);
  const recorder = new ChaosRecorder();
  const writers = openWriters(set.peers, recorder, random);
  const weather = new Weather(proxy, set.peers);
  try {
    await waitUntil(() => writers.every((writer) => writer.isServed), { describe: () => "all clients to be served" });
    await waitUntil(() => areAllLinked(set.peers), { timeoutMs: LINKED_TIMEOUT_MS, describe: () => "a full mesh" });
    const startedAtMs = proxy.nowMs;
    const nowMs = () => proxy.nowMs - startedAtMs;
    using watch = new Watch(set.peers, (peer) => weather.isDown(peer), nowMs);
    for (const writer of writers) writer.start((writers.length / options.rate) * 1_000);
    let large = 0;
    const writeLarge = () => {
      if (nowMs() >= (large + 1) * LARGE_EVERY_MS) writers[large++ % writers.length]?.editLarge(LARGE_CHARACTERS);
    };
    const survivors = set.peers.slice(0, survivorsOf(count));
    const keptWarm = pause(warmAfterMs(durationMs)).then(() => keptBytesOf(survivors));
    await strikeAll(plan, weather, nowMs, durationMs, (words) => {
      writeLarge();
      progress.at(nowMs(), durationMs, words);
    });
    progress.say("everything heals");
    await weather.heal();
    const ending = await converge(set.peers, writers);
    const kept = { warmBytes: await keptWarm, endBytes: await keptBytesOf(survivors) };
    progress.say("what every peer has is compared with what anyone was shown");
    return {
      options,
      spans: weather.spans,
      felt: { ...proxy.faults.felt },
      kills: weather.kills,
      large,
      ...countEdits(recorder),
      ...(await audit(
        set.peers,
        set.peers.map((_, at) => documentName(at)),
        recorder,
      )),
      ...ending,
      ...(await verifyAll(set.peers)),
      deaths: [...watch.deaths.values()],
      memory: watch.samples,
      kept,
      dials: proxy.dials.map((dial) => ({ ...dial, atMs: dial.atMs - startedAtMs })).filter(({ atMs }) => atMs >= 0),
      unknownDials: proxy.unknown,
      stormMs: durationMs,
    };
  } finally {
    for (const writer of writers) writer.vanish();
    progress.end();
  }
}

function completed({ peers = 12, minutes = 10, rate = 100, ...rest }: StormOptions): StormReport["options"] {
  const { faultEveryMs = 500, killEveryMs = 8_000, seed = Math.floor(Math.random() * 2 ** 32) } = rest;
  return { peers, minutes, rate, faultEveryMs, killEveryMs, seed };
}

/** Which peer holds the end of a connection from `localPort` to `remotePort`. */
function peerBehind(peers: readonly PeerProcess[], localPort: number, remotePort: number): number | undefined {
  const indexByPid = new Map(peers.flatMap((peer, at) => (peer.isRunning ? [[peer.pid, at] as const] : [])));
  const pid = ownerOf(localPort, remotePort, indexByPid.keys());
  return pid === undefined ? undefined : indexByPid.get(pid);
}

/** Every peer announces the address of its proxy, so that the others learn no other. */
async function startPeers(set: PeerSet, proxy: FaultProxy, count: number): Promise<void> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = await freePort();
    if (!ports.includes(port)) ports.push(port);
  }
  const addresses = await Promise.all(ports.map(async (port, at) => `ws://127.0.0.1:${await proxy.open(at, port)}`));
  for (const [at, port] of ports.entries()) {
    const listed = addresses.filter((_, other) => other !== at && (other - at + count) % count <= LISTED);
    await set.add(`peer-${at}`, {
      port,
      peers: listed,
      words: ["--advertise", addresses[at]!],
      nodeOptions: INSPECTABLE,
    });
  }
}

function openWriters(peers: readonly PeerProcess[], recorder: ChaosRecorder, random: () => number): ChaosWriter[] {
  // Each stock provider listens for the end of the process.
  process.setMaxListeners(process.getMaxListeners() + CLIENTS_PER_PEER * peers.length);
  return Array.from({ length: CLIENTS_PER_PEER * peers.length }, (_, at) => {
    const round = Math.floor(at / peers.length);
    // Each document is written through as many peers as a peer has clients, far from each other.
    const document = (at + Math.floor((round * peers.length) / CLIENTS_PER_PEER)) % peers.length;
    return new ChaosWriter(peers[at % peers.length]!, documentName(document), recorder, random);
  });
}

function documentName(at: number): string {
  return `storm/${at}`;
}

/** Garbage collected first, one peer after the other: what happens to lie about says nothing of what is kept. */
async function keptBytesOf(peers: readonly PeerProcess[]): Promise<number[]> {
  const kept: number[] = [];
  for (const peer of peers) kept.push(await collectedBytes(peer));
  return kept;
}

async function strikeAll(
  plan: readonly PlannedFault[],
  weather: Weather,
  nowMs: () => number,
  durationMs: number,
  tell: (words: string) => void,
): Promise<void> {
  const left = [...plan];
  while (nowMs() < durationMs) {
    for (let next = left[0]; next !== undefined && next.atMs <= nowMs(); next = left[0]) {
      weather.strike(next);
      left.shift();
    }
    tell(`${weather.faultsUnderWay} faults under way, ${weather.spans.length} so far, ${weather.kills} kills`);
    await pause(STEP_MS);
  }
}

/** The clients write no more, and wait until all they wrote was acknowledged; then the peers become equal. */
async function converge(
  peers: readonly PeerProcess[],
  writers: readonly ChaosWriter[],
): Promise<Pick<StormReport, "equalAfterMs" | "unequal" | "links">> {
  const healedAt = performance.now();
  const leftMs = () => EQUAL_WITHIN_MS - (performance.now() - healedAt);
  for (const writer of writers) writer.rest();
  try {
    await waitUntil(() => writers.every((writer) => writer.isServed && !writer.hasInFlight), {
      timeoutMs: leftMs(),
      describe: () => "every client to be served and acknowledged",
    });
    await rootsEqual(peers, leftMs());
    const equalAfterMs = performance.now() - healedAt;
    await waitUntil(() => areAllLinked(peers), { timeoutMs: LINKED_TIMEOUT_MS }).catch(() => {});
    return { equalAfterMs, unequal: undefined, links: await openLinks(peers) };
  } catch (error) {
    return { equalAfterMs: undefined, unequal: String(error), links: await openLinks(peers) };
  }
}

async function areAllLinked(peers: readonly PeerProcess[]): Promise<boolean> {
  return (await openLinks(peers)).every((links) => links === peers.length - 1);
}

async function openLinks(peers: readonly PeerProcess[]): Promise<number[]> {
  const statuses = await Promise.all(peers.map((peer) => peer.status()));
  return statuses.map(({ links }) => links.filter(({ state }) => state === "open").length);
}

/** A link that the last faults left dead looks open until its silence is noticed; who is at its end cannot answer yet. */
async function verifyOf(peer: PeerProcess) {
  for (let left = VERIFY_AGAIN; ; left--) {
    const outcome = await peer.run("verify", "--deep", "--json");
    if (left === 0 || outcome.code !== 1 || !outcome.stdout.includes(`"unreachable"`)) return outcome;
    await pause(VERIFY_AGAIN_MS);
  }
}

async function verifyAll(peers: readonly PeerProcess[]): Promise<Pick<StormReport, "verifyCodes" | "disagreement">> {
  const verifyCodes: (number | null)[] = [];
  let disagreement: string | undefined;
  for (const [at, peer] of peers.entries()) {
    const { code, stdout, stderr } = await verifyOf(peer);
    verifyCodes.push(code);
    if (code !== 0) disagreement ??= `peer ${at}: ${`${stdout} ${stderr}`.replaceAll(/\s+/g, " ").trim()}`;
  }
  return { verifyCodes, disagreement };
}

function countEdits(recorder: ChaosRecorder): Pick<StormReport, "written" | "echoed" | "seen"> {
  return {
    written: recorder.edits.length,
    echoed: recorder.edits.filter((edit) => recorder.wasEchoed(edit)).length,
    seen: recorder.edits.filter((edit) => recorder.wasSeen(edit)).length,
  };
}
