/**
 * Counters that move with the facts a peer tells.
 */
import type { PeerEvents } from "@yarrow/core";
import type { Instruments } from "./instruments.ts";

/** Counts one fact. */
export function countFact(to: Instruments, fact: PeerEvents["fact"]): void {
  switch (fact.kind) {
    case "committed":
      to.add("yarrow_commits_total");
      to.add("yarrow_committed_documents_total", fact.documents);
      to.add("yarrow_committed_updates_total", fact.updates);
      to.add("yarrow_committed_bytes_total", fact.bytes);
      return to.add("yarrow_committed_rows_total", fact.rows);
    case "refused-update":
      return to.add("yarrow_refused_updates_total", 1, { code: fact.code });
    case "pending":
      return to.add("yarrow_pending_updates_total");
    case "commit-failed":
      return to.add("yarrow_commit_failures_total", 1, { code: fact.code });
    case "store-full":
      return to.add("yarrow_store_full_total");
    case "copies-confirmed":
      to.add("yarrow_copies_confirmed_edits_total", fact.edits);
      return to.observe("yarrow_copies_wait_seconds", fact.ms / 1_000);
    case "copies-skipped":
      return to.add("yarrow_copies_skipped_edits_total", fact.edits);
    case "copies-degraded":
      return to.add("yarrow_copies_degradations_total");
    case "link-up":
      return to.add("yarrow_link_ups_total");
    case "link-down":
      return to.add("yarrow_link_downs_total");
    case "link-refused":
      return to.add("yarrow_link_refusals_total", 1, { code: fact.code });
    case "broadcast-sent":
      to.add("yarrow_broadcast_sent_messages_total", fact.messages);
      return to.add("yarrow_broadcast_sent_bytes_total", fact.bytes);
    case "broadcast-received":
      return countReceived(to, fact);
    case "push-dropped":
      return to.add("yarrow_pushes_dropped_total");
    case "round-started":
      return to.add("yarrow_rounds_started_total");
    case "round-ended":
      to.add("yarrow_rounds_ended_total", 1, { result: fact.result });
      to.add("yarrow_round_documents_total", fact.documents);
      to.add("yarrow_round_bytes_total", fact.bytes);
      return to.observe("yarrow_round_duration_seconds", fact.ms / 1_000);
    case "reconciliation-stuck":
      return to.add("yarrow_stuck_rounds_total");
    case "follower-ahead":
      return to.add("yarrow_follower_ahead_total");
    case "quarantined":
      return to.add("yarrow_quarantined_rows_total");
    case "repaired":
      return to.add("yarrow_repaired_documents_total");
    case "past-damaged":
      return to.add("yarrow_damaged_past_rows_total");
    case "compacted":
      to.add("yarrow_compactions_total");
      return to.add("yarrow_compaction_freed_bytes_total", Math.max(0, fact.bytesBefore - fact.bytesAfter));
    case "rolled-back":
    case "rolled-back-here":
      return to.add("yarrow_rollbacks_total", 1, { where: fact.kind === "rolled-back" ? "elsewhere" : "here" });
    case "copies-recovered":
    case "rollback-over":
    case "store-recovered":
    case "duplicate-identity":
    case "joined":
    case "role":
      return; // Their outcome is a gauge, read from the status.
    default:
      fact satisfies never;
  }
}

function countReceived(to: Instruments, fact: Extract<PeerEvents["fact"], { kind: "broadcast-received" }>): void {
  const labels = { duplicate: String(fact.duplicate) };
  to.add("yarrow_broadcast_received_messages_total", 1, labels);
  to.add("yarrow_broadcast_received_bytes_total", fact.bytes, labels);
  if (!fact.duplicate) to.observe("yarrow_broadcast_age_seconds", fact.ageMs / 1_000);
}
