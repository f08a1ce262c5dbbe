/** What a replica tells about itself. Read only; steers nothing. */
import type { ClusterId, PeerId, Role } from "@yarrow/protocol";
import { toHex } from "@yarrow/protocol";
import type { CatchUp } from "./anti-entropy/link-rounds.ts";
import type { Reconciler } from "./anti-entropy/reconciler.ts";
import type { Catalog } from "./catalog/catalog.ts";
import type { Confirmations, CopiesStatus } from "./gossip/confirmations.ts";
import type { Gossip } from "./gossip/gossip.ts";
import type { GossipStatus } from "./gossip/plumtree.ts";
import type { Lag } from "./lag/lag.ts";
import type { LagStatus, LinkLagStatus } from "./lag/lag-status.ts";
import type { Link } from "./links/link.ts";
import type { Links } from "./links/links.ts";
import type { MergeRecord, MergeRecords } from "./merge-records.ts";
import type { RolledBack, Standings } from "./membership/standings.ts";
import type { Directory } from "./membership/directory.ts";
import type { Quarantine } from "./quarantine.ts";
import type { Membership, MembershipStatus } from "./membership/membership.ts";
import type { Roles } from "./roles.ts";
import type { SetTree } from "./set-tree/set-tree.ts";
import type { Store, StoreCounts } from "./store.ts";
import type { Subscribers } from "./subscribers.ts";

export interface ReplicaLinkStatus {
  readonly peerId: PeerId | undefined;
  readonly url: string | undefined;
  readonly state: "connecting" | "open" | "paused" | "waiting";
  /** The other side's set was equal when last compared. */
  readonly equal: boolean;
  readonly rttMs: number | undefined;
  /**
   * How old at most is what this replica holds of that peer's set. Told by beats where this replica is a follower and takes changes
   * from it; elsewhere by digests: 0 while equal when last compared, else the time since they were. Undefined while not known.
   */
  readonly lagMs: number | undefined;
  /** What this replica lacks of what that peer had committed when it last told; undefined where it does not tell. */
  readonly updatesBehind: number | undefined;
  readonly bytesBehind: number | undefined;
  /** How long ago this replica was last verified to hold everything that peer held. */
  readonly verifiedMs: number | undefined;
  /** What that peer, a follower, says of its own lag. */
  readonly follower: LinkLagStatus["follower"];
  /** Bytes per second at which this peer may send to that one; undefined = no limit. */
  readonly limit: number | undefined;
  /** Live updates are not sent for now, because too much waits to be sent; they are repaired later. */
  readonly congested: boolean;
  /** Set while most of the set is being fetched over this link. */
  readonly catchUp: CatchUp | undefined;
  /** Documents known to differ in the round that is under way. */
  readonly differing: number;
  /** The other side's role; undefined while there is no link. */
  readonly role: Role | undefined;
  /** This side takes changes from the other; the other takes them from this side. */
  readonly feedsUs: boolean;
  readonly takesOurs: boolean;
  /** Documents of which the other side, a follower, holds more than this writer, and of which this follower holds more than the other side. */
  readonly theyHoldMore: number;
  readonly weHoldMore: number;
}

export interface ReplicaStatus {
  readonly clusterId: ClusterId | undefined;
  readonly role: Role;
  /** The role that was set by command, which a later start goes on with; undefined when none ever was. */
  readonly rememberedRole: Role | undefined;
  /** Linked writers, and where they can be dialled. */
  readonly writers: readonly { readonly peerId: PeerId; readonly url: string | undefined }[];
  /** Linked followers that feed this one. */
  readonly upstream: readonly { readonly peerId: PeerId; readonly url: string | undefined }[];
  /** The disk is full: writes are refused until there is room. */
  readonly storeFull: boolean;
  /** Fingerprint of the whole set, 32 hex digits. */
  readonly root: string;
  readonly counts: StoreCounts;
  readonly links: readonly ReplicaLinkStatus[];
  readonly lag: LagStatus;
  readonly membership: MembershipStatus;
  readonly paused: boolean;
  readonly duplicateIdentity: boolean;
  /** Peers that came back older than they were, this one among them, and are not yet equal again. */
  readonly rolledBack: readonly RolledBack[];
  readonly subscribers: number;
  /** What repairs last brought from each peer. */
  readonly merged: readonly MergeRecord[];
  readonly rounds: number;
  readonly work: number;
  readonly copies: CopiesStatus;
  readonly gossip: GossipStatus;
  readonly cache: { readonly entries: number; readonly bytes: number };
}

