/** Puts the parts of a replica together. Each part knows only those it is given here; the order is the order of their layers. */
import type { ClusterId, PeerId, ProcessId, Role } from "@yarrow/protocol";
import { Reconciler } from "./anti-entropy/reconciler.ts";
import { Responder } from "./anti-entropy/responder.ts";
import { Surplus } from "./anti-entropy/surplus.ts";
import { Catalog } from "./catalog/catalog.ts";
import { mendDocument } from "./catalog/commit.ts";
import { Encoder } from "./catalog/encoder.ts";
import { Compactor } from "./compaction/compactor.ts";
import { Sweeper } from "./compaction/sweeper.ts";
import type { ReplicaConfig } from "./config.ts";
import type { CopiesPolicy } from "./copies-policy.ts";
import { createFingerprintKey } from "./document/fingerprint.ts";
import type { Effect } from "./effect.ts";
import type { LinkId } from "./event.ts";
import { Confirmations } from "./gossip/confirmations.ts";
import { CopyRequests } from "./gossip/copies.ts";
import { Gossip } from "./gossip/gossip.ts";
import type { Credentials } from "./links/credentials.ts";
import { Lag } from "./lag/lag.ts";
import { Waits } from "./lag/waits.ts";
import type { Link } from "./links/link.ts";
import { Links } from "./links/links.ts";
import { Directory } from "./membership/directory.ts";
import { Standings } from "./membership/standings.ts";
import { Membership } from "./membership/membership.ts";
import { MergeRecords } from "./merge-records.ts";
import { Isolation } from "./isolation.ts";
import { Interest } from "./presence/interest.ts";
import { Publisher } from "./publisher.ts";
import { Quarantine } from "./quarantine.ts";
import { Repairs } from "./repairs.ts";
import { Replication } from "./replication.ts";
import type { RoleRefusal } from "./roles.ts";
import { Roles } from "./roles.ts";
import { SetTree } from "./set-tree/set-tree.ts";
import type { Store } from "./store.ts";
import { Subscribers } from "./subscribers.ts";
import { PastCheck } from "./verification/past-check.ts";
import { Scrubber } from "./verification/scrubber.ts";
import { Verifier } from "./verification/verifier.ts";
import { VerifyPages } from "./verification/verify-pages.ts";
import { Workbench } from "./workbench.ts";

export interface PartsOptions {
  readonly config: ReplicaConfig;
  readonly copiesPolicy: CopiesPolicy;
  readonly store: Store;
  readonly random: () => number;
  readonly peerId: PeerId;
  readonly processId: ProcessId;
  readonly addresses: readonly string[];
  readonly peers: readonly string[];
  readonly discovery: boolean;
  readonly credentials?: Credentials | undefined;
  readonly now: number;
  /** Holds until a role is set. */
  readonly initialRole: Role;
  readonly clusterId: () => ClusterId | undefined;
  /** Returns false when there is no room to remember it. */
  readonly adoptCluster: (id: ClusterId) => boolean;
  readonly linkOpened: (link: Link, now: number) => void;
  readonly linkEnded: (link: Link, now: number) => void;
  readonly emit: (effect: Effect) => void;
  /** Runs when the current batch is committed. */
  readonly later: (task: (now: number) => void) => void;
}

export type Parts = ReturnType<typeof assembleParts>;

/** Stands in for the cluster's id until a blank peer has one; its set is empty, so nothing is ever hashed with it. */
const UNDECIDED = "00000000000000000000000000000000" as ClusterId;

