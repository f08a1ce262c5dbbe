/** What a replica tells about itself. Read only; steers nothing. */
import type { ClusterId, PeerId, Role } from "@yarrow/protocol";
import { toHex } from "@yarrow/protocol";
import type { Reconciler } from "./anti-entropy/reconciler.ts";
import type { Catalog } from "./catalog/catalog.ts";
import type { Links } from "./links/links.ts";
import type { Directory } from "./membership/directory.ts";
import type { SetTree } from "./set-tree/set-tree.ts";
import type { Store, StoreCounts } from "./store.ts";

export interface ReplicaLinkStatus {
  readonly peerId: PeerId | undefined;
  readonly url: string | undefined;
  readonly state: "connecting" | "open" | "paused" | "waiting";
  /** The other side's set was equal when last compared. */
  readonly equal: boolean;
  readonly rttMs: number | undefined;
  /** How long ago the two were last known equal; 0 while they are. */
  readonly lagMs: number | undefined;
  /** Documents known to differ in the round that is under way. */
  readonly differing: number;
}

export interface ReplicaStatus {
  readonly clusterId: ClusterId | undefined;
  readonly role: Role;
  /** The disk is full: writes are refused until there is room. */
  readonly storeFull: boolean;
  /** Fingerprint of the whole set, 32 hex digits. */
  readonly root: string;
  readonly counts: StoreCounts;
  readonly links: readonly ReplicaLinkStatus[];
  readonly paused: boolean;
  readonly duplicateIdentity: boolean;
  readonly subscribers: number;
  readonly rounds: number;
  readonly work: number;
  readonly cache: { readonly entries: number; readonly bytes: number };
}

export interface StatusParts {
  readonly clusterId: ClusterId | undefined;
  readonly role: Role;
  readonly storeFull: boolean;
  readonly tree: SetTree;
  readonly store: Store;
  readonly links: Links;
  readonly directory: Directory;
  readonly catalog: Catalog;
  readonly reconciler: Reconciler;
  readonly subscribers: number;
  readonly workbench: number;
  readonly now: number;
}

export function describeStatus(parts: StatusParts): ReplicaStatus {
  return {
    clusterId: parts.clusterId,
    role: parts.role,
    storeFull: parts.storeFull,
    root: toHex(parts.tree.root()),
    counts: parts.store.counts(),
    links: describeLinks(parts),
    paused: parts.links.paused,
    duplicateIdentity: parts.links.duplicateIdentity,
    subscribers: parts.subscribers,
    rounds: parts.reconciler.active,
    work: parts.workbench,
    cache: parts.catalog.cached,
  };
}

/** Open links, and the addresses that have none. */
function describeLinks({ links, directory, reconciler, now }: StatusParts): ReplicaLinkStatus[] {
  const open = links.open();
  const described: ReplicaLinkStatus[] = open.map((link) => ({
    peerId: link.peerId,
    url: link.dialled ?? link.hello?.addresses[0],
    state: "open",
    equal: link.equal,
    rttMs: link.rttMs,
    lagMs: link.equal ? 0 : link.equalAt === undefined ? undefined : now - link.equalAt,
    differing: reconciler.remaining(link.id),
  }));
  for (const target of directory.targets()) {
    const linked = open.some((link) => link.processId === target.processId || link.dialled === target.url);
    if (linked || target.state === "self" || target.state === "linked") continue;
    if (open.some((link) => link.hello?.addresses.includes(target.url))) continue;
    const paused = links.paused || links.isPausedByName(target.url) || links.isPausedByName(target.peerId);
    described.push({
      peerId: target.peerId,
      url: target.url,
      state: paused ? "paused" : target.state === "dialling" ? "connecting" : "waiting",
      equal: false,
      rttMs: undefined,
      lagMs: undefined,
      differing: 0,
    });
  }
  return described;
}
