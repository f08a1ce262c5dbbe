/** What goes wrong on single connections with `--severe`: they break in the middle of a frame, one end does not learn that they ended, one end stops reading. */
import type { Cluster } from "./cluster.ts";
import type { Connection } from "./network.ts";
import type { Random } from "./random.ts";

/** How often per hour. */
const HALF_OPEN = 8;
const MID_FRAME_CUTS = 12;
const SLOW_LINKS = 6;

export interface Plans {
  /** So many times, at random. */
  readonly plan: (count: number, action: () => void) => void;
  readonly after: (ms: number, action: () => void) => void;
}

export function planLinkFaults(cluster: Cluster, random: Random, { plan, after }: Plans): void {
  const { network, counters } = cluster;
  const link = (): Connection | undefined =>
    random.pickOrNone(network.all().filter((each) => each.betweenPeers && each.open));
  plan(HALF_OPEN, () => {
    const connection = random.chance(0.7) ? link() : random.pickOrNone(network.all().filter(({ open }) => open));
    if (connection === undefined) return;
    counters.halfOpenConnections++;
    connection.break(random.chance(0.5) ? 0 : 1);
  });
  plan(MID_FRAME_CUTS, () => link()?.breakInNextFrame());
  plan(SLOW_LINKS, () => {
    const connection = link();
    if (connection === undefined) return;
    counters.slowLinks++;
    const side = random.chance(0.5) ? 0 : 1;
    connection.setReading(side, false);
    after(random.between(1_000, 30_000), () => connection.setReading(side, true));
  });
}
