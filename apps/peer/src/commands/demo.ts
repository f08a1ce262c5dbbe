/**
 * `yarrow demo`: a whole set of peers on this machine, and a page to see them work.
 */
import { YarrowError } from "@yarrow/core";
import { Option } from "commander";
import type { Command } from "commander";
import { DEMO_PEERS_MAX, DemoCluster, demoPorts } from "../demo/demo-cluster.ts";
import { formatWelcome } from "../demo/welcome.ts";
import type { PeerProcess } from "../demo/peer-process.ts";
import { PlaygroundServer } from "../demo/playground-server.ts";
import { EXIT_CODES } from "../exit-code.ts";
import type { ExitCode } from "../exit-code.ts";
import { onStopSignal } from "../signals.ts";
import { printJson, printLine } from "../stdout.ts";
import { paint } from "../terminal/paint.ts";
import { withSpinner } from "../terminal/spinner.ts";
import { wholeArgument } from "./options.ts";

interface DemoOptions {
  readonly peers: number;
  readonly data?: string;
  readonly port?: number;
  readonly json?: true;
}

const PLAYGROUND_PORT = 4300;
const PEERS = 3;

export function defineDemo(program: Command, end: (code: ExitCode) => void): void {
  program
    .command("demo")
    .summary("run several peers and the playground on this machine")
    .description(
      "Starts several peers as processes of their own, linked to each other, and a playground in the browser with an editor\n" +
        "on each of them. Ctrl-C ends everything.",
    )
    .addOption(new Option("--peers <number>", "how many peers").argParser(wholeArgument(1, DEMO_PEERS_MAX)).default(PEERS))
    .option("--data <dir>", "folder that is kept (default: a fresh one, removed at the end)")
    .addOption(
      new Option(
        "--port <number>",
        `port of the playground; peers take port + 21 and on, 0 takes free ones (default: ${PLAYGROUND_PORT}, or the next free one)`,
      ).argParser(wholeArgument(0, 65_000)),
    )
    .option("--json", "print one JSON line when everything is ready, instead of the overview")
    .addHelpText("after", examples)
    .action(async (options: DemoOptions) => end(await demo(options)));
}

const examples = `
Examples:
  yarrow demo
  yarrow demo --peers 5 --data ./demo`;

async function demo(options: DemoOptions): Promise<ExitCode> {
  const cluster = new DemoCluster({
    peers: options.peers,
    data: options.data,
    ports: demoPorts(options.port ?? PLAYGROUND_PORT),
  });
  const stop = onStopSignal(() => cluster.kill());
  let playground: PlaygroundServer | undefined;
  try {
    const started = withSpinner(`starting ${options.peers} peers`, cluster.start());
    started.catch(() => {}); // When a signal wins the race, its failure is no longer of interest.
    const early = await Promise.race([started, stop.requested]);
    if (early !== undefined) return EXIT_CODES.good;
    playground = await PlaygroundServer.start(cluster, options.port ?? PLAYGROUND_PORT, options.port !== undefined);
    await announce(cluster, playground, options);
    for (const peer of cluster.peers) void reportEnd(peer);
    const reason = await Promise.race([stop.requested, allEnded(cluster)]);
    if (reason === "all ended") throw new YarrowError("YARROW_PEER_CLOSED", "every peer of the demo has ended");
    if (!options.json) await printLine(`\nending ${cluster.peers.length} peers`);
    return EXIT_CODES.good;
  } finally {
    await playground?.close();
    await cluster.stop();
    stop.release();
  }
}

async function announce(cluster: DemoCluster, playground: PlaygroundServer, options: DemoOptions): Promise<void> {
  if (!options.json) return printLine(formatWelcome(cluster, playground, options.data !== undefined));
  await printJson({
    event: "ready",
    playground: playground.url,
    data: cluster.data,
    peers: cluster.peers.map(({ name, url, adminUrl, pid, data }) => ({ name, url, admin: adminUrl, pid: pid ?? null, data })),
  });
}

/** A peer that ends unasked is told of, with its last words; the others go on, which is what the demo is about. */
async function reportEnd(peer: PeerProcess): Promise<void> {
  const end = await peer.ended;
  if (end.expected) return;
  const log = end.how.startsWith("signal") ? "" : peer.lastLog.map((line) => `    ${line}\n`).join("");
  const label = paint(`peer ${peer.name} ended`, "yellow");
  process.stderr.write(`${label} (${end.how}); the others go on. Start it again:\n    ${peer.command}\n${log}`);
}

async function allEnded(cluster: DemoCluster): Promise<"all ended"> {
  await Promise.all(cluster.peers.map((peer) => peer.ended));
  return "all ended";
}
