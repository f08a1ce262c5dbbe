/** Checks what an embedder asks for, all of it, before anything is opened. Every refusal says which option and why. */
import { resolve } from "node:path";
import { ADDRESSES_MAX, ADDRESS_BYTES_MAX, YarrowError } from "@yarrow/protocol";
import type { ClusterId, Role } from "@yarrow/protocol";
import { clusterIdOf, createConfig, createCopiesPolicy } from "@yarrow/replica";
import type { CopiesPolicy, ReplicaConfig } from "@yarrow/replica";
import { TrustedKeys } from "./credentials.ts";
import { BACKUP_EVERY_MS_MIN, BACKUPS_KEPT_MAX } from "./backup/schedule.ts";
import type { BackupSchedule } from "./backup/schedule.ts";
import type { DurabilityOptions } from "./durability-options.ts";
import { formatHostPort, isLoopback, parseHostPort } from "./host-port.ts";
import type { HostPort } from "./host-port.ts";
import type { LogLine, PeerOptions } from "./peer-api.ts";

export interface CheckedOptions {
  /** Absolute. */
  readonly folder: string;
  readonly listen: HostPort | undefined;
  readonly admin: HostPort | undefined;
  readonly peers: readonly string[];
  readonly discovery: boolean;
  /** Undefined when none was given. */
  readonly role: Role | undefined;
  readonly advertise: readonly string[] | undefined;
  /** Hash of the cluster's name; undefined when none was given. */
  readonly cluster: ClusterId | undefined;
  readonly durability: "full" | "normal";
  readonly copies: CopiesPolicy;
  /** Undefined: everybody is let in. */
  readonly trust: TrustedKeys | undefined;
  readonly query: boolean | undefined;
  readonly earlyWorker: boolean;
  readonly config: Partial<ReplicaConfig>;
  readonly backups: BackupSchedule | undefined;
  readonly metrics: PeerOptions["metrics"];
  readonly log: (line: LogLine) => void;
}

/** Errors: YARROW_CONFIG_INVALID, YARROW_LISTEN_INSECURE. */
export function checkOptions(options: PeerOptions): CheckedOptions {
  if (typeof options.data !== "string" || options.data === "") throw invalid("data must be the path of a folder");
  const { synchronous, copies } = checkDurability(options.durability);
  return {
    folder: resolve(options.data),
    listen: checkListen(options),
    admin: checkAdmin(options),
    peers: checkUrls("peers", options.peers ?? []),
    discovery: options.discovery ?? true,
    role: checkRole(options.role),
    advertise: options.advertise === undefined ? undefined : checkUrls("advertise", options.advertise),
    cluster: options.cluster === undefined ? undefined : hashClusterName(options.cluster),
    durability: synchronous,
    copies,
    trust: options.trust === undefined ? undefined : new TrustedKeys(options.trust),
    query: options.query,
    earlyWorker: options.earlyWorker ?? false,
    config: checkConfig(options),
    backups: checkBackups(options.backups),
    metrics: options.metrics,
    log: options.log ?? (() => undefined),
  };
}

