/** `npm run bench -- <command>`: every workload by its name. Exit codes: 0 good, 1 a promise was not kept, 2 usage or not possible here. */
import { join } from "node:path";
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { runBackup } from "./backup.ts";
import { chaosResult, runChaos } from "./chaos.ts";
import { runDocuments } from "./documents.ts";
import { failoverResult, runFailover } from "./failover.ts";
import { type FanoutOptions, runFanout } from "./fanout.ts";
import { runLag } from "./lag.ts";
import { runFolders } from "./folders.ts";
import { runFollowers } from "./followers.ts";
import { runGossip } from "./gossip.ts";
import { runHistory } from "./history.ts";
import { type IngestOptions, runIngest } from "./ingest.ts";
import { describeMachine } from "./machine.ts";
import { runMembership } from "./membership.ts";
import { runOrder } from "./order.ts";
import { assertBuilt, endAllProcesses } from "./processes.ts";
import { type Progress, makeProgress } from "./progress.ts";
import { JUDGED, SMALL } from "./judged.ts";
import { type MeshRunOptions, runMesh } from "./run-mesh.ts";
import { placesIn, writeReport } from "./report.ts";
import { type QueryRunOptions, runQueries } from "./query.ts";
import { type Result, isGood, publish } from "./results.ts";
import { runGrowth } from "./growth.ts";
import { runSimulation } from "./simulation.ts";
import { type SizeOptions, runSize } from "./size/size.ts";
import { stormResult } from "./storm/judge.ts";
import { runStorm } from "./storm/storm.ts";
import { readTrace } from "./trace-format.ts";
import { runTrace } from "./trace.ts";

const EXAMPLES = `
Examples:
  npm run bench -- trace path/to/friendsforever.json.gz
  npm run bench -- chaos --kills 200 --seed 7
  npm run bench -- failover --kills 200 --copies 2
  npm run bench -- fanout --runs 5 --json apps/bench/results/fanout.json
  npm run bench -- mesh --missing --cache /var/tmp/folders
  npm run bench -- all --quick

Every command starts its own servers on loopback, in temporary folders, and ends them. Run one at a time: two of them
on one machine measure each other.`;

/** Set by `all --results`. */
let resultsFolder: string | undefined;

const program = new Command("bench")
  .description("Workloads that show whether Yarrow keeps its promises, and how it compares.")
  .option("--json <file>", "also write the result, with machine, versions and commit, as JSON")
  .addHelpText("after", EXAMPLES)
  .showHelpAfterError()
  .exitOverride();

program
  .command("trace <file>")
  .description("replay a recorded trace through three peers in a line, with a late fourth")
  .option("--random-ids", "random client ids: the same text everywhere, but not the recorded one")
  .action(async (file: string, options: { randomIds?: boolean }) => {
    const trace = await readTrace(file);
    await conclude("trace", (progress) => runTrace({ trace, randomIds: options.randomIds ?? false, progress }));
  });

program
  .command("chaos")
  .description("kill -9 peers under eight writing clients; nothing that anyone was shown may be missing")
  .option("--kills <n>", "number of kills", count, 200)
  .option("--every <ms>", "time between two kills", count, 300)
  .option("--clients <n>", "stock clients", count, 8)
  .option("--peers <n>", "peers in the mesh", count, 3)
  .option("--seed <n>", "plan of the kills; random when not given", count)
  .action(async (chosen: { kills: number; every: number; clients: number; peers: number; seed?: number }) => {
    const { every: everyMs, ...rest } = chosen;
    await conclude("chaos", async (progress) => {
      const options = { ...rest, everyMs, progress };
      return chaosResult(await runChaos(options), options);
    });
  });

program
  .command("failover")
  .description("kill -9 a primary after an acknowledgement, take its disk away, promote a follower")
  .option("--kills <n>", "number of kills", count, 200)
  .option("--copies <n>", "other peers that must have an edit before it is acknowledged", count, 2)
  .option("--followers <n>", "followers of the primary", count, 2)
  .option("--seed <n>", "plan of the kills; random when not given", count)
  .action(async (chosen: { kills: number; copies: number; followers: number; seed?: number }) => {
    await conclude("failover", async (progress) => {
      const options = { ...chosen, progress };
      return failoverResult(await runFailover(options), options);
    });
  });

