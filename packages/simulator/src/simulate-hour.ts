/**
 * One simulated hour of a cluster, from its seed: people write while things go wrong, then everything is healed, and then every
 * promise is checked. The same seed gives the same hour, down to the last byte.
 */
import type { Role } from "@yarrow/protocol";
import type { CopiesPolicy, ReplicaConfig } from "@yarrow/replica";
import { checkBounds } from "./checkers/bounds.ts";
import { checkRest } from "./checkers/rest.ts";
import { LAG_MAX_MS } from "./checkers/timeliness.ts";
import { Cluster } from "./cluster.ts";
import { shortfalls } from "./counters.ts";
import type { Counters } from "./counters.ts";
import { checkDisk, checkEnd, scrub, settle, settleAlongRules } from "./ending.ts";
import { Faults } from "./faults.ts";
import { Hostile } from "./hostile.ts";
import type { Random } from "./random.ts";
import { Random as Generator } from "./random.ts";
import { RoleChanges } from "./role-changes.ts";
import { Spells } from "./spells.ts";
import { violated } from "./witness.ts";
import { Workload } from "./workload.ts";

export interface HourOptions {
  readonly seed: number;
  /** 3 to 5, drawn from the seed, when undefined. */
  readonly peers?: number | undefined;
  /** With faults that only every third hour has: see docs/decisions/0015. Where the seed divides by three when undefined. */
  readonly severe?: boolean | undefined;
  readonly print?: ((line: string) => void) | undefined;
  /** Simulated milliseconds; an hour when undefined. Shorter runs are not held to what an hour must hold. */
  readonly lengthMs?: number | undefined;
  /** Told in the end, broken promise or not, how much simulated time has passed. */
  readonly reached?: ((ms: number) => void) | undefined;
}

export interface HourReport {
  readonly seed: number;
  readonly counters: Counters;
  /** 16 hex digits over everything that happened. */
  readonly hash: string;
}

const HOUR_MS = 3_600_000;
const CHECKPOINT_MS = 300_000;
const BOUNDS_MS = 30_000;
/** Of severe hours. */
const HOSTILE_SHARE = 0.5;
/** Beats tell followers their lag and change nothing else; as many as there are in life would be most of the hour. */
const BEAT_MS = 5_000;
/** What comes round though nothing has happened comes half as often, so that it is also seen to be needed no more often. */
const SELDOM: Partial<ReplicaConfig> = {
  digestIntervalMs: 30_000,
  interestRenewalMs: 30_000,
  interestIdleMs: 90_000,
  addressExchangeMs: 60_000,
  shuffleMs: 60_000,
};

/** Runs the hour. Throws {@link Violation} when a promise is broken, and whatever a peer throws. */
export function simulateHour(options: HourOptions): HourReport {
  const { seed, print, lengthMs = HOUR_MS } = options;
  const draw = new Generator(seed, 1);
  const cluster = new Cluster({
    seed,
    adversarial: draw.chance(0.3),
    replicaConfig: { ...drawConfig(draw), ...drawGossip(new Generator(seed, 4)), beatIntervalMs: BEAT_MS },
    linkBudgetBytes: draw.pick([512, 4_096, 4_096, 1_048_576]),
    print,
    severe: options.severe ?? seed % 3 === 0,
  });
  let kind = { followers: false, hostile: false };
  try {
    kind = runHour(cluster, draw, options);
  } finally {
    options.reached?.(cluster.timeline.now);
  }
  if (lengthMs >= HOUR_MS) {
    const short = shortfalls(cluster.counters, { ...kind, severe: cluster.severe });
    if (short.length > 0) violated("hardness", short.join("; "));
  }
  return { seed, counters: cluster.counters, hash: cluster.trace.hash };
}

/** Returns who was there besides writers. */
function runHour(
  cluster: Cluster,
  draw: Random,
  { seed, peers, lengthMs = HOUR_MS }: HourOptions,
): { readonly followers: boolean; readonly hostile: boolean } {
  const drawRoles = new Generator(seed, 3);
  const roles = rolesOf(drawRoles, peers ?? draw.pick([3, 3, 3, 3, 4, 5]));
  addPeers(cluster, roles, { draw, drawCopies: new Generator(seed, 2), drawRoles });
  const changes = roles.includes("follower") ? new RoleChanges(cluster, drawRoles.fork(), lengthMs) : undefined;
  const spells = new Spells(new Generator(seed, 5), lengthMs);
  const workload = new Workload(cluster, spells, lengthMs);
  const faults = new Faults(cluster, spells, lengthMs);
  const drawHostile = new Generator(seed, 6);
  const hostile =
    cluster.severe && drawHostile.chance(HOSTILE_SHARE) ? new Hostile(cluster, drawHostile, lengthMs) : undefined;
  every(cluster, CHECKPOINT_MS, lengthMs, () => checkpoint(cluster));
  every(cluster, BOUNDS_MS, lengthMs, () => {
    for (const peer of cluster.peers) checkBounds(peer);
  });
  every(cluster, LAG_MAX_MS, lengthMs, () => {
    cluster.timeliness.check();
    cluster.timeliness.expect(cluster.browsers);
  });
  cluster.run(lengthMs);
  workload.stop();
  faults.stop();
  changes?.stop();
  hostile?.stop();
  scrub(cluster);
  if (changes !== undefined) {
    settleAlongRules(cluster);
    changes.promoteAll();
  }
  settle(cluster);
  checkEnd(cluster);
  checkRest(cluster);
  cluster.network.traffic.checkBudget(cluster.peers.length, cluster.counters.writes, cluster.timeline.now);
  return { followers: changes !== undefined, hostile: hostile !== undefined };
}

