/**
 * A peer in this process: configuration in, one line on stdout when it is ready, a clean end.
 */
import { createPeer, YarrowError } from "@yarrow/core";
import type { Peer, PeerOptions } from "@yarrow/core";
import type { Logger } from "pino";
import type { ConfigKey, ServeConfig } from "../config/config-schema.ts";
import { loadConfig } from "../config/load-config.ts";
import { EXIT_CODES } from "../exit-code.ts";
import type { ExitCode } from "../exit-code.ts";
import { createLog } from "../log.ts";
import { createMetrics } from "../metrics/metrics-registry.ts";
import { onStopSignal } from "../signals.ts";
import { printJson } from "../stdout.ts";
import { VERSION } from "../version.ts";
import { collectWhenIdle } from "./idle-collection.ts";
import { setV8Flags } from "./v8-flags.ts";

/** Options that are about the start itself; all others are configuration. */
export interface StartOptions {
  readonly config?: string;
  readonly endWithParent?: true;
}

/** Runs a peer until a signal, its parent or `yarrow` ends it; rejects when it had to stop. Errors: those of `loadConfig` and `createPeer`. */
export async function runPeer(flags: ReadonlyMap<ConfigKey, unknown>, start: StartOptions): Promise<ExitCode> {
  setV8Flags();
  const { config, warnings } = loadConfig({ flags, environment: process.env, file: start.config });
  const log = createLog(config["log-level"]);
  for (const warning of warnings) log.warn(warning);
  const stop = onStopSignal();
  const metrics = createMetrics(VERSION);
  const peer = await createPeer(optionsFor(config, log, () => metrics.scrape())).catch((error: unknown) => {
    throw explainFolder(error, config.data);
  });
  metrics.follow(peer);
  const stopCollecting = collectWhenIdle(peer);
  const failed = new Promise<Error>((resolve) => peer.on("failed", resolve));
  const closed = new Promise<string>((resolve) => peer.on("closed", (by) => resolve(`closed by ${by}`)));
  await printReadyLine(peer);
  const reason = await Promise.race([stop.requested, failed, closed, ...(start.endWithParent ? [parentGone()] : [])]);
  if (reason instanceof Error) throw reason;
  log.info({ reason }, "closing");
  stopCollecting();
  await peer.close();
  log.info("closed");
  stop.release();
  if (process.connected) process.disconnect(); // An open channel to the parent would keep the process alive.
  return EXIT_CODES.good;
}

function optionsFor(config: ServeConfig, log: Logger, metrics: NonNullable<PeerOptions["metrics"]>): PeerOptions {
  return {
    data: config.data,
    earlyWorker: true,
    listen: config.listen,
    peers: config.peer,
    discovery: config.discovery,
    durability: {
      synchronous: config.durability,
      copies: config.copies,
      whenMissing: config["when-missing"],
      timeoutMs: config["copies-timeout"],
    },
    historyMs: config.history,
    insecure: config.insecure,
    metrics,
    ...backupsFor(config),
    ...(config.role === undefined ? {} : { role: config.role }),
    ...(config.admin === undefined ? {} : { admin: config.admin }),
    ...(config.trust === undefined ? {} : { trust: config.trust }),
    ...(config.query === undefined ? {} : { query: config.query }),
    ...(config.cluster === undefined ? {} : { cluster: config.cluster }),
    ...(config.advertise === undefined ? {} : { advertise: config.advertise }),
    log: (line) => log[line.level](line.fields, line.message),
  };
}

function backupsFor(config: ServeConfig): Pick<PeerOptions, "backups"> {
  const folder = config["backup-dir"];
  if (folder === undefined) return {};
  const { "backup-every": everyMs, "backup-keep": keep, "backup-rate": maxBytesPerSecond } = config;
  return { backups: { folder, everyMs, keep, maxBytesPerSecond } };
}

/** A folder that cannot be made or read is the operator's to mend, not a bug; the system's own words name the cause. */
function explainFolder(error: unknown, folder: string): unknown {
  if (error instanceof YarrowError || !(error instanceof Error) || !("syscall" in error)) return error;
  const hint = "Choose another folder with --data, or give this user the right to write there.";
  return new YarrowError("YARROW_STORE_FAILED", `cannot use data folder ${folder}: ${error.message}`, {
    cause: error,
    hint,
  });
}

/** The one line on stdout that other programs wait for. Its keys are stable. */
async function printReadyLine(peer: Peer): Promise<void> {
  await printJson({
    event: "listening",
    url: peer.url ?? null,
    admin: peer.adminUrl ?? null,
    peerId: peer.peerId,
    clusterId: peer.status().clusterId ?? null,
  });
}

/** The demo's peers end with the demo, even when it is killed. */
function parentGone(): Promise<string> {
  return new Promise((resolve) => process.once("disconnect", () => resolve("parent gone")));
}
