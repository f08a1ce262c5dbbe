/** Puts together what `status` tells, from the engine, the store and the shell. */
import type { ReplicaStatus } from "@yarrow/replica";
import type { Peer, PeerStatus } from "./peer-api.ts";

export interface StatusSources {
  readonly peer: Pick<Peer, "peerId" | "processId" | "url">;
  readonly publicKey: string;
  readonly lifecycle: "starting" | "ready" | "closing" | "closed" | "failed";
  readonly replica: ReplicaStatus;
  readonly sessions: number;
  readonly synchronous: "full" | "normal";
  readonly backup: PeerStatus["backup"];
}

export function readStatus(sources: StatusSources): PeerStatus {
  const { peer, publicKey, lifecycle, replica, sessions, synchronous, backup } = sources;
  const { alive, deleted, pending, quarantined, bytes, logRows } = replica.counts;
  return {
    peerId: peer.peerId,
    incarnation: peer.processId,
    clusterId: replica.clusterId,
    publicKey,
    role: replica.role,
    state: stateOf(lifecycle, replica),
    url: peer.url,
    root: replica.root,
    documents: { alive, deleted, pending, quarantined },
    links: replica.links,
    sessions,
    store: { bytes, logRows, synchronous },
    copies: replica.copies,
    paused: replica.paused,
    duplicateIdentity: replica.duplicateIdentity,
    backup,
  };
}

function stateOf(lifecycle: StatusSources["lifecycle"], replica: ReplicaStatus): PeerStatus["state"] {
  if (lifecycle === "starting") return "starting";
  if (lifecycle !== "ready") return "closing";
  if (replica.clusterId === undefined) return "joining";
  return replica.storeFull ? "read-only" : "ready";
}
