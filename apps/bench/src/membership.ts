/**
 * A thousand peers find each other from one address, lose a third of themselves, and all of their network, in simulated time: what views they
 * keep, whether these hang together, and how often anybody dials.
 */
import type { DialledPeer } from "./dialled-mesh.ts";
import { DialledMesh, STARTED_AT, urlOf } from "./dialled-mesh.ts";
import { type Progress, silent } from "./progress.ts";
import type { Check, Result, Series } from "./results.ts";
import { seededRandom } from "./statistics.ts";
import type { Cell } from "./table.ts";

/** All peers are started within this time. */
const START_SPREAD_MS = 5_000;
const LOOK_MS = 250;
const JOIN_MS = 90_000;
const LATER_MS = 60_000;
/** Longer than any message is under way. */
const SETTLE_MS = 500;
const KILLED_SHARE = 0.3;
const OUTAGES_MS = [60_000, 600_000];
/** A peer that is cut off from everybody has come to its slowest pace by then. */
const SETTLED_MS = 30_000;
const RECOVERY_MS = 45_000;
const RECOVERED_WITHIN_MS = 10_000;
const HEALED_WITHIN_MS = 30_000;
/** Links that a view should hold, the share of peers that may be about to shed some, and what no view may exceed. */
const ACTIVE_WANTED = 6;
const ABOVE_WANTED_SHARE = 0.02;
const ACTIVE_MAX = 2 * ACTIVE_WANTED;
/** Dials of one peer within a second: to the others of a mesh, four rounds of three, and to four that joined. */
const DIALS_PER_PEER_MAX = 11 + 4 * 3 + 4;
/** Of all together, as a share of the peers that live, while nobody can be reached: one in each round of 5 s in the mean, and some play. */
const OUTAGE_DIALS_SHARE_MAX = 1.1 / 5;

export interface MembershipOptions {
  readonly peers: number;
  readonly seed: number;
  /** How many of a hundred peers cannot be dialled. */
  readonly unreachable: number;
  readonly progress?: Progress;
}

interface Shape {
  readonly alive: number;
  readonly parts: number;
  readonly oneSided: number;
  readonly active: readonly number[];
  readonly passive: readonly number[];
}

interface Phase {
  readonly name: string;
  readonly shape: Shape;
  readonly tookMs: number | undefined;
  /** Of all peers, by the second of the phase. */
  readonly dials: Series["points"];
  readonly perPeerMax: number;
  readonly perSecondMax: number;
  /** Of all peers, per second, once the pace has settled; undefined where there is no such time. */
  readonly settledPerSecond: number | undefined;
}

export function runMembership(options: MembershipOptions): Result {
  const { peers: count, seed, unreachable, progress = silent } = options;
  const random = seededRandom(seed);
  const mesh = new DialledMesh(random);
  const phases: Phase[] = [];
  progress.say(`${count} peers join through one address`);
  mesh.start(0, { peers: [], reachable: true });
  for (let index = 1; index < count; index++) {
    const reachable = random() * 100 >= unreachable;
    mesh.time.at(random() * START_SPREAD_MS, () => void mesh.start(index, { peers: [urlOf(0)], reachable }));
  }
  mesh.run(START_SPREAD_MS);
  phases.push(watch(mesh, "all join through one address", JOIN_MS, progress));
  phases.push(watch(mesh, "a minute later", LATER_MS, progress));
  const alone = aloneIn(mesh);

  progress.say("three of ten are killed");
  const victims = mesh.peers.filter(() => random() < KILLED_SHARE);
  mesh.clearDials();
  mesh.kill(victims);
  phases.push(watch(mesh, "30 % killed at once", RECOVERY_MS, progress));
  for (const outageMs of OUTAGES_MS) phases.push(...outage(mesh, outageMs, progress));
  return describe(options, phases, alone);
}

function outage(mesh: DialledMesh, outageMs: number, progress: Progress): Phase[] {
  const words = outageMs < 120_000 ? `${outageMs / 1_000} s` : `${outageMs / 60_000} min`;
  progress.say(`no network for ${words}`);
  mesh.clearDials();
  mesh.down = true;
  mesh.run(outageMs);
  const during = phaseOf(mesh, `no network for ${words}`, undefined, SETTLED_MS);
  mesh.clearDials();
  mesh.down = false;
  return [during, watch(mesh, `after ${words} without`, RECOVERY_MS, progress)];
}