export interface StatusParts {
  readonly clusterId: ClusterId | undefined;
  readonly roles: Roles;
  readonly storeFull: boolean;
  readonly tree: SetTree;
  readonly store: Store;
  readonly links: Links;
  readonly lag: Lag;
  readonly directory: Directory;
  readonly membership: Membership;
  readonly confirmations: Confirmations;
  readonly catalog: Catalog;
  readonly reconciler: Reconciler;
  readonly merges: MergeRecords;
  readonly standings: Standings;
  readonly subscribers: Subscribers;
  readonly gossip: Gossip;
  readonly workbench: number;
  readonly quarantine: Quarantine;
  readonly now: number;
}

export function describeStatus(parts: StatusParts): ReplicaStatus {
  return {
    clusterId: parts.clusterId,
    role: parts.roles.role,
    rememberedRole: parts.roles.remembered,
    writers: parts.roles.writers(),
    upstream: parts.roles.upstream(),
    storeFull: parts.storeFull,
    root: toHex(parts.tree.root()),
    counts: withFailed(parts.store.counts(), parts.quarantine.failed(parts.now)),
    links: describeLinks(parts),
    lag: parts.lag.describe(parts.now),
    membership: parts.membership.status(parts.now),
    paused: parts.links.paused,
    duplicateIdentity: parts.links.duplicateIdentity,
    subscribers: parts.subscribers.size,
    rolledBack: parts.standings.list(),
    merged: parts.merges.list(),
    rounds: parts.reconciler.active,
    work: parts.workbench,
    copies: parts.confirmations.status(parts.now),
    gossip: parts.gossip.status(),
    cache: parts.catalog.cached,
  };
}

/** Documents that failed are in quarantine too, and no row tells of it. */
function withFailed(counts: StoreCounts, failed: number): StoreCounts {
  return failed === 0 ? counts : { ...counts, quarantined: counts.quarantined + failed };
}

/** Open links, and the addresses that have none: with views, only those that were configured, or are being dialled. */
function describeLinks({ links, lag, directory, membership, reconciler, now }: StatusParts): ReplicaLinkStatus[] {
  const open = links.open();
  const described: ReplicaLinkStatus[] = open.map((link) => ({
    peerId: link.peerId,
    url: link.dialled ?? link.hello?.addresses[0],
    state: "open",
    equal: link.equal,
    rttMs: link.rttMs,
    ...lag.describeLink(link, link.peerId, now),
    ...(link.beatsIn ? {} : { lagMs: equalLagMs(link, now) }),
    limit: link.outgoing.rate,
    congested: link.congested,
    catchUp: reconciler.catchUp(link.id, now),
    differing: reconciler.remaining(link.id),
    role: link.hello?.role,
    feedsUs: link.feedsUs,
    takesOurs: link.takesOurs,
    theyHoldMore: link.theyHoldMore,
    weHoldMore: link.weHoldMore,
  }));
  for (const target of directory.targets()) {
    const linked = open.some((link) => link.processId === target.processId || link.dialled === target.url);
    if (linked || target.state === "self" || target.state === "linked") continue;
    if (open.some((link) => link.hello?.addresses.includes(target.url))) continue;
    const paused = links.paused || links.isPausedByName(target.url) || links.isPausedByName(target.peerId);
    // Of whom a larger cluster consists is no list of links that are missing here.
    if (target.state === "waiting" && !target.configured && !paused && !membership.linksToAll) continue;
    described.push({
      peerId: target.peerId,
      url: target.url,
      state: paused ? "paused" : target.state === "dialling" ? "connecting" : "waiting",
      equal: false,
      rttMs: undefined,
      ...lag.describeLink(undefined, target.peerId, now),
      limit: links.rateLimits.of([target.url, target.peerId]),
      congested: false,
      catchUp: undefined,
      differing: 0,
      role: undefined,
      feedsUs: false,
      takesOurs: false,
      theyHoldMore: 0,
      weHoldMore: 0,
    });
  }
  return described;
}

function equalLagMs(link: Link, now: number): number | undefined {
  if (link.equal) return 0;
  return link.equalAt === undefined ? undefined : now - link.equalAt;
}
