/** Opens a data folder and brings a peer to life on it. */
import { randomBytes } from "node:crypto";
import type { ProcessId } from "@yarrow/protocol";
import { Replica } from "@yarrow/replica";
import { createCredentials, formatKey } from "./credentials.ts";
import { createClock } from "./clock.ts";
import { decideCluster } from "./cluster.ts";
import { formatHostPort, isWildcard } from "./host-port.ts";
import { Listener } from "./listener.ts";
import { checkOptions } from "./options.ts";
import type { CheckedOptions } from "./options.ts";
import type { Peer, PeerOptions } from "./peer-api.ts";
import { tellRememberedRole } from "./peer-role.ts";
import { RunningPeer } from "./peer.ts";
import { openSqliteStore, recordBoot } from "./store/open-store.ts";
import type { SqliteStore } from "./store/sqlite-store.ts";

/** A clock that was set back by more than this is worth a word. */
const CLOCK_BEHIND_MS = 1_000;

/**
 * Resolves when the peer listens and takes writes; links to others come up by themselves. Errors: YARROW_CONFIG_INVALID,
 * YARROW_LISTEN_INSECURE, YARROW_LISTEN_FAILED, YARROW_CLUSTER_MISMATCH, and whatever opening the store can meet:
 * YARROW_STORE_LOCKED, YARROW_STORE_NEWER, YARROW_STORE_CORRUPT, YARROW_SQLITE_UNSUPPORTED, YARROW_DISK_SPACE_LOW.
 */
export async function createPeer(options: PeerOptions): Promise<Peer> {
  const checked = checkOptions(options);
  const clock = createClock();
  const store = openSqliteStore({ folder: checked.folder, durability: checked.durability, now: clock });
  const aheadMs = clock.startAfter(store.lastArrivalMs());
  if (aheadMs >= CLOCK_BEHIND_MS) {
    const message =
      "the clock of this machine is behind the last change in the store; times of arrival go on from there";
    checked.log({ level: "warn", message, fields: { behindMs: aheadMs } });
  }
  const listener = checked.listen === undefined ? undefined : new Listener(checked.listen);
  let peer: RunningPeer;
  try {
    // Bound before the engine exists, because the engine tells others where this peer listens; requests meanwhile get 503.
    await listener?.listen();
    peer = assemble(checked, store, listener, clock);
  } catch (error) {
    await listener?.close();
    store.close();
    throw error;
  }
  try {
    await peer.start();
  } catch (error) {
    await peer.close();
    throw error;
  }
  return peer;
}

function assemble(
  options: CheckedOptions,
  store: SqliteStore,
  listener: Listener | undefined,
  clock: () => number,
): RunningPeer {
  const { clusterId, minted } = decideCluster(store, options.cluster, options.peers.length > 0);
  if (minted) options.log({ level: "info", message: "founded a cluster", fields: { clusterId } });
  recordBoot(store, clock());
  const processId = randomBytes(8).toString("hex") as ProcessId;
  const credentials = createCredentials(options.folder, options.trust);
  const replica = new Replica({
    store,
    random: Math.random,
    processId,
    clusterId,
    addresses: options.advertise ?? ownAddresses(listener),
    peers: options.peers,
    discovery: options.discovery,
    role: options.role ?? "writer",
    credentials,
    config: options.config,
    copies: options.copies,
    now: clock(),
  });
  tellRememberedRole(replica, options, clock());
  const publicKey = formatKey(credentials.publicKey);
  return new RunningPeer({ publicKey, options, store, replica, listener, processId, clock, random: Math.random });
}

/** Where others can dial this peer, unless told otherwise: a wildcard says nothing about that. */
function ownAddresses(listener: Listener | undefined): readonly string[] {
  const bound = listener?.bound;
  return bound === undefined || isWildcard(bound.host) ? [] : [`ws://${formatHostPort(bound)}`];
}
