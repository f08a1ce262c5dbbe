/** What happened in a run. A run that was too kind proves nothing, so the least that must have happened stands here as well. */
import type { Fact } from "@yarrow/replica";

export interface Counters {
  writes: number;
  crashes: number;
  crashesWithEchoInFlight: number;
  transactionsLost: number;
  restarts: number;
  partitions: number;
  oneWayPartitions: number;
  halfOpenConnections: number;
  midFrameCuts: number;
  slowLinks: number;
  clockLeaps: number;
  hostileLies: number;
  deletions: number;
  recreations: number;
  storms: number;
  restores: number;
  clones: number;
  backups: number;
  backupsRestored: number;
  rollbacksTold: number;
  fullDisks: number;
  refusedForRoom: number;
  failedDisks: number;
  rowsSpoiled: number;
  documentsRepaired: number;
  pauses: number;
  slowReaders: number;
  congestedLinks: number;
  brokenConnections: number;
  framesDropped: number;
  framesDuplicated: number;
  framesReordered: number;
  tabsOpened: number;
  tabsTurnedAway: number;
  roundsThatRepaired: number;
  pendingResolved: number;
  steps: number;
  linkFrames: number;
  sessionFrames: number;
  commits: number;
  compactions: number;
  acknowledged: number;
  copiesReached: number;
  echoesWithCopies: number;
  copiesDegraded: number;
  checkpoints: number;
  roleChanges: number;
  failovers: number;
  tabsRefused: number;
  handlesRefused: number;
  deletionsRefused: number;
  writesRefused: number;
  followersAhead: number;
}

export function createCounters(): Counters {
  return {
    writes: 0,
    crashes: 0,
    crashesWithEchoInFlight: 0,
    transactionsLost: 0,
    restarts: 0,
    partitions: 0,
    oneWayPartitions: 0,
    halfOpenConnections: 0,
    midFrameCuts: 0,
    slowLinks: 0,
    clockLeaps: 0,
    hostileLies: 0,
    deletions: 0,
    recreations: 0,
    storms: 0,
    restores: 0,
    clones: 0,
    backups: 0,
    backupsRestored: 0,
    rollbacksTold: 0,
    fullDisks: 0,
    refusedForRoom: 0,
    failedDisks: 0,
    rowsSpoiled: 0,
    documentsRepaired: 0,
    pauses: 0,
    slowReaders: 0,
    congestedLinks: 0,
    brokenConnections: 0,
    framesDropped: 0,
    framesDuplicated: 0,
    framesReordered: 0,
    tabsOpened: 0,
    tabsTurnedAway: 0,
    roundsThatRepaired: 0,
    pendingResolved: 0,
    steps: 0,
    linkFrames: 0,
    sessionFrames: 0,
    commits: 0,
    compactions: 0,
    acknowledged: 0,
    copiesReached: 0,
    echoesWithCopies: 0,
    copiesDegraded: 0,
    checkpoints: 0,
    roleChanges: 0,
    failovers: 0,
    tabsRefused: 0,
    handlesRefused: 0,
    deletionsRefused: 0,
    writesRefused: 0,
    followersAhead: 0,
  };
}

/** The least that a simulated hour must hold. */
const HOUR_MIN: Partial<Counters> = {
  writes: 3_600,
  crashes: 20,
  partitions: 20,
  restores: 1,
  clones: 1,
  slowReaders: 4,
  pauses: 1,
  fullDisks: 1,
  failedDisks: 1,
  rowsSpoiled: 1,
  brokenConnections: 40,
  roundsThatRepaired: 1,
  tabsTurnedAway: 1,
  acknowledged: 1,
};
/** What an hour with followers must hold besides. */
const FOLLOWER_HOUR_MIN: Partial<Counters> = { roleChanges: 4 };
/** What a severe hour must hold besides. */
const SEVERE_HOUR_MIN: Partial<Counters> = {
  storms: 2,
  halfOpenConnections: 4,
  midFrameCuts: 6,
  slowLinks: 3,
  clockLeaps: 1,
};
/** What an hour with a hostile peer must hold besides. */
const HOSTILE_HOUR_MIN: Partial<Counters> = { hostileLies: 100 };
const DELETIONS_AND_RECREATIONS_MIN = 10;

/** What luck brings to an hour or does not. A run of so many hours must hold each of it as often as once in so many. */
const RARE_HOURS = 30;
const RARE = [
  "oneWayPartitions",
  "crashesWithEchoInFlight",
  "transactionsLost",
  "pendingResolved",
  "congestedLinks",
  "framesDropped",
  "framesDuplicated",
  "framesReordered",
  "refusedForRoom",
  "compactions",
  "copiesReached",
  "echoesWithCopies",
  "copiesDegraded",
  "failovers",
  "tabsRefused",
  "handlesRefused",
  "deletionsRefused",
  "writesRefused",
  "followersAhead",
] as const satisfies readonly (keyof Counters)[];

/** What an hour lacks; empty when it was hard enough. */
export function shortfalls(counters: Counters, { followers = false, severe = false, hostile = false } = {}): string[] {
  const short: string[] = [];
  const due = {
    ...HOUR_MIN,
    ...(followers ? FOLLOWER_HOUR_MIN : {}),
    ...(severe ? SEVERE_HOUR_MIN : {}),
    ...(hostile ? HOSTILE_HOUR_MIN : {}),
  };
  for (const [name, least] of Object.entries(due)) {
    const count = counters[name as keyof Counters];
    if (count < least) short.push(`${name}: ${count}, at least ${least} are due`);
  }
  const moves = counters.deletions + counters.recreations;
  if (moves < DELETIONS_AND_RECREATIONS_MIN) {
    short.push(`deletions and recreations: ${moves}, at least ${DELETIONS_AND_RECREATIONS_MIN} are due`);
  }
  return short;
}

/** What all hours of a run together lack; empty when it was hard enough, or too short to tell. */
export function shortfallsOfRun(total: Counters, hours: number): string[] {
  const least = Math.floor(hours / RARE_HOURS);
  return RARE.filter((name) => total[name] < least).map(
    (name) => `${name}: ${total[name]} in ${hours} hours, at least ${least} are due`,
  );
}

export function addCounters(total: Counters, hour: Counters): void {
  for (const name of Object.keys(total) as (keyof Counters)[]) total[name] += hour[name];
}

/** Counts what a peer tells of itself. */
export function countFact(counters: Counters, fact: Fact): void {
  if (fact.kind === "round-ended" && fact.documents > 0) counters.roundsThatRepaired++;
  else if (fact.kind === "copies-degraded") counters.copiesDegraded++;
  else if (fact.kind === "compacted") counters.compactions++;
  else if (fact.kind === "role") counters.roleChanges++;
  else if (fact.kind === "follower-ahead") counters.followersAhead++;
  else if (fact.kind === "rolled-back") counters.rollbacksTold++;
  else if (fact.kind === "commit-failed" && fact.code === "YARROW_STORE_FULL") counters.refusedForRoom++;
}