export function assembleParts(options: PartsOptions) {
  const { config, store, peerId, processId, emit, now } = options;
  const documents = assembleDocuments(options);
  const { standings, surplus, merges, catalog } = documents;
  const joining = (): boolean => options.clusterId() === undefined;
  const suspect = (link: LinkId, at: number): void => reconciler.suspect(link, at);
  const askDigest = (link: Link): void => reconciler.sendDigest(link, true);
  const roles: Roles = new Roles({ config, store, links: () => links, askDigest, emit }, options.initialRole);
  const role = (): Role => roles.role;
  const refusal = (): RoleRefusal | undefined => roles.refusal();

  const directory = createDirectory(options);
  const membership: Membership = new Membership({ ...options, directory, role, links: () => links }, now);
  const links: Links = new Links({
    ...options,
    ...membership.linksOptions(),
    role,
    directory,
    lastSequence: () => standings.own,
    opened: options.linkOpened,
    ended: options.linkEnded,
    timed: (link) => lag.timed(link),
    drained: (link, at) => publisher.drained(link, at),
    followed: (link) => {
      lag.followed(link);
      reconciler.sendDigest(link, false);
    },
  });
  const lag: Lag = new Lag({ config, links, peerId, role, suspect });
  const waits = new Waits({ ...options, catalog, lagMs: (at) => lag.lagMs(at) });
  const interest = new Interest({ ...options, links });
  const gossip: Gossip = new Gossip({ ...options, links, interest, suspect });
  const copies = new CopyRequests({ config, gossip, processId, peerId, emit });
  const confirmations = new Confirmations({ ...options, gossip });
  const subscribers = new Subscribers({ ...options, ...documents, confirmations, interest, joining, refusal });
  const replication = new Replication({ ...options, ...documents, gossip, copies, confirmations });

  const equal = (link: Link, at: number): void => {
    repairs.equal(link, at);
    merges.equal(link, at);
    surplus.settled(link);
    standings.equal(link, at);
    lag.verified(link, link.lag.mark(), at);
  };
  const reconciler: Reconciler = new Reconciler({ ...options, ...documents, equal, lag });
  const publisher: Publisher = new Publisher({ config, gossip, links, reconciler, lag, processId, role });
  const evict = (name: string, detail: string): void => subscribers.quarantine(name, detail);
  const repairs = new Repairs({ ...options, ...documents, evict, suspect: (at) => lag.lost(at) });
  const quarantine = new Quarantine({ ...options, ...documents, repairs, links });
  return {
    ...documents,
    ...assembleUpkeep(options, documents, links),
    roles,
    subscribers,
    directory,
    links,
    membership,
    gossip,
    interest,
    copies,
    confirmations,
    replication,
    reconciler,
    publisher,
    lag,
    waits,
    repairs,
    quarantine,
  };
}

/** Knows what the operator has named. */
function createDirectory({ config, random, peers, now }: PartsOptions): Directory {
  const directory = new Directory(config, random);
  for (const url of peers) directory.add(url, { configured: true, now });
  return directory;
}

/** What documents are kept and read with, and what is remembered of other peers. */
function assembleDocuments({ config, store, peerId, emit, clusterId }: PartsOptions) {
  const key = createFingerprintKey(clusterId() ?? UNDECIDED);
  const tree = new SetTree(store, key, config.leafDocumentsMax);
  const catalog: Catalog = new Catalog(store, key, config, (entry, setAside) =>
    mendDocument(store, tree, catalog.key, entry, setAside),
  );
  const isolation = new Isolation(catalog);
  const workbench = new Workbench(config, emit);
  const encoder = new Encoder({ store, config, workbench, rebuild: (entry, damage) => catalog.rebuild(entry, damage) });
  const surplus = new Surplus({ roundsAlarm: config.stuckRoundsAlarm, emit });
  const responder = new Responder({ store, catalog, encoder, tree, surplus, emit });
  const standings = new Standings({ store, peerId, emit });
  return { tree, catalog, isolation, workbench, encoder, surplus, responder, standings, merges: new MergeRecords() };
}

/** What looks after documents when nobody asks for it, and what checks them. */
function assembleUpkeep(
  { config, store, random, emit, now }: PartsOptions,
  { tree, catalog, workbench, encoder }: ReturnType<typeof assembleDocuments>,
  links: Links,
) {
  const compactor = new Compactor({ config, store, catalog, encoder, workbench, random, emit });
  const sweeper = new Sweeper({ store, catalog, compactor, config }, now);
  const past = new PastCheck(store, emit);
  const scrubber = new Scrubber({ config, store, catalog, tree, past }, now);
  const pages = new VerifyPages({ store, catalog, encoder, workbench });
  const verifier = new Verifier({ store, catalog, tree, links, pages, past, emit });
  return { compactor, sweeper, scrubber, verifier };
}
