/** What will happen in a storm, drawn from a seed before it begins: the same seed and size give the same plan. */
import type { PeerIndex } from "./faults.ts";

export const FAULT_KINDS = [
  "delay",
  "stall",
  "half-close",
  "mid-frame reset",
  "blackhole",
  "one-way blackhole",
  "island",
  "outage",
  "kill -9",
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface PlannedFault {
  readonly atMs: number;
  readonly kind: FaultKind;
  /** The peer that is hit, or the writer's side of the link. */
  readonly from: PeerIndex;
  /** The other end of the link; a random other peer where the kind is about one peer or all. */
  readonly to: PeerIndex;
  /** How long it lasts; 0 for what happens in a moment. */
  readonly forMs: number;
  /** Of a delay, milliseconds; of a cut, the share of the write that passes. */
  readonly amount: number;
}

export interface PlanOptions {
  readonly peers: number;
  readonly durationMs: number;
  /** Mean time between two faults of links. */
  readonly everyMs: number;
  readonly killEveryMs: number;
  readonly random: () => number;
}

/** How often each kind of the links' faults is drawn, in parts of their sum, and how long it lasts. */
const LINK_FAULTS: readonly { kind: FaultKind; weight: number; forMs: readonly [number, number] }[] = [
  { kind: "delay", weight: 5, forMs: [2_000, 15_000] },
  { kind: "stall", weight: 4, forMs: [500, 12_000] },
  { kind: "half-close", weight: 3, forMs: [0, 0] },
  { kind: "mid-frame reset", weight: 4, forMs: [0, 0] },
  { kind: "blackhole", weight: 4, forMs: [1_000, 25_000] },
  { kind: "one-way blackhole", weight: 4, forMs: [1_000, 25_000] },
  { kind: "island", weight: 1, forMs: [3_000, 20_000] },
];
const DELAY_MS = [5, 400] as const;
const DOWN_MS = [0, 6_000] as const;
/** All links at once, refused for a while: what a reconnect storm would follow. At these shares of the storm. */
const OUTAGES = [1 / 3, 2 / 3] as const;
const OUTAGE_MS = 4_000;
/** No fault of a link lasts longer than this share of the whole storm. */
const SHARE_MAX = 1 / 4;

/** Peers that are never killed, so that their memory can be watched from the beginning to the end: the first third. */
export function survivorsOf(peers: number): number {
  return Math.max(1, Math.floor(peers / 3));
}

/** All faults in the order in which they begin; every one of them has ended at `durationMs`. */
export function planStorm({ peers, durationMs, everyMs, killEveryMs, random }: PlanOptions): PlannedFault[] {
  const plan: PlannedFault[] = [];
  const between = ([low, high]: readonly [number, number]) => low + random() * (high - low);
  const pair = (): [PeerIndex, PeerIndex] => {
    const from = Math.floor(random() * peers);
    return [from, (from + 1 + Math.floor(random() * (peers - 1))) % peers];
  };
  const add = (fault: PlannedFault) => plan.push({ ...fault, forMs: Math.min(fault.forMs, durationMs - fault.atMs) });
  for (const atMs of moments(durationMs, everyMs, random)) {
    const { kind, forMs } = drawn(random());
    const [from, to] = pair();
    const amount = kind === "delay" ? Math.round(between(DELAY_MS)) : random();
    add({ atMs, kind, from, to, forMs: Math.min(Math.round(between(forMs)), durationMs * SHARE_MAX), amount });
  }
  const survivors = survivorsOf(peers);
  for (const atMs of moments(durationMs, killEveryMs, random)) {
    const from = survivors + Math.floor(random() * (peers - survivors));
    add({ atMs, kind: "kill -9", from, to: (from + 1) % peers, forMs: Math.round(between(DOWN_MS)), amount: 0 });
  }
  for (const share of OUTAGES) {
    add({ atMs: Math.round(share * durationMs), kind: "outage", from: 0, to: 1, forMs: OUTAGE_MS, amount: 0 });
  }
  return plan.sort((a, b) => a.atMs - b.atMs);
}

/** Moments with random distances of half to one and a half times the mean. */
function moments(durationMs: number, everyMs: number, random: () => number): number[] {
  const found: number[] = [];
  for (let atMs = everyMs * random(); atMs < durationMs; atMs += everyMs * (0.5 + random())) {
    found.push(Math.round(atMs));
  }
  return found;
}

function drawn(at: number): (typeof LINK_FAULTS)[number] {
  let left = at * LINK_FAULTS.reduce((sum, { weight }) => sum + weight, 0);
  return LINK_FAULTS.find(({ weight }) => (left -= weight) < 0) ?? LINK_FAULTS[0]!;
}
