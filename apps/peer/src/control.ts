/**
 * Talking to a running peer: what the commands ask over the control socket in its data folder.
 */
import { connectControl } from "@yarrow/core/command";
import type { LinkStatus, Peer, PeerStatus } from "@yarrow/core";

export type VerifyReport = Awaited<ReturnType<Peer["verify"]>>;

type ControlClient = Awaited<ReturnType<typeof connectControl>>;

/** The peer that runs on a data folder. */
export interface RunningPeer extends Omit<ControlClient, "status" | "close" | typeof Symbol.asyncDispose> {
  status(): Promise<StatusReport>;
}

/** Keys of which something may be absent. */
type Nullable =
  | "clusterId"
  | "url"
  | "rememberedRole"
  | "writers"
  | "upstream"
  | "links"
  | "lag"
  | "merged"
  | "backup"
  | "query";

interface PlaceReport {
  readonly peerId: string;
  readonly url: string | null;
}

interface MergeReport extends Omit<PeerStatus["merged"][number], "sinceMs"> {
  readonly sinceMs: number | null;
}

/** What is absent is `null`, so that every key is always there: other programs read this. */
export interface StatusReport extends Omit<PeerStatus, Nullable> {
  readonly clusterId: string | null;
  readonly url: string | null;
  readonly rememberedRole: PeerStatus["role"] | null;
  readonly writers: readonly PlaceReport[];
  readonly upstream: readonly PlaceReport[];
  readonly links: readonly LinkReport[];
  readonly lag: LagReport;
  readonly merged: readonly MergeReport[];
  readonly backup: BackupReport;
  readonly query: QueryReport;
}

interface QueryReport extends Pick<PeerStatus["query"], "state"> {
  readonly lagMs: number | null;
  readonly progress: number | null;
}

interface BehindReport {
  readonly lagMs: number | null;
  readonly updatesBehind: number | null;
  readonly bytesBehind: number | null;
}

interface LagReport extends BehindReport {
  readonly verifiedMs: number | null;
  readonly writers: readonly { readonly peerId: string; readonly lagMs: number | null }[];
}

type LinkRoles = "congested" | "feedsUs" | "takesOurs" | "theyHoldMore" | "weHoldMore";

interface LinkReport extends Pick<LinkStatus, "state" | "equal" | LinkRoles> {
  readonly catchUp: NonNullable<LinkStatus["catchUp"]> | null;
  readonly role: PeerStatus["role"] | null;
  readonly peerId: string | null;
  readonly url: string | null;
  readonly rttMs: number | null;
  readonly limit: number | null;
  readonly lagMs: number | null;
  readonly updatesBehind: number | null;
  readonly bytesBehind: number | null;
  readonly verifiedMs: number | null;
  readonly follower: BehindReport | null;
}

interface BackupReport {
  readonly running: NonNullable<PeerStatus["backup"]["running"]> | null;
  readonly last: NonNullable<PeerStatus["backup"]["last"]> | null;
  readonly taken: number;
  readonly failures: number;
  readonly lastFailure: string | null;
}

/** Connects, asks, and hangs up, at the latest with the signal. Errors: YARROW_PEER_NOT_RUNNING, and what the peer answers. */
export async function withPeer<T>(
  data: string,
  ask: (peer: RunningPeer) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const client = await connectControl(data);
  signal?.addEventListener("abort", () => void client.close(), { once: true });
  try {
    return await ask({
      status: async () => reportStatus(await client.status()),
      documents: (query) => client.documents(query),
      show: (name, options) => client.show(name, options),
      query: (sql, params, options) => client.query(sql, params, options),
      rebuildProjection: () => client.rebuildProjection(),
      append: (name, line, options) => client.append(name, line, options),
      waitFor: (token, options) => client.waitFor(token, options),
      showAt: (name, atMs, options) => client.showAt(name, atMs, options),
      history: (name, options) => client.history(name, options),
      revert: (name, atMs, options) => client.revert(name, atMs, options),
      delete: (name) => client.delete(name),
      verify: (options) => client.verify(options),
      compact: () => client.compact(),
      importUpdate: (name, update, options) => client.importUpdate(name, update, options),
      backup: (file, options) => client.backup(file, options),
      links: () => client.links(),
      setRole: (role) => client.setRole(role),
      pauseLinks: (paused, peer) => client.pauseLinks(paused, peer),
      limitLink: (peer, bytesPerSecond) => client.limitLink(peer, bytesPerSecond),
      quarantined: () => client.quarantined(),
      release: (name) => client.release(name),
      stop: () => client.stop(),
    });
  } catch (error) {
    throw signal?.aborted === true ? signal.reason : error;
  } finally {
    await client.close();
  }
}

/** The keys that stood here first keep their places; later ones are appended. */
function reportStatus(status: PeerStatus): StatusReport {
  const {
    peerId,
    incarnation,
    clusterId,
    publicKey,
    role,
    state,
    url,
    root,
    documents,
    links,
    sessions,
    store,
    copies,
    query,
  } = status;
  return {
    peerId,
    incarnation,
    clusterId: clusterId ?? null,
    role,
    state,
    url: url ?? null,
    root,
    documents,
    links: links.map(reportLink),
    gossip: status.gossip,
    membership: status.membership,
    sessions,
    store,
    copies,
    query: { state: query.state, lagMs: query.lagMs ?? null, progress: query.progress ?? null },
    paused: status.paused,
    duplicateIdentity: status.duplicateIdentity,
    publicKey,
    rememberedRole: status.rememberedRole ?? null,
    writers: status.writers.map(reportPlace),
    upstream: status.upstream.map(reportPlace),
    lag: reportLag(status.lag),
    merged: status.merged.map((merge) => ({ ...merge, sinceMs: merge.sinceMs ?? null })),
    rolledBack: status.rolledBack,
    backup: {
      running: status.backup.running ?? null,
      last: status.backup.last ?? null,
      taken: status.backup.taken,
      failures: status.backup.failures,
      lastFailure: status.backup.lastFailure ?? null,
    },
  };
}

function reportLink(link: LinkStatus): LinkReport {
  return {
    peerId: link.peerId ?? null,
    url: link.url ?? null,
    state: link.state,
    equal: link.equal,
    rttMs: link.rttMs ?? null,
    lagMs: link.lagMs ?? null,
    role: link.role ?? null,
    feedsUs: link.feedsUs,
    takesOurs: link.takesOurs,
    theyHoldMore: link.theyHoldMore,
    weHoldMore: link.weHoldMore,
    catchUp: link.catchUp ?? null,
    updatesBehind: link.updatesBehind ?? null,
    bytesBehind: link.bytesBehind ?? null,
    verifiedMs: link.verifiedMs ?? null,
    follower: link.follower === undefined ? null : reportBehind(link.follower),
    limit: link.limit ?? null,
    congested: link.congested,
  };
}

function reportBehind(behind: NonNullable<LinkStatus["follower"]>): BehindReport {
  return {
    lagMs: behind.lagMs ?? null,
    updatesBehind: behind.updatesBehind ?? null,
    bytesBehind: behind.bytesBehind ?? null,
  };
}

function reportLag(lag: PeerStatus["lag"]): LagReport {
  return {
    ...reportBehind(lag),
    verifiedMs: lag.verifiedMs ?? null,
    writers: lag.writers.map(({ peerId, lagMs }) => ({ peerId, lagMs: lagMs ?? null })),
  };
}

function reportPlace({ peerId, url }: PeerStatus["writers"][number]): PlaceReport {
  return { peerId, url: url ?? null };
}
