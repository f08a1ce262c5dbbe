/** Peers that are backed up and restored as new ones, in a handful of clusters; `npm run simulate -- --backups 1000` runs many. */
import { expect, test } from "vitest";
import { simulateBackups } from "../src/simulate-backups.ts";

const RUNS = 2;
const CYCLES = 5;

test.each(Array.from({ length: RUNS }, (_, index) => index + 1))(
  "[BAK14] what backups of random moments are restored to joins and becomes equal, and nothing is lost but what no disk holds: seed %i",
  (seed) => {
    const { counters } = simulateBackups({ seed, cycles: CYCLES });
    expect(counters).toMatchObject({ backups: CYCLES, backupsRestored: CYCLES, rollbacksTold: 0 });
    expect(counters.writes).toBeGreaterThan(100);
  },
);