program
  .command("fanout")
  .description("one writer and many readers of one document, beside @y/websocket-server")
  .option("--readers <n>", "readers", count, 100)
  .option("--rate <n>", "updates per second", count, 200)
  .option("--seconds <n>", "length of one run", count, 10)
  .option("--runs <n>", "runs of each server, interleaved", count, 3)
  .option("--saturated", "as fast as the server takes it, instead of a rate")
  .option("--no-apart", "let server and clients share the processors")
  .action(async (chosen: FanoutOptions) => {
    await conclude("fanout", (progress) => runFanout({ ...chosen, progress }));
  });

program
  .command("ingest")
  .description("many documents with a writer each, saturated, beside @y/websocket-server")
  .option("--documents <n>", "documents", count, 100)
  .option("--seconds <n>", "length of one run", count, 10)
  .option("--runs <n>", "runs of each server, interleaved", count, 3)
  .option("--window <n>", "updates that a writer keeps without echo", count, 64)
  .option("--until-rest", "also bill what a server does after the writers stopped; takes minutes")
  .action(async ({ window: windowUpdates, ...chosen }: IngestOptions & { window: number }) => {
    await conclude("ingest", (progress) => runIngest({ ...chosen, windowUpdates, progress }));
  });

program
  .command("documents")
  .description("many small documents: memory, restart, and a new peer")
  .option("--count <n>", "documents", count, 10_000)
  .option("--settle <seconds>", "time between the last client's leaving and the measurement", count, 60)
  .action(async ({ count, settle: settleSeconds }: { count: number; settle: number }) => {
    await conclude("documents", (progress) => runDocuments({ count, settleSeconds, progress }));
  });

program
  .command("query")
  .description("queries on a follower while the primary is written to, by turns with and without")
  .option("--documents <n>", "documents", count, 100_000)
  .option("--seconds <n>", "length of one phase", count, 20)
  .option("--rounds <n>", "rounds of a phase without and one with queries", count, 3)
  .option("--per-second <n>", "writes per second", count, 500)
  .option("--queries-per-second <n>", "queries per second", count, 20)
  .action(async (chosen: QueryRunOptions) => {
    await conclude("query", (progress) => runQueries({ ...chosen, progress }));
  });

program
  .command("folders")
  .description("a copied data folder beside the first, and an old copy put back")
  .action(async () => {
    await conclude("folders", (progress) => runFolders({ progress }));
  });

program
  .command("backup")
  .description("a backup of a large replica under steady writing, restored and joined again")
  .option("--bytes <n>", "size of the replica", count, 1_000_000_000)
  .option("--rate <n>", "updates per second", count, 500)
  .option("--small", "20 MB: shows that it runs")
  .action(async ({ bytes, rate, small = false }: { bytes: number; rate: number; small?: boolean }) => {
    await conclude("backup", (progress) => runBackup({ bytes: small ? 20_000_000 : bytes, rate, progress }));
  });

program
  .command("followers")
  .description("a primary, two followers and a follower of one of them: arrival, and every door that must refuse")
  .option("--updates <n>", "updates to the primary", count, 10_000)
  .option("--small", "500 updates: shows that it runs")
  .action(async ({ updates, small = false }: { updates: number; small?: boolean }) => {
    await conclude("followers", (progress) => runFollowers({ updates: small ? 500 : updates, progress }));
  });

program
  .command("lag")
  .description(
    "a writer and four followers in a chain: commit to visible per hop, and whether what they say of their lag is true",
  )
  .option("--rate <n>", "updates per second", count, 100)
  .option("--seconds <n>", "length of the steady phase", count, 20)
  .option("--small", "2 seconds: shows that it runs")
  .action(async ({ rate, seconds, small = false }: { rate: number; seconds: number; small?: boolean }) => {
    await conclude("lag", (progress) => runLag({ rate, seconds: small ? 2 : seconds, progress }));
  });

program
  .command("gossip")
  .description("live push in a simulated mesh: its cost, its latency, with loss, and after many peers died")
  .option("--peers <list>", "sizes of the mesh", counts, [10, 100, 1_000])
  .option("--seconds <n>", "simulated seconds of each phase that are measured", count, 6)
  .option("--seed <n>", "links, losses and deaths", count, 1)
  .option("--small", "10 and 50 peers for 2 seconds: shows that it runs")
  .action(async ({ small = false, ...chosen }: { peers: number[]; seconds: number; seed: number; small?: boolean }) => {
    await conclude("gossip", (progress) => runGossip({ ...chosen, ...(small ? SMALL.gossip : {}), progress }), small);
  });

