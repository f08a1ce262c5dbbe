/** What `npm run simulate` is told on its command line. */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";

/** Each run begins with a small cluster and ends with every check; in between, so many backups are restored into it. */
const CYCLES_PER_RUN = 5;

export const USAGE = `Simulates hours of a cluster under faults, and checks every promise.

  npm run simulate -- --hours 10 --seed 1     ten hours, seeds 1 to 10
  npm run simulate -- --seed 7 --trace        one hour, every event on a line of its own
  npm run simulate -- --planted               bugs planted in the production code, each of which a checker must find
  npm run simulate -- --backups 1000          backups of small clusters, restored as new peers that join

  --hours N   how many hours (1)
  --seed S    the first seed (1)
  --peers P   peers in the cluster (3 to 5, drawn from the seed)
  --backups N runs of minutes instead of hours, with ${CYCLES_PER_RUN} backups each
  --severe    all hours with half-open links, leaping clocks, storms, a hostile peer; otherwise every third
  --planted   plants each bug of a list and runs seeds until it is found; --only A,B for some
  --workers N threads at once (one for each processor)
  --trace     prints what happens; one run only`;

export interface Options {
  /** Hours, or runs with backups. */
  readonly hours: number;
  readonly seed: number;
  readonly peers: number | undefined;
  /** Of one run; undefined for hours. */
  readonly backups: number | undefined;
  /** Undefined where it was not asked for. */
  readonly severe: true | undefined;
  readonly planted: boolean;
  /** Part of the names of the planted bugs that are meant. */
  readonly only: string;
  readonly workers: number;
  readonly trace: boolean;
}

/** Undefined when it makes no sense. */
export function readOptions(): Options | undefined {
  try {
    const { values } = parseArgs({
      options: {
        hours: { type: "string", default: "1" },
        seed: { type: "string", default: "1" },
        peers: { type: "string" },
        backups: { type: "string" },
        severe: { type: "boolean", default: false },
        planted: { type: "boolean", default: false },
        only: { type: "string", default: "" },
        workers: { type: "string", default: String(availableParallelism()) },
        trace: { type: "boolean", default: false },
      },
    });
    const { planted, only, trace } = values;
    const severe = values.severe || undefined;
    const hours = Number(values.hours);
    const seed = Number(values.seed);
    const workers = Number(values.workers);
    const peers = values.peers === undefined ? undefined : Number(values.peers);
    const total = values.backups === undefined ? undefined : Number(values.backups);
    const sound = [hours, seed, workers, peers ?? 2, total ?? 1].every(
      (count) => Number.isInteger(count) && count >= 0,
    );
    if (!sound || hours < 1 || workers < 1 || total === 0 || (peers !== undefined && peers < 2)) return undefined;
    const common = { seed, peers, severe, planted, only, workers, trace };
    if (total === undefined) return { ...common, hours, backups: undefined };
    return { ...common, hours: Math.ceil(total / CYCLES_PER_RUN), backups: CYCLES_PER_RUN };
  } catch {
    return undefined;
  }
}
