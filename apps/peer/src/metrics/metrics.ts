/**
 * Every metric of a peer, as one table: the registry is built from it and the operations guide quotes it. Base units
 * throughout (seconds, bytes), `_total` on what only grows. The process's own metrics (`process_*`, `nodejs_*`,
 * event-loop lag among them) come with the library's defaults.
 */

export interface MetricDefinition {
  readonly kind: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly labels?: readonly string[];
  /** Upper bounds of a histogram's buckets, in the metric's unit. */
  readonly buckets?: readonly number[];
}

export const METRICS = {
  yarrow_info: {
    kind: "gauge",
    help: "Always 1; the labels say which peer this is",
    labels: ["peer_id", "cluster_id", "role", "version"],
  },
  yarrow_ready: { kind: "gauge", help: "1 while the peer serves documents, 0 while it starts, joins or closes" },
  yarrow_store_writable: { kind: "gauge", help: "0 while the peer is read-only because its disk is full or failing" },
  yarrow_documents: {
    kind: "gauge",
    help: "Documents by state; pending and quarantined ones are also counted as alive or deleted",
    labels: ["state"],
  },
  yarrow_sessions: { kind: "gauge", help: "Open browser sessions" },
  yarrow_sessions_opened_total: { kind: "counter", help: "Browser sessions opened" },
  yarrow_sessions_closed_total: { kind: "counter", help: "Browser sessions closed" },
  yarrow_sessions_congested_total: {
    kind: "counter",
    help: "Times a session read too slowly and was switched to resync",
  },
  yarrow_sessions_cut_off_total: { kind: "counter", help: "Sessions closed because they stayed too slow" },
  yarrow_session_received_frames_total: { kind: "counter", help: "Frames received from browsers" },
  yarrow_session_received_bytes_total: { kind: "counter", help: "Bytes received from browsers" },
  yarrow_deliveries_total: { kind: "counter", help: "Frames sent to browsers, counted once per reader" },
  yarrow_delivered_bytes_total: { kind: "counter", help: "Bytes sent to browsers, counted once per reader" },
  yarrow_store_bytes: { kind: "gauge", help: "Size of the store on disk, all files" },
  yarrow_store_log_rows: { kind: "gauge", help: "Rows of the update log that are kept" },

  yarrow_commits_total: { kind: "counter", help: "Batches committed to disk" },
  yarrow_committed_documents_total: {
    kind: "counter",
    help: "Documents changed by committed batches, counted once per batch",
  },
  yarrow_committed_updates_total: { kind: "counter", help: "Updates committed to disk" },
  yarrow_committed_bytes_total: { kind: "counter", help: "Bytes of updates committed to disk" },
  yarrow_committed_rows_total: { kind: "counter", help: "Rows appended to the update log" },
  yarrow_commit_failures_total: {
    kind: "counter",
    help: "Documents whose changes could not be committed",
    labels: ["code"],
  },
  yarrow_refused_updates_total: { kind: "counter", help: "Updates refused, by error code", labels: ["code"] },
  yarrow_pending_updates_total: { kind: "counter", help: "Updates that had to wait for what they refer to" },
  yarrow_store_full_total: { kind: "counter", help: "Times the disk ran full" },
  yarrow_quarantined_rows_total: { kind: "counter", help: "Damaged rows found and set aside" },
  yarrow_damaged_past_rows_total: { kind: "counter", help: "Damaged rows found of what only history reads" },
  yarrow_document_failures_total: {
    kind: "counter",
    help: "Times something failed over a document, which was closed for a while",
  },
  yarrow_repaired_documents_total: { kind: "counter", help: "Quarantined documents made whole again" },
  yarrow_compactions_total: { kind: "counter", help: "Documents compacted" },
  yarrow_compaction_freed_bytes_total: { kind: "counter", help: "Bytes of history that compaction merged away" },

  yarrow_copies_wanted: {
    kind: "gauge",
    help: "Other peers that must have committed an edit before it is acknowledged",
  },
  yarrow_copies_degraded: {
    kind: "gauge",
    help: "1 while edits are acknowledged without the copies that are wanted",
  },
  yarrow_copies_waiting_edits: { kind: "gauge", help: "Edits whose authors wait for copies" },
  yarrow_copies_waiting_seconds: { kind: "gauge", help: "For how long the oldest of them has waited" },
  yarrow_copies_wait_seconds: {
    kind: "histogram",
    help: "From the commit here to enough copies, one observation for each batch and document",
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5, 30],
  },
  yarrow_copies_confirmed_edits_total: { kind: "counter", help: "Edits acknowledged with the copies that are wanted" },
  yarrow_copies_skipped_edits_total: { kind: "counter", help: "Edits acknowledged without them, while degraded" },
  yarrow_copies_degradations_total: { kind: "counter", help: "Times the peer stopped waiting for copies" },
  yarrow_rollbacks_total: {
    kind: "counter",
    help: "Times a peer came back older than it was; where says whether it was this one",
    labels: ["where"],
  },
  yarrow_rolled_back: { kind: "gauge", help: "Peers that came back older than they were and are not yet equal again" },
  yarrow_backups_total: { kind: "counter", help: "Backups taken" },
  yarrow_backup_failures_total: { kind: "counter", help: "Backups that failed" },
  yarrow_backup_running: { kind: "gauge", help: "1 while a backup is taken" },
  yarrow_backup_age_seconds: { kind: "gauge", help: "Age of the last backup; absent while there is none" },
  yarrow_backup_bytes: { kind: "gauge", help: "Size of the last backup; absent while there is none" },

  yarrow_links: { kind: "gauge", help: "Links to other peers by state", labels: ["state"] },
  yarrow_links_paused: { kind: "gauge", help: "1 while an operator has paused links" },
  yarrow_link_equal: {
    kind: "gauge",
    help: "1 when the other peer's set was equal when last compared",
    labels: ["peer_id"],
  },
  yarrow_link_round_trip_seconds: { kind: "gauge", help: "Round trip of a link's last ping", labels: ["peer_id"] },
  yarrow_link_lag_seconds: {
    kind: "gauge",
    help: "How old at most is what this peer holds of the other: by beats on a follower, else the time since both were equal",
    labels: ["peer_id"],
  },
  yarrow_link_updates_behind: {
    kind: "gauge",
    help: "Updates that the other peer had committed and this follower lacks",
    labels: ["peer_id"],
  },
  yarrow_link_bytes_behind: {
    kind: "gauge",
    help: "Bytes of updates that the other peer had committed and this follower lacks",
    labels: ["peer_id"],
  },
  yarrow_link_verified_seconds: {
    kind: "gauge",
    help: "How long ago this peer was last verified to hold everything the other held",
    labels: ["peer_id"],
  },
  yarrow_follower_lag_seconds: {
    kind: "gauge",
    help: "How old at most is what a linked follower holds, as it says about once a second",
    labels: ["peer_id"],
  },
  yarrow_lag_seconds: {
    kind: "gauge",
    help: "How old at most is what this peer holds of the writers it hears; 0 on a writer, absent while not known",
  },
  yarrow_updates_behind: {
    kind: "gauge",
    help: "Updates this follower and those above it lack; absent while not known",
  },
  yarrow_bytes_behind: {
    kind: "gauge",
    help: "Bytes of updates this follower and those above it lack; absent while not known",
  },
  yarrow_broadcast_age_seconds: {
    kind: "histogram",
    help: "How long ago the origin had committed a live update when it came; duplicates are not counted",
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2, 10],
  },
  yarrow_link_ups_total: { kind: "counter", help: "Links that came up" },
  yarrow_link_downs_total: { kind: "counter", help: "Links that went down" },
  yarrow_link_refusals_total: { kind: "counter", help: "Links refused by either end, by error code", labels: ["code"] },
  yarrow_link_received_bytes_total: { kind: "counter", help: "Bytes received over links, of all kinds" },
  yarrow_link_sent_bytes_total: { kind: "counter", help: "Bytes sent over links, of all kinds" },
  yarrow_duplicate_identity: { kind: "gauge", help: "1 when two live processes with one peer id were seen" },

  yarrow_broadcast_sent_messages_total: { kind: "counter", help: "Live updates sent to other peers" },
  yarrow_broadcast_sent_bytes_total: { kind: "counter", help: "Bytes of live updates sent to other peers" },
  yarrow_broadcast_received_messages_total: {
    kind: "counter",
    help: "Live updates received from other peers; duplicate=true is redundancy",
    labels: ["duplicate"],
  },
  yarrow_broadcast_received_bytes_total: {
    kind: "counter",
    help: "Bytes of live updates received from other peers; duplicate=true is redundancy",
    labels: ["duplicate"],
  },
  yarrow_pushes_dropped_total: {
    kind: "counter",
    help: "Live updates not sent because a link was over its budget; anti-entropy repairs them",
  },
  yarrow_gossip_links: {
    kind: "gauge",
    help: "Over all origins, links that their live updates are pushed to (eager), and links that are only told of them (lazy)",
    labels: ["push"],
  },
  yarrow_gossip_wanted_broadcasts: { kind: "gauge", help: "Live updates that others have and that have not come" },
  yarrow_gossip_kept_bytes: { kind: "gauge", help: "Live updates kept for those who ask for them" },
  yarrow_announced_broadcasts_total: { kind: "counter", help: "Live updates that lazy links were told of" },
  yarrow_grafts_total: { kind: "counter", help: "Times that a link was asked to push an origin again" },
  yarrow_grafted_broadcasts_total: { kind: "counter", help: "Live updates asked for because they had not come" },
  yarrow_prunes_total: { kind: "counter", help: "Times that a link was asked not to push an origin" },

  yarrow_rounds_started_total: { kind: "counter", help: "Anti-entropy rounds begun" },
  yarrow_rounds_ended_total: { kind: "counter", help: "Anti-entropy rounds ended, by result", labels: ["result"] },
  yarrow_round_documents_total: { kind: "counter", help: "Documents that anti-entropy rounds exchanged" },
  yarrow_round_bytes_total: { kind: "counter", help: "Bytes that anti-entropy rounds exchanged" },
  yarrow_round_duration_seconds: {
    kind: "histogram",
    help: "How long anti-entropy rounds took",
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 30],
  },
  yarrow_stuck_rounds_total: {
    kind: "counter",
    help: "Alarms: a link's rounds brought no progress several times in a row",
  },
  yarrow_follower_ahead_total: {
    kind: "counter",
    help: "Alarms: a follower was found to hold more than this writer",
  },

  yarrow_batches_total: { kind: "counter", help: "Turns of the engine's loop that had something to do" },
  yarrow_batch_events_total: { kind: "counter", help: "Events handled in those turns" },
  yarrow_batch_duration_seconds: {
    kind: "histogram",
    help: "How long a turn of the engine's loop took, commit included",
  },
  yarrow_queries_total: { kind: "counter", help: "Queries asked" },
  yarrow_query_failures_total: { kind: "counter", help: "Queries that were refused, failed or ended at a limit" },
  yarrow_query_seconds_total: { kind: "counter", help: "How long all queries took, waiting included" },
  yarrow_projection_ready: { kind: "gauge", help: "1 while the projection for queries is whole and kept up to date" },
  yarrow_projection_lag_seconds: { kind: "gauge", help: "How much older than the replica the projection is" },
  yarrow_projected_documents_total: { kind: "counter", help: "Documents written to the projection" },
  yarrow_projection_seconds_total: { kind: "counter", help: "How long the projection's thread worked" },
  yarrow_loop_delay_seconds: {
    kind: "gauge",
    help: "Delay of the event loop over the last seconds; quantile 1 is the longest",
    labels: ["quantile"],
  },
  yarrow_loop_held_seconds_total: {
    kind: "counter",
    help: "How long the event loop was held up, by part: step, commit and perform of a batch, or elsewhere",
    labels: ["part"],
  },
  yarrow_loop_blocked_total: { kind: "counter", help: "Times the event loop was blocked for longer than it may be" },
} as const satisfies Readonly<Record<string, MetricDefinition>>;

export type MetricName = keyof typeof METRICS;
