import { expect, it } from "vitest";
import { runGossip } from "../src/gossip.ts";

it("[GOS11, GOS14] in a mesh of ten an update is sent nine times, and with loss none is missing, the same in each run", async () => {
  const run = () => runGossip({ peers: [10], seconds: 1, seed: 3 });
  const result = await run();
  expect(result.checks.filter(({ good }) => !good)).toEqual([]);
  const [table] = result.tables;
  const column = (head: string): unknown[] => table!.rows.map((row) => row[table!.head.indexOf(head)]);
  expect(column("payload sends")[0]).toBe(9);
  expect(column("GRAFT")[0]).toBe(0);
  expect(column("GRAFT")[1]).toBeGreaterThan(0);
  const wall = table!.head.indexOf("wall s");
  const rows = table!.rows.map((row) => row.filter((_, at) => at !== wall));
  expect((await run()).tables[0]!.rows.map((row) => row.filter((_, at) => at !== wall))).toEqual(rows);
});
