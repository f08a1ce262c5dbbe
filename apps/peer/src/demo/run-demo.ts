/**
 * A demo from start to end: peers, playground, overview, and the news of peers that died.
 */
import { YarrowError } from "@yarrow/core/command";
import { EXIT_CODES } from "../exit-code.ts";
import type { ExitCode } from "../exit-code.ts";
import { onStopSignal } from "../signals.ts";
import { printJson, printLine } from "../stdout.ts";
import { paint } from "../terminal/paint.ts";
import { withSpinner } from "../terminal/spinner.ts";
import { DemoCluster, demoPorts } from "./demo-cluster.ts";
import { PLAYGROUND_PORT } from "./demo-options.ts";
import type { DemoOptions } from "./demo-options.ts";
import type { PeerProcess } from "./peer-process.ts";
import { PlaygroundServer } from "./playground-server.ts";
import { formatWelcome } from "./welcome.ts";

/** Runs until a signal, or until every peer has ended. Errors: YARROW_LISTEN_FAILED, YARROW_TIMEOUT, YARROW_PEER_CLOSED. */
export async function runDemo(options: DemoOptions): Promise<ExitCode> {
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
    peers: cluster.peers.map(({ name, url, adminUrl, pid, data }) => ({
      name,
      url,
      admin: adminUrl,
      pid: pid ?? null,
      data,
    })),
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