/** One word says how this peer's disk is treated, an object that and what is waited for on other peers. */
function checkDurability(given: PeerOptions["durability"] = {}): {
  readonly synchronous: "full" | "normal";
  readonly copies: CopiesPolicy;
} {
  const { synchronous = "full", ...copies }: DurabilityOptions =
    typeof given === "string" ? { synchronous: given } : given;
  if (synchronous !== "full" && synchronous !== "normal")
    throw invalid(`durability must be full or normal, not "${String(synchronous)}"`);
  const chosen = Object.entries(copies).filter(([, value]) => value !== undefined);
  try {
    return { synchronous, copies: createCopiesPolicy(Object.fromEntries(chosen)) };
  } catch (error) {
    throw invalid(`durability: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** 128 bits of a name, so that peers that were told the same name agree without talking. */
export function hashClusterName(name: string): ClusterId {
  const characters = [...name].length;
  if (characters < 1 || characters > 64) throw invalid(`cluster must have 1 to 64 characters, not ${characters}`);
  return clusterIdOf(name);
}

function checkRole(role: PeerOptions["role"]): Role | undefined {
  if (role === undefined || role === "writer" || role === "follower") return role;
  throw invalid(`role must be writer or follower, not "${String(role)}"`);
}

function checkListen(options: PeerOptions): HostPort | undefined {
  if (options.listen === undefined) return undefined;
  const address = parseHostPort(options.listen, "listen");
  if (isLoopback(address.host) || options.insecure === true) return address;
  throw new YarrowError(
    "YARROW_LISTEN_INSECURE",
    `${formatHostPort(address)} can be reached by others, who could then read and write every document`,
    { hint: "Listen on 127.0.0.1, or pass --insecure (option insecure) where the network itself keeps strangers out." },
  );
}

function checkAdmin(options: PeerOptions): HostPort | undefined {
  if (options.admin === undefined) return undefined;
  const address = parseHostPort(options.admin, "admin");
  if (!isLoopback(address.host)) throw invalid(`admin must be a loopback address, not ${formatHostPort(address)}`);
  return address;
}

function checkUrls(option: string, urls: readonly string[]): readonly string[] {
  if (urls.length > ADDRESSES_MAX) throw invalid(`${option} may name ${ADDRESSES_MAX} addresses, not ${urls.length}`);
  return urls.map((url) => {
    const parsed = URL.canParse(url) ? new URL(url) : undefined;
    if (parsed === undefined || (parsed.protocol !== "ws:" && parsed.protocol !== "wss:")) {
      throw invalid(`${option} must be WebSocket addresses like ws://site-b:4321, not "${url}"`);
    }
    if (parsed.hash !== "" || Buffer.byteLength(url) > ADDRESS_BYTES_MAX) {
      throw invalid(
        `${option} must be plain addresses of at most ${ADDRESS_BYTES_MAX} bytes, not "${url.slice(0, 200)}"`,
      );
    }
    return url.replace(/\/$/, "");
  });
}

function checkBackups(schedule: BackupSchedule | undefined): BackupSchedule | undefined {
  if (schedule === undefined) return undefined;
  const { folder, everyMs, keep, maxBytesPerSecond = 1 } = schedule;
  if (typeof folder !== "string" || folder === "") throw invalid("backups.folder must be the path of a folder");
  if (!(Number.isFinite(everyMs) && everyMs >= BACKUP_EVERY_MS_MIN)) {
    throw invalid(`backups.everyMs must be at least ${BACKUP_EVERY_MS_MIN}, not ${everyMs}`);
  }
  if (!(Number.isSafeInteger(keep) && keep >= 1 && keep <= BACKUPS_KEPT_MAX)) {
    throw invalid(`backups.keep must be a whole number from 1 to ${BACKUPS_KEPT_MAX}, not ${keep}`);
  }
  if (!(maxBytesPerSecond > 0)) throw invalid(`backups.maxBytesPerSecond must be above 0, not ${maxBytesPerSecond}`);
  return { ...schedule, folder: resolve(folder) };
}

function checkConfig(options: PeerOptions): Partial<ReplicaConfig> {
  const { historyMs } = options;
  if (historyMs !== undefined && !(Number.isFinite(historyMs) && historyMs >= 0)) {
    throw invalid(`historyMs must be a number of milliseconds of at least 0, not ${historyMs}`);
  }
  const config = { ...options.limits, ...(historyMs === undefined ? {} : { historyMs }) };
  try {
    createConfig(config);
  } catch (error) {
    throw invalid(`limits: ${error instanceof Error ? error.message : String(error)}`);
  }
  return config;
}

function invalid(message: string): YarrowError {
  return new YarrowError("YARROW_CONFIG_INVALID", message);
}
