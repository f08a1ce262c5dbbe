/** Puts together what `status` tells, from the engine, the store and the shell. */
import type { ReplicaStatus } from "@yarrow/replica";
import type { Peer, PeerStatus, QueryStatus } from "./peer-api.ts";

export interface StatusSources {
  readonly peer: Pick<Peer, "peerId" | "processId" | "url">;
  readonly publicKey: string;
  readonly lifecycle: "starting" | "ready" | "closing" | "closed" | "failed";
  readonly replica: ReplicaStatus;
  readonly sessions: number;
  readonly synchronous: "full" | "normal";
  /** Where others are told to dial this peer, if they are told. */
  readonly advertised: string | undefined;
  readonly backup: PeerStatus["backup"];
  readonly query: QueryStatus;
}

export function readStatus(sources: StatusSources): PeerStatus {
  const { peer, publicKey, lifecycle, replica, sessions, synchronous, backup, query } = sources;
  const { alive, deleted, pending, quarantined, bytes, logRows } = replica.counts;
  return {
    peerId: peer.peerId,
    incarnation: peer.processId,
    clusterId: replica.clusterId,
    publicKey,
    role: replica.role,
    rememberedRole: replica.rememberedRole,
    writers: writersOf(sources),
    upstream: replica.upstream,
    state: stateOf(lifecycle, replica),
    url: peer.url,
    root: replica.root,
    documents: { alive, deleted, pending, quarantined },
    links: replica.links,
    gossip: replica.gossip,
    membership: replica.membership,
    sessions,
    store: { bytes, logRows, synchronous },
    copies: replica.copies,
    query,
    lag: replica.lag,
    paused: replica.paused,
    duplicateIdentity: replica.duplicateIdentity,
    merged: replica.merged,
    rolledBack: replica.rolledBack,
    backup,
  };
}

/** This peer itself first, when it is one. */
function writersOf({ peer, replica, advertised }: StatusSources): PeerStatus["writers"] {
  if (replica.role === "follower") return replica.writers;
  return [{ peerId: peer.peerId, url: advertised ?? peer.url }, ...replica.writers];
}

function stateOf(lifecycle: StatusSources["lifecycle"], replica: ReplicaStatus): PeerStatus["state"] {
  if (lifecycle === "starting") return "starting";
  if (lifecycle !== "ready") return "closing";
  if (replica.clusterId === undefined) return "joining";
  return replica.storeFull ? "read-only" : "ready";
}