/** Runs so long, and notes when everybody is in one part and each has links enough. */
function watch(mesh: DialledMesh, name: string, ms: number, progress: Progress): Phase {
  let tookMs: number | undefined;
  for (let passed = 0; passed < ms; passed += LOOK_MS) {
    mesh.run(LOOK_MS);
    progress.at(passed, ms, name);
    const whole = partsOf(mesh) === 1;
    if (!whole) tookMs = undefined;
    else tookMs ??= passed + LOOK_MS;
  }
  return phaseOf(mesh, name, tookMs, undefined);
}

function phaseOf(mesh: DialledMesh, name: string, tookMs: number | undefined, settledMs: number | undefined): Phase {
  const seconds = [...mesh.dials.bySecond].sort(([a], [b]) => a - b);
  const first = seconds[0]?.[0] ?? 0;
  const settled = settledMs === undefined ? [] : seconds.filter(([second]) => second >= first + settledMs / 1_000);
  const span = settled.length === 0 ? 1 : settled.at(-1)![0] - settled[0]![0] + 1;
  const phase: Phase = {
    name,
    shape: shapeOf(mesh),
    tookMs,
    dials: seconds.map(([second, dials]) => [second - first, dials] as const),
    perPeerMax: mesh.dials.perPeerMax,
    perSecondMax: Math.max(0, ...seconds.map(([, dials]) => dials)),
    settledPerSecond: settledMs === undefined ? undefined : settled.reduce((sum, [, dials]) => sum + dials, 0) / span,
  };
  mesh.clearDials();
  return phase;
}

function shapeOf(mesh: DialledMesh): Shape {
  const alive = mesh.peers.filter((peer) => peer.alive);
  // What is under way at this moment is not one-sided: it is looked at again.
  const found = oneSidedOf(alive);
  mesh.run(SETTLE_MS);
  const oneSided = oneSidedOf(alive).filter((pair) => found.includes(pair)).length;
  const views = alive.map(({ replica }) => replica.status(STARTED_AT + mesh.time.now).membership);
  return {
    alive: alive.length,
    parts: partsOf(mesh),
    oneSided,
    active: alive.map((peer) => new Set(peer.open.values()).size),
    passive: views.map(({ passive }) => passive),
  };
}

function oneSidedOf(peers: readonly DialledPeer[]): string[] {
  return peers.flatMap((peer) =>
    [...peer.open].flatMap(([link, other]) => (isOpen(other, peer) ? [] : `${peer.index} ${link}`)),
  );
}

function isOpen(peer: DialledPeer, to: DialledPeer): boolean {
  for (const other of peer.open.values()) if (other === to) return true;
  return false;
}

/** Into how many parts the links that both ends hold for open divide those that live. */
function partsOf(mesh: DialledMesh): number {
  const left = new Set(mesh.peers.filter((peer) => peer.alive));
  let parts = 0;
  for (const first of left) {
    parts++;
    left.delete(first);
    const reached = [first];
    for (let peer = reached.pop(); peer !== undefined; peer = reached.pop()) {
      for (const other of peer.open.values()) if (isOpen(other, peer) && left.delete(other)) reached.push(other);
    }
  }
  return parts;
}

/** Peers without any link. */
function aloneIn(mesh: DialledMesh): number {
  return mesh.peers.filter(({ alive, open }) => alive && open.size === 0).length;
}

