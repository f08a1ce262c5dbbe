/**
 * Every bound and interval of the replica. Defaults are for a handful of peers on a LAN or WAN; docs/OPERATIONS.md says
 * what degrades when one moves. Validated together at start by `createConfig`.
 */
import { ADDRESS_PEERS_MAX, assert, NODES_PER_MESSAGE_MAX } from "@yarrow/protocol";

export interface ReplicaConfig {
  /** Bytes of remainders that one document may keep waiting for what they refer to. */
  readonly pendingBytesMax: number;
  /** A pending update that waits this long asks the other peers for what it lacks. */
  readonly pendingRepairMs: number;
  /** Bytes of documents' bookkeeping kept in memory. */
  readonly entryCacheBytesMax: number;
  /** A document nobody touched for this long leaves the memory. */
  readonly entryIdleMs: number;
  /** Bytes of encoded answers kept for further joiners of the same version. */
  readonly answerCacheBytesMax: number;
  /** An encoded answer nobody asked for in this long is dropped. */
  readonly answerIdleMs: number;
  /** Merging more than this leaves the loop for a worker. */
  readonly inlineWorkBytes: number;
  /** Jobs away at once; further ones wait. */
  readonly workInFlightMax: number;
  /** Lattice checkpoints are written when the rows since the last exceed this, or the lattice's own size if larger. */
  readonly checkpointBytes: number;
  /** A head snapshot is written when the tail exceeds this, or up to half as much again (each peer draws its own), and half the head's own size. */
  readonly compactTailBytes: number;
  /** How long log rows and dead incarnations are kept, in ms. */
  readonly historyMs: number;
  /** How often old history is swept. */
  readonly sweepIntervalMs: number;
  /** Every document is read and checked once in this time. */
  readonly scrubIntervalMs: number;
  /** Documents that leave the history window per sweep. */
  readonly sweepDocumentsMax: number;

  readonly pingIntervalMs: number;
  /** A link on which nothing arrives for this long is closed. */
  readonly linkSilentMs: number;
  /** The other side must say hello within this time. */
  readonly helloTimeoutMs: number;
  readonly linksMax: number;
  readonly redialMinMs: number;
  readonly redialMaxMs: number;
  /** Peers whose addresses are remembered. */
  readonly addressesMax: number;
  readonly addressExchangeMs: number;

  /** Up to so many peers all link with all; beyond, each keeps a view. */
  readonly meshPeersMax: number;
  /** Links that a peer of a larger cluster keeps with writers. */
  readonly activeViewMax: number;
  /** Peers of a larger cluster that are remembered beside, for when a link is lost. */
  readonly passiveViewMax: number;
  /** How often one of a larger cluster swaps some of whom it knows with another. */
  readonly shuffleMs: number;
  /** A peer that nobody was heard to have a link with for this long counts as gone. */
  readonly memberHorizonMs: number;
  /** How often one that seems gone, or a configured address that nobody speaks of, is dialled again. */
  readonly probeMs: number;
  /** How often a link is exchanged for one with somebody else, so that parts that know each other become one. */
  readonly refreshMs: number;

  /** The root is sent after this much quiet following a change … */
  readonly digestSettleMs: number;
  /** … and at least this often. */
  readonly digestIntervalMs: number;
  /** Followers are told this often how old at most is what they hold. */
  readonly beatIntervalMs: number;
  /** Followers tell of their lag at most this often. */
  readonly lagReportMs: number;
  /** Those who wait at once for a token or for freshness. */
  readonly waitsMax: number;
  readonly roundsAtOnceMax: number;
  /** A round that hears nothing for this long is given up. */
  readonly roundTimeoutMs: number;
  readonly roundBackoffMinMs: number;
  readonly roundBackoffMaxMs: number;
  /** Fruitless rounds in a row before the alarm. */
  readonly stuckRoundsAlarm: number;
  /** A document touched this recently is left out of a round … */
  readonly busyMs: number;
  /** … at most this many rounds in a row. */
  readonly busySkipsMax: number;
  /** Nodes of the set tree asked for in one message. */
  readonly nodesPerAskMax: number;
  /** A part of the set that we hold next to nothing of is streamed where it should have at least so many documents … */
  readonly sliceDocumentsMin: number;
  /** … and in smaller parts, which several links can share, where it should have more than so many. */
  readonly sliceDocumentsMax: number;
  /** Leaves of the set tree split above this many documents. */
  readonly leafDocumentsMax: number;
  /** Repaired content larger than this is announced by a digest, not pushed on. */
  readonly repairPushBytesMax: number;

