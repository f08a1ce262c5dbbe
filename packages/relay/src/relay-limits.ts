/**
 * Every bound and interval of the relay. Defaults suit stock providers; docs/OPERATIONS.md says what degrades when one
 * moves.
 */
import { PRESENCE_STATE_BYTES_MAX, PRESENCE_STATES_MAX, assert } from "@yarrow/protocol";

export interface RelayConfig {
  /** Longest silence towards a session. A stock provider drops a server that is silent for 30 s. */
  readonly keepAliveMs: number;
  /**
   * Least time between two answers to SyncStep1, two SyncStep1 sent for gaps, and two answered awareness queries, per
   * session.
   */
  readonly askIntervalMs: number;
  /** Messages that one WebSocket frame may hold. Stock providers send one. */
  readonly messagesPerFrameMax: number;
  /** Bytes of new frames kept for a session whose answer is being encoded; beyond them it is closed with 1013. */
  readonly heldBytesMax: number;

  /** A slow reader that has not caught up after this long is closed with 1013 … */
  readonly congestedMs: number;
  /**
   * … with a second more for each of these bytes of the answer it was sent, so that a large document comes through a
   * thin line …
   */
  readonly drainBytesPerSecond: number;
  /** … and so is one that falls behind for longer than this … */
  readonly congestionForgivenMs: number;
  /** … more often than this … */
  readonly congestionsMax: number;
  /** … within this time. */
  readonly congestionWindowMs: number;

  /** A denial is remembered this long; another one by the same address for the same document within it is parked. */
  readonly denialMs: number;
  /** Denials remembered; beyond them the oldest is forgotten. */
  readonly denialsMax: number;
  /** How long a parked session is left open. Below the 30 s after which a provider gives up a silent server. */
  readonly parkMs: number;
  /** Sessions parked at once; beyond them a repeated denial closes at once, like a first one. */
  readonly parkedMax: number;

  /**
   * An awareness state that is not renewed for this long is gone. Stock clients renew every 15 s and expire after 30 s.
   */
  readonly presenceMs: number;
  /** States of our own sessions are told to the other peers again this often, so that their tables keep them. */
  readonly presenceRenewalMs: number;
  /** States of a session whose connection broke are kept this long for the tab to come back. */
  readonly presenceGraceMs: number;
  /** How long the clock of a removed state is remembered, so that a late message does not bring it back. */
  readonly presenceRemovedMs: number;
  /** States and removed clocks per document; also the most that one frame may hold. */
  readonly presenceStatesMax: number;
  /** Client ids that one session may own. It owns its own, and at times one of another tab of the same browser. */
  readonly presencePerSessionMax: number;
  /** One state as JSON text, in bytes of UTF-8; a larger one is ignored. */
  readonly presenceStateBytesMax: number;
  /** Nesting of objects and arrays in a state; a deeper one is ignored. */
  readonly presenceDepthMax: number;
  /** The largest clock, beyond what any client comes to. Without it, one message could set a client's clock past reach. */
  readonly presenceClockMax: number;
  /** Memory of all states and removed clocks together, estimated in bytes; what would exceed it is ignored. */
  readonly presenceBytesMax: number;
}

const MIB = 1024 * 1024;

export const RELAY_DEFAULTS: RelayConfig = {
  keepAliveMs: 18_000,
  askIntervalMs: 1_000,
  messagesPerFrameMax: 256,
  heldBytesMax: 8 * MIB,

  congestedMs: 30_000,
  drainBytesPerSecond: 256 * 1024,
  congestionForgivenMs: 2_000,
  congestionsMax: 3,
  congestionWindowMs: 60_000,

  denialMs: 60_000,
  denialsMax: 10_000,
  parkMs: 25_000,
  parkedMax: 1_000,

  presenceMs: 30_000,
  presenceRenewalMs: 10_000,
  presenceGraceMs: 5_000,
  presenceRemovedMs: 60_000,
  presenceStatesMax: PRESENCE_STATES_MAX,
  presencePerSessionMax: 32,
  presenceStateBytesMax: PRESENCE_STATE_BYTES_MAX,
  presenceDepthMax: 16,
  presenceClockMax: 2 ** 31,
  presenceBytesMax: 32 * MIB,
};

/** Fills in defaults and checks that the values agree with each other. */
export function createRelayConfig(overrides: Partial<RelayConfig> = {}): RelayConfig {
  const config = { ...RELAY_DEFAULTS, ...overrides };
  for (const [name, value] of Object.entries(config)) {
    assert(Number.isFinite(value) && value >= 0, `config ${name} must be a number of at least 0, not ${value}`);
  }
  assert(config.keepAliveMs >= 2 && config.keepAliveMs < 30_000, "keepAliveMs must be below the provider's 30 s");
  assert(config.parkMs < 30_000, "parkMs must be below the provider's 30 s");
  assert(config.presenceRenewalMs < config.presenceMs, "presenceRenewalMs must be below presenceMs");
  assert(config.presenceRemovedMs >= config.presenceMs, "presenceRemovedMs must be at least presenceMs");
  assert(config.drainBytesPerSecond > 0, "drainBytesPerSecond must be above 0");
  return config;
}
