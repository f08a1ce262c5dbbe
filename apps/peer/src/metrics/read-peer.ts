/**
 * What is read from a peer at the moment somebody scrapes: its status, and the counts that its sockets and its loop keep.
 */
import type { Peer, PeerStatus } from "@yarrow/core";
import type { Instruments } from "./instruments.ts";
import type { MetricName } from "./metrics.ts";

type Counters = ReturnType<Peer["counters"]>;

/** Of links that are open; cleared before they are read, so that a peer that left does not stay at its last value. */
const LINK_GAUGES = [
  "yarrow_link_equal",
  "yarrow_link_round_trip_seconds",
  "yarrow_link_lag_seconds",
  "yarrow_link_updates_behind",
  "yarrow_link_bytes_behind",
  "yarrow_link_verified_seconds",
  "yarrow_follower_lag_seconds",
] as const;

const LINK_STATES = ["connecting", "open", "paused", "waiting"] as const;

/** Gauges of the peer's status. */
export function readStatus(to: Instruments, status: PeerStatus, version: string): void {
  to.clear("yarrow_info", ...LINK_GAUGES);
  to.set("yarrow_info", 1, { peer_id: status.peerId, cluster_id: status.clusterId ?? "", role: status.role, version });
  to.set("yarrow_ready", status.state === "ready" || status.state === "read-only");
  to.set("yarrow_store_writable", status.state !== "read-only");
  for (const [state, documents] of Object.entries(status.documents)) to.set("yarrow_documents", documents, { state });
  to.set("yarrow_sessions", status.sessions);
  to.set("yarrow_store_bytes", status.store.bytes);
  to.set("yarrow_store_log_rows", status.store.logRows);
  const { copies } = status;
  to.set("yarrow_copies_wanted", copies.wanted);
  to.set("yarrow_copies_degraded", copies.state === "degraded");
  to.set("yarrow_copies_waiting_edits", copies.waiting.edits);
  to.set("yarrow_copies_waiting_seconds", copies.waiting.oldestMs / 1_000);
  to.set("yarrow_links_paused", status.paused);
  to.set("yarrow_duplicate_identity", status.duplicateIdentity);
  to.set("yarrow_rolled_back", status.rolledBack.length);
  readBackups(to, status.backup);
  to.set("yarrow_projection_ready", status.query.state === "ready");
  to.clear("yarrow_projection_lag_seconds");
  if (status.query.lagMs !== undefined) to.set("yarrow_projection_lag_seconds", status.query.lagMs / 1_000);
  for (const state of LINK_STATES)
    to.set("yarrow_links", status.links.filter((link) => link.state === state).length, { state });
  for (const link of status.links) {
    if (link.peerId === undefined || link.state !== "open") continue;
    const labels = { peer_id: link.peerId };
    to.set("yarrow_link_equal", link.equal, labels);
    if (link.rttMs !== undefined) to.set("yarrow_link_round_trip_seconds", link.rttMs / 1_000, labels);
    if (link.lagMs !== undefined) to.set("yarrow_link_lag_seconds", link.lagMs / 1_000, labels);
    if (link.updatesBehind !== undefined) to.set("yarrow_link_updates_behind", link.updatesBehind, labels);
    if (link.bytesBehind !== undefined) to.set("yarrow_link_bytes_behind", link.bytesBehind, labels);
    if (link.verifiedMs !== undefined) to.set("yarrow_link_verified_seconds", link.verifiedMs / 1_000, labels);
    const theirs = link.follower?.lagMs;
    if (theirs !== undefined) to.set("yarrow_follower_lag_seconds", theirs / 1_000, labels);
  }
  readLag(to, status.lag);
  const { gossip } = status;
  to.set("yarrow_gossip_links", gossip.eagerLinks, { push: "eager" });
  to.set("yarrow_gossip_links", gossip.lazyLinks, { push: "lazy" });
  to.set("yarrow_gossip_wanted_broadcasts", gossip.wanted);
  to.set("yarrow_gossip_kept_bytes", gossip.payloadBytes);
}

/** What is not known is absent: 0 would say that nothing is lacking. */
function readLag(to: Instruments, { lagMs, updatesBehind, bytesBehind }: PeerStatus["lag"]): void {
  const setOrRemove = (name: MetricName, value: number | undefined): void => {
    if (value === undefined) to.remove(name);
    else to.set(name, value);
  };
  setOrRemove("yarrow_lag_seconds", lagMs === undefined ? undefined : lagMs / 1_000);
  setOrRemove("yarrow_updates_behind", updatesBehind);
  setOrRemove("yarrow_bytes_behind", bytesBehind);
}

function readBackups(to: Instruments, { taken, failures, running, last }: PeerStatus["backup"]): void {
  to.setTotal("yarrow_backups_total", taken);
  to.setTotal("yarrow_backup_failures_total", failures);
  to.set("yarrow_backup_running", running !== undefined);
  if (last === undefined) {
    to.remove("yarrow_backup_age_seconds");
    return to.remove("yarrow_backup_bytes");
  }
  to.set("yarrow_backup_age_seconds", Math.max(0, Date.now() - last.takenMs) / 1_000);
  to.set("yarrow_backup_bytes", last.bytes);
}

const COUNTED: readonly (readonly [MetricName, (counters: Counters) => number])[] = [
  ["yarrow_sessions_opened_total", (counters) => counters.sessionsOpened],
  ["yarrow_sessions_closed_total", (counters) => counters.sessionsClosed],
  ["yarrow_sessions_congested_total", (counters) => counters.sessionsCongested],
  ["yarrow_sessions_cut_off_total", (counters) => counters.sessionsCutOff],
  ["yarrow_session_received_frames_total", (counters) => counters.receivedFrames],
  ["yarrow_session_received_bytes_total", (counters) => counters.receivedBytes],
  ["yarrow_deliveries_total", (counters) => counters.deliveries],
  ["yarrow_delivered_bytes_total", (counters) => counters.deliveredBytes],
  ["yarrow_link_received_bytes_total", (counters) => counters.linkReceivedBytes],
  ["yarrow_link_sent_bytes_total", (counters) => counters.linkSentBytes],
  ["yarrow_batches_total", (counters) => counters.batches],
  ["yarrow_batch_events_total", (counters) => counters.events],
  ["yarrow_queries_total", (counters) => counters.queries],
  ["yarrow_query_failures_total", (counters) => counters.queriesFailed],
  ["yarrow_query_seconds_total", (counters) => counters.queryMsTotal / 1_000],
  ["yarrow_projected_documents_total", (counters) => counters.projectedDocuments],
  ["yarrow_projection_seconds_total", (counters) => counters.projectionMsTotal / 1_000],
  ["yarrow_loop_blocked_total", (counters) => counters.loopBlocked],
];

/** Counts that sockets and loop keep themselves. */
export function readCounters(to: Instruments, counters: Counters): void {
  for (const [name, read] of COUNTED) to.setTotal(name, read(counters));
  const held = Object.entries(counters.heldMs).map(([part, ms]) => [part, ms / 1_000] as const);
  to.setTotals("yarrow_loop_held_seconds_total", "part", Object.fromEntries(held));
  to.set("yarrow_loop_delay_seconds", counters.loopDelayP50Ms / 1_000, { quantile: "0.5" });
  to.set("yarrow_loop_delay_seconds", counters.loopDelayP99Ms / 1_000, { quantile: "0.99" });
  to.set("yarrow_loop_delay_seconds", counters.loopDelayMaxMs / 1_000, { quantile: "1" });
}