  /** Origins whose message ids are remembered, and for how long after their last message. */
  readonly originsMax: number;
  readonly originIdleMs: number;
  /** Ids remembered beyond the contiguous mark of an origin. */
  readonly seenWindowMax: number;
  /** Links that do not get the broadcasts of an origin are told of them this often. */
  readonly haveIntervalMs: number;
  /** A broadcast that others have is asked for when it has not come within this time, or three round trips of the link that told of it … */
  readonly graftWaitMs: number;
  /** … and this many times in all, after half that time each; then a round is to bring its content. */
  readonly graftsMax: number;
  /** A link is pruned of one origin at most this often. */
  readonly pruneIntervalMs: number;
  /** Broadcasts that are waited for or asked for at once. */
  readonly wantedMax: number;
  /** Broadcasts are kept this long, and as many bytes of them, for those who ask for them. */
  readonly payloadsMs: number;
  readonly payloadsBytesMax: number;
  /** What browsers look at is told to the other peers at once, and then together at most this often … */
  readonly interestMs: number;
  /** … again this soon after a link has ended … */
  readonly interestHealMs: number;
  /** … and at least this often. */
  readonly interestRenewalMs: number;
  /** Processes of which this is not heard for this long look at nothing. */
  readonly interestIdleMs: number;
  /** Processes of which it is remembered what they look at; of more, everybody gets all awareness. */
  readonly interestOriginsMax: number;
  /** Documents that all of them look at; of who looks at more it is remembered that he looks at everything. */
  readonly interestKeysMax: number;
  /** A follower refuses what a reader may merely hold from elsewhere when it has not come from upstream within this time. */
  readonly readerPatienceMs: number;
  /** A writer that becomes a follower gives the others at most this long to fetch what it wrote. */
  readonly roleDrainMs: number;
  /** Requests for copies that wait at once. */
  readonly copyRequestsMax: number;
  /** Bytes of echoes that wait for copies: of one browser session, which is closed with 1013 beyond them … */
  readonly copiesHeldBytesMax: number;
  /** … and of all together. */
  readonly copiesHeldTotalBytesMax: number;
  /** Documents with edits that wait for copies. */
  readonly copiesDocumentsMax: number;
  /** Questions about one document under way at once; what is written meanwhile is asked about together. */
  readonly copiesQuestionsMax: number;
}

const MIB = 1024 * 1024;