program
  .command("history")
  .description("random instants of a random workload, compared with what the peer served then")
  .option("--instants <n>", "instants to compare", count, 1_000)
  .option("--small", "40 instants: shows that it runs")
  .option("--seed <n>", "plan of the changes; random when not given", count)
  .action(async ({ instants, small = false, ...chosen }: { instants: number; small?: boolean; seed?: number }) => {
    await conclude("history", (progress) => runHistory({ ...chosen, instants: small ? 40 : instants, progress }));
  });

program
  .command("size")
  .description("a million documents: comparing and repairing two replicas, memory, start, and filling an empty peer")
  .option("--documents <n>", "documents of the two replicas", count, 1_000_000)
  .option("--streamed <n>", "documents that empty peers are filled with; a quarter when not given", count)
  .option("--cache <folder>", "keep the data folders it makes there, and use those of earlier runs")
  .option("--small", "20,000 documents: shows that it runs")
  .action(async ({ small = false, ...chosen }: SizeOptions & { small?: boolean }) => {
    await conclude("size", (progress) => runSize({ ...chosen, ...(small ? SMALL.size : {}), progress }), small);
  });

program
  .command("storm")
  .description("peers behind a proxy that delays, stalls, swallows, cuts and refuses, and kill -9, under stock clients")
  .option("--peers <n>", "peers, each with two clients", count, 12)
  .option("--minutes <n>", "length of the storm", positive, 10)
  .option("--rate <n>", "updates per second, of all clients together", count, 100)
  .option("--small", "5 peers, 1 minute: shows that it runs")
  .option("--seed <n>", "plan of the faults; random when not given", count)
  .action(async (chosen: { peers: number; minutes: number; rate: number; small?: boolean; seed?: number }) => {
    const { small = false, ...options } = chosen;
    const sizes = small ? SMALL.storm : {};
    const run = async (progress: Progress) => stormResult(await runStorm({ ...options, ...sizes, progress }));
    await conclude("storm", run, small);
  });

program
  .command("mesh")
  .description("every promise of a mesh, one workload after the other; writes results, tables and figures of the docs")
  .option("--small", "small sizes: shows that everything runs, and writes nothing unless --results says where")
  .option(
    "--results <folder>",
    "where results are written and looked for, with the report; apps/bench/results and docs when not given",
  )
  .option("--only <list>", `some of ${JUDGED.map(({ workload }) => workload).join(", ")}`, words)
  .option("--missing", "only what has no result in the folder yet: a long run in pieces")
  .option("--cache <folder>", "keep the data folders of many documents, and use those of earlier runs")
  .action(async (options: MeshRunOptions) => {
    assertBuilt();
    const { result, report } = await runMesh(options);
    await conclude("mesh", () => Promise.resolve(result));
    if (report !== undefined) process.stdout.write(`wrote ${report}\n`);
  });

program
  .command("membership")
  .description(
    "a thousand simulated peers join through one address, lose a third of themselves, and all of their network",
  )
  .option("--peers <n>", "peers", count, 1_000)
  .option("--unreachable <percent>", "of the peers, those that cannot be dialled", count, 10)
  .option("--seed <n>", "plan of the run", count, 1)
  .option("--small", "100 peers: shows that it runs")
  .action(
    async ({ small = false, ...chosen }: { peers: number; unreachable: number; seed: number; small?: boolean }) => {
      const options = small ? { ...chosen, ...SMALL.membership } : chosen;
      await conclude("membership", (progress) => Promise.resolve(runMembership({ ...options, progress })), small);
    },
  );

program
  .command("order")
  .description("trace a peer's system calls: the log is on disk before the echo leaves (needs strace)")
  .option("--writes <n>", "writes", count, 100)
  .action(async ({ writes }: { writes: number }) => {
    const conclusion = await conclude("order", (progress) => runOrder({ writes, progress }));
    if (conclusion !== undefined) return;
    process.stderr.write(
      "order: strace is missing, or may not trace here; nothing was proved. On Debian: apt-get install strace\n",
    );
    process.exitCode = 2;
  });

program
  .command("all")
  .description("every workload but the trace, one after the other")
  .option("--quick", "small sizes: shows that everything runs, measures nothing well")
  .option("--results <folder>", "write each result as JSON into this folder")
  .action(async ({ quick = false, results }: { quick?: boolean; results?: string }) => {
    resultsFolder = results;
    await runAll(quick);
  });