/** Small limits, so that an hour reaches them. */
export function drawConfig(draw: Random): Partial<ReplicaConfig> {
  return {
    pendingBytesMax: draw.pick([2_048, 65_536, 1_048_576]),
    entryCacheBytesMax: draw.pick([32_768, 131_072, 1_048_576, 1_048_576]),
    answerCacheBytesMax: draw.pick([0, 16_384, 1_048_576]),
    inlineWorkBytes: draw.pick([256, 4_096, 65_536]),
    workInFlightMax: draw.between(1, 4),
    checkpointBytes: draw.pick([128, 1_024, 4_096]),
    compactTailBytes: draw.pick([1_024, 8_192, 65_536]),
    historyMs: draw.pick([60_000, 600_000, 86_400_000]),
    leafDocumentsMax: draw.pick([2, 4, 32, 32]),
    nodesPerAskMax: draw.pick([1, 4, 4, 64, 64, 64]),
    roundsAtOnceMax: draw.between(1, 3),
    repairPushBytesMax: draw.pick([0, 4_096, 262_144]),
    seenWindowMax: draw.pick([8, 1_024]),
    ...draw.pick([{}, { pingIntervalMs: 12_000, linkSilentMs: 36_000 }]),
  };
}

/** Trees that are mended late, or not by grafts at all, so that what is behind them has to bear it. */
function drawGossip(draw: Random): Partial<ReplicaConfig> {
  return {
    haveIntervalMs: draw.pick([10, 100, 2_000]),
    graftWaitMs: draw.pick([20, 250, 2_000]),
    graftsMax: draw.pick([0, 1, 8]),
    pruneIntervalMs: draw.pick([0, 1_000, 5_000]),
    wantedMax: draw.pick([0, 2, 4_096]),
    payloadsMs: draw.pick([1, 200, 30_000]),
    payloadsBytesMax: draw.pick([0, 1_000, 16_777_216]),
    ...draw.pick([{}, SELDOM, SELDOM]),
  };
}

/** Everybody knows everybody, or everybody knows the first, or a line in which nobody learns of others. */
function addPeers(
  cluster: Cluster,
  roles: readonly Role[],
  { draw, drawCopies, drawRoles }: { readonly draw: Random; readonly drawCopies: Random; readonly drawRoles: Random },
): void {
  const count = roles.length;
  const url = (index: number): string => `ws://peer-${index}:1`;
  const drawn = draw.pick(["mesh", "mesh", "first", "line"]);
  const shape = roles.includes("follower") ? drawRoles.pick(["mesh", "first", "line", "line"]) : drawn;
  const unsynced = draw.between(0, Math.round(count * 1.3));
  for (const [index, role] of roles.entries()) {
    const mesh = Array.from({ length: count }, (_, other) => url(other)).filter((_, other) => other !== index);
    const peers = shape === "mesh" ? mesh : index === 0 ? [] : [url(shape === "first" ? 0 : index - 1)];
    const durability = index === unsynced ? "normal" : "full";
    const copies = drawPolicy(drawCopies);
    const discovery = shape !== "line";
    cluster.addPeer({ peers, discovery, durability, role, ...(copies === undefined ? {} : { copies }) });
  }
}

/** Writers alone, one writer that everybody else follows, or some of each; the first always writes. */
function rolesOf(draw: Random, count: number): Role[] {
  const kind = draw.pick(["writers", "writers", "primary", "primary", "mixed"]);
  return Array.from({ length: count }, (_, index) =>
    index === 0 || kind === "writers" || (kind === "mixed" && draw.chance(0.5)) ? "writer" : "follower",
  );
}

/** Some peers acknowledge nothing that is not on another disk as well. */
function drawPolicy(draw: Random): CopiesPolicy | undefined {
  if (draw.chance(0.6)) return undefined;
  return { copies: 1, whenMissing: draw.pick(["wait", "degrade"]), timeoutMs: draw.pick([200, 2_000, 10_000]) };
}

function every(cluster: Cluster, ms: number, untilMs: number, action: () => void): void {
  for (let time = ms; time < untilMs; time += ms) cluster.timeline.at(time, action);
}

function checkpoint(cluster: Cluster): void {
  cluster.counters.checkpoints++;
  for (const peer of cluster.peers) {
    // What was spoiled shows only when it is read.
    if (peer.disk.spoiled.size === 0) checkDisk(cluster, peer);
  }
}