export const REPLICA_DEFAULTS: ReplicaConfig = {
  pendingBytesMax: 1 * MIB,
  pendingRepairMs: 150,
  entryCacheBytesMax: 64 * MIB,
  entryIdleMs: 20_000,
  answerCacheBytesMax: 32 * MIB,
  answerIdleMs: 10_000,
  inlineWorkBytes: 64 * 1024,
  workInFlightMax: 4,
  checkpointBytes: 4 * 1024,
  compactTailBytes: 64 * 1024,
  historyMs: 24 * 60 * 60 * 1000,
  sweepIntervalMs: 60_000,
  scrubIntervalMs: 24 * 60 * 60 * 1000,
  sweepDocumentsMax: 100,

  pingIntervalMs: 5_000,
  linkSilentMs: 15_000,
  helloTimeoutMs: 5_000,
  linksMax: 64,
  redialMinMs: 250,
  redialMaxMs: 15_000,
  addressesMax: 256,
  addressExchangeMs: 30_000,

  meshPeersMax: 12,
  activeViewMax: 6,
  passiveViewMax: 36,
  shuffleMs: 30_000,
  memberHorizonMs: 180_000,
  probeMs: 30_000,
  refreshMs: 300_000,

  digestSettleMs: 1_000,
  digestIntervalMs: 15_000,
  beatIntervalMs: 30,
  lagReportMs: 1_000,
  waitsMax: 10_000,
  roundsAtOnceMax: 2,
  roundTimeoutMs: 30_000,
  roundBackoffMinMs: 200,
  roundBackoffMaxMs: 15_000,
  stuckRoundsAlarm: 5,
  busyMs: 2_000,
  busySkipsMax: 2,
  nodesPerAskMax: 256,
  sliceDocumentsMin: 256,
  sliceDocumentsMax: 4_096,
  leafDocumentsMax: 32,
  repairPushBytesMax: 256 * 1024,

  originsMax: 1_024,
  originIdleMs: 60 * 60 * 1000,
  seenWindowMax: 1_024,
  haveIntervalMs: 100,
  graftWaitMs: 250,
  graftsMax: 8,
  pruneIntervalMs: 5_000,
  wantedMax: 4_096,
  payloadsMs: 30_000,
  payloadsBytesMax: 16 * MIB,
  interestMs: 250,
  interestHealMs: 1_000,
  interestRenewalMs: 15_000,
  interestIdleMs: 45_000,
  interestOriginsMax: 1_024,
  interestKeysMax: 262_144,
  readerPatienceMs: 5_000,
  roleDrainMs: 2_000,
  copyRequestsMax: 10_000,
  copiesHeldBytesMax: 8 * MIB,
  copiesHeldTotalBytesMax: 256 * MIB,
  copiesDocumentsMax: 10_000,
  copiesQuestionsMax: 64,
};

/** Without one of these nothing happens; without any time between two of them nothing else does. */
const AT_LEAST_ONE = [
  "workInFlightMax",
  "roundsAtOnceMax",
  "linksMax",
  "nodesPerAskMax",
  "sliceDocumentsMin",
  "sweepDocumentsMax",
  "sweepIntervalMs",
  "scrubIntervalMs",
  "digestIntervalMs",
  "beatIntervalMs",
  "addressExchangeMs",
  "activeViewMax",
  "passiveViewMax",
  "shuffleMs",
  "probeMs",
  "refreshMs",
  "pingIntervalMs",
  "roundTimeoutMs",
  "copiesQuestionsMax",
  "haveIntervalMs",
  "graftWaitMs",
  "payloadsMs",
  "interestRenewalMs",
] as const satisfies readonly (keyof ReplicaConfig)[];

/** Fills in defaults and checks that the values agree with each other. */
export function createConfig(overrides: Partial<ReplicaConfig> = {}): ReplicaConfig {
  const config = { ...REPLICA_DEFAULTS, ...overrides };
  for (const [name, value] of Object.entries(config)) {
    assert(Number.isFinite(value) && value >= 0, `config ${name} must be a number of at least 0, not ${value}`);
  }
  assert(config.linkSilentMs > 2 * config.pingIntervalMs, "linkSilentMs must exceed twice pingIntervalMs");
  assert(config.meshPeersMax > config.activeViewMax, "meshPeersMax must exceed activeViewMax");
  assert(config.memberHorizonMs >= 3 * config.shuffleMs, "memberHorizonMs must be at least three times shuffleMs");
  assert(config.redialMaxMs >= config.redialMinMs, "redialMaxMs must be at least redialMinMs");
  assert(config.roundBackoffMaxMs >= config.roundBackoffMinMs, "roundBackoffMaxMs must be at least roundBackoffMinMs");
  assert(config.sliceDocumentsMax >= config.sliceDocumentsMin, "sliceDocumentsMax must be at least sliceDocumentsMin");
  assert(config.interestIdleMs > 2 * config.interestRenewalMs, "interestIdleMs must exceed twice interestRenewalMs");
  assert(config.leafDocumentsMax >= 2, "leafDocumentsMax must be at least 2");
  for (const name of AT_LEAST_ONE) assert(config[name] >= 1, `config ${name} must be at least 1, not ${config[name]}`);
  assert(config.nodesPerAskMax <= NODES_PER_MESSAGE_MAX, `nodesPerAskMax must be at most ${NODES_PER_MESSAGE_MAX}`);
  assert(config.addressesMax <= ADDRESS_PEERS_MAX, `addressesMax must be at most ${ADDRESS_PEERS_MAX}`);
  return config;
}