program
  .command("report")
  .description("write docs/BENCHMARKS.md from apps/bench/results, of whatever workloads there are results")
  .option("--results <folder>", "results of another folder; the report is written into it")
  .action(async ({ results }: { results?: string }) => {
    process.stdout.write(`wrote ${await writeReport(placesIn(results))}\n`);
  });

program
  .command("growth")
  .description("memory, start and disk of a peer at rest by the number of its documents")
  .option("--documents <list>", "numbers of documents", counts, [1, 100_000, 250_000, 500_000, 1_000_000])
  .option("--cache <folder>", "use the data folders that `size --cache` keeps")
  .option("--small", "1 and 20,000 documents: shows that it runs")
  .action(async ({ small = false, ...chosen }: { documents: number[]; cache?: string; small?: boolean }) => {
    const options = small ? { ...chosen, ...SMALL.growth } : chosen;
    await conclude("growth", (progress) => runGrowth({ ...options, progress }), small);
  });

program
  .command("simulation")
  .description("simulated cluster-hours under faults, as `npm run simulate` runs them, for the report")
  .option("--hours <n>", "hours", count, 1_000)
  .option("--severe-hours <n>", "hours with more faults", count, 100)
  .option("--seed <n>", "the first seed", count, 1)
  .option("--small", "an hour of each: shows that it runs")
  .action(
    async ({ small = false, ...chosen }: { hours: number; severeHours: number; seed: number; small?: boolean }) => {
      const options = small ? { ...chosen, ...SMALL.simulation } : chosen;
      await conclude("simulation", (progress) => runSimulation({ ...options, progress }), small);
    },
  );

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void endAllProcesses().finally(() => process.exit(130)));
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    process.stderr.write(`\nbench: ${error instanceof Error ? error.message : String(error)}\n`);
    if (error instanceof Error && error.cause instanceof Error)
      process.stderr.write(`  because: ${error.cause.message}\n`);
    process.exitCode = 1;
  }
} finally {
  await endAllProcesses();
}

async function runAll(quick: boolean): Promise<void> {
  const short = quick ? { seconds: 2, runs: 1 } : {};
  const chaos = { kills: quick ? 20 : 200 };
  await conclude("folders", (progress) => runFolders({ progress }));
  await conclude("backup", (progress) => runBackup({ bytes: quick ? 20_000_000 : 1_000_000_000, progress }));
  await conclude("followers", (progress) => runFollowers({ updates: quick ? 500 : 10_000, progress }));
  await conclude("lag", (progress) => runLag({ seconds: quick ? 2 : 20, progress }));
  await conclude("history", (progress) => runHistory({ instants: quick ? 40 : 1_000, progress }));
  await conclude("chaos", async (progress) => chaosResult(await runChaos({ ...chaos, progress }), chaos));
  const failover = { kills: quick ? 5 : 200, copies: 2 };
  await conclude("failover", async (progress) =>
    failoverResult(await runFailover({ ...failover, progress }), failover),
  );
  await conclude("fanout", (progress) => runFanout({ ...short, progress }));
  await conclude("fanout", (progress) => runFanout({ ...short, saturated: true, progress }));
  await conclude("ingest", (progress) => runIngest({ ...short, progress }));
  await conclude("documents", (progress) =>
    runDocuments({ ...(quick ? { count: 500, settleSeconds: 1 } : {}), progress }),
  );
  const order = await conclude("order", (progress) => runOrder({ progress }));
  if (order === undefined) process.stderr.write("order: left out, strace is missing or may not trace here\n");
}

/** Runs a workload, prints what it found, and lets the exit code say whether every promise was kept. */
async function conclude<T extends Result | undefined>(
  title: string,
  run: (progress: Progress) => Promise<T>,
  small = false,
): Promise<T> {
  assertBuilt();
  const machine = describeMachine();
  const progress = makeProgress(title);
  const result = await run(progress);
  progress.end();
  if (result === undefined) return result;
  const { json } = program.opts<{ json?: string }>();
  const marked = small ? { ...result, small } : result;
  await publish(marked, machine, resultsFolder === undefined ? json : join(resultsFolder, `${result.workload}.json`));
  if (!isGood(result)) process.exitCode = 1;
  return result;
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError("Give a number above 0.");
  return value;
}

function words(text: string): string[] {
  return text.split(",");
}

function counts(text: string): number[] {
  return text.split(",").map(count);
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError("Give a whole number, 0 or more.");
  return value;
}