function describe(options: MembershipOptions, phases: readonly Phase[], alone: number): Result {
  const { peers, seed, unreachable } = options;
  return {
    workload: "membership",
    summary: `${peers} simulated peers, ${unreachable} % of which cannot be dialled, find each other from one address; links of 10 to 90 ms`,
    method: [
      "Every peer is a replica of the production engine, in simulated time; the network carries their frames and dials, and loses all of them in an outage.",
      "Peers are in one part when links that both ends hold for open lead from each to each; that is looked at every 250 ms, and `connected after` is the time after which it held to the end of the phase.",
      "All start within 5 s with the address of the first. Then three of ten are killed, and the network is gone for a minute and for ten. A dial is an attempt to connect, whatever comes of it; settled is the pace from 30 s on.",
    ],
    options: { peers, seed, unreachable },
    tables: [
      {
        title: "Views",
        head: ["phase", "peers", "parts", "one-sided", "links min/mean/max", "above 6", "passive min/mean/max"],
        rows: phases.map(({ name, shape }): Cell[] => [
          ...[name, shape.alive, shape.parts, shape.oneSided],
          ...[range(shape.active), above(shape), range(shape.passive)],
        ]),
      },
      {
        title: "Dials",
        head: [
          "phase",
          "connected after",
          "per peer in one second",
          "of all, busiest second",
          "of all per second, settled",
        ],
        rows: phases.map(({ name, tookMs, perPeerMax, perSecondMax, settledPerSecond }): Cell[] => [
          name,
          tookMs === undefined ? "" : `${(tookMs / 1_000).toFixed(1)} s`,
          ...[perPeerMax, perSecondMax, settledPerSecond === undefined ? "" : settledPerSecond.toFixed(1)],
        ]),
      },
    ],
    checks: checksOf(phases, alone),
    series: phases.map(({ name, dials }) => ({ name, x: "seconds", y: "dials per second", points: dials })),
  };
}

/** Peers that have more links than their view should hold. */
function above({ active }: Shape): number {
  return active.filter((links) => links > ACTIVE_WANTED).length;
}

function checksOf(phases: readonly Phase[], alone: number): Check[] {
  const joined = phases[1]!;
  const killed = phases[2]!;
  const outages = phases.filter(({ settledPerSecond }) => settledPerSecond !== undefined);
  const healed = phases.filter(({ name }) => name.startsWith("after "));
  const perPeer = Math.max(...phases.map(({ perPeerMax }) => perPeerMax));
  const settled = Math.max(...outages.map(({ settledPerSecond }) => settledPerSecond ?? 0));
  const calm = [joined, ...healed].map(({ shape }) => shape);
  const most = Math.max(...calm.flatMap(({ active }) => active));
  const share = Math.max(...calm.map((shape) => above(shape) / shape.alive));
  const alive = killed.shape.alive;
  const seconds = (ms: number | undefined): string => (ms === undefined ? "never" : `${(ms / 1_000).toFixed(1)} s`);
  const worst = healed.map(({ tookMs }) => tookMs ?? Number.POSITIVE_INFINITY).sort((a, b) => b - a)[0]!;
  return [
    check("everybody is joined to everybody", joined.shape.parts === 1 && alone === 0, `${joined.shape.parts} part`),
    check("a link is in both views or in none", joined.shape.oneSided === 0, `${joined.shape.oneSided} one-sided`),
    check(
      `of a hundred views ${100 - 100 * ABOVE_WANTED_SHARE} hold at most ${ACTIVE_WANTED} links, and none more than ${ACTIVE_MAX}`,
      most <= ACTIVE_MAX && share <= ABOVE_WANTED_SHARE,
      `${(100 * share).toFixed(1)} % hold more, at most ${most}, after the join and 45 s after an outage`,
    ),
    check(
      "all are joined within 10 s of the last start, through one address",
      (phases[0]!.tookMs ?? Number.POSITIVE_INFINITY) <= RECOVERED_WITHIN_MS,
      seconds(phases[0]!.tookMs),
    ),
    check(
      "after 30 % died, one part again within 10 s",
      killed.tookMs !== undefined && killed.tookMs <= RECOVERED_WITHIN_MS,
      seconds(killed.tookMs),
    ),
    check("after an outage, one part again within 30 s", worst <= HEALED_WITHIN_MS, seconds(worst)),
    check(
      "no peer ever dials in a storm",
      perPeer <= DIALS_PER_PEER_MAX,
      `at most ${perPeer} dials in a second, allowed ${DIALS_PER_PEER_MAX}`,
    ),
    check(
      "nor do all together while nobody can be reached",
      settled <= alive * OUTAGE_DIALS_SHARE_MAX,
      `${settled.toFixed(0)} dials a second of ${alive} peers, allowed ${(alive * OUTAGE_DIALS_SHARE_MAX).toFixed(0)}`,
    ),
  ];
}

function check(name: string, good: boolean, found: string): Check {
  return { name, good, found };
}

function range(values: readonly number[]): string {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return `${Math.min(...values)} / ${mean.toFixed(1)} / ${Math.max(...values)}`;
}
