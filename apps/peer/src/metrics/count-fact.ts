/**
 * Counters that move with the facts a peer tells.
 */
import type { PeerEvents } from "@yarrow/core";
import type { Instruments } from "./instruments.ts";
import type { MetricName } from "./metrics.ts";

type Fact = PeerEvents["fact"];

/** Facts of which only the number counts. */
const PLAIN = {
  pending: "yarrow_pending_updates_total",
  "store-full": "yarrow_store_full_total",
  "copies-degraded": "yarrow_copies_degradations_total",
  "link-up": "yarrow_link_ups_total",
  "link-down": "yarrow_link_downs_total",
  "push-dropped": "yarrow_pushes_dropped_total",
  "round-started": "yarrow_rounds_started_total",
  "reconciliation-stuck": "yarrow_stuck_rounds_total",
  "follower-ahead": "yarrow_follower_ahead_total",
  quarantined: "yarrow_quarantined_rows_total",
  repaired: "yarrow_repaired_documents_total",
  "document-failed": "yarrow_document_failures_total",
  "past-damaged": "yarrow_damaged_past_rows_total",
} as const satisfies { readonly [K in Fact["kind"]]?: MetricName };

type PlainFact = Extract<Fact, { readonly kind: keyof typeof PLAIN }>;

/** Counts one fact. */
export function countFact(to: Instruments, fact: Fact): void {
  if (isPlain(fact)) return to.add(PLAIN[fact.kind]);
  switch (fact.kind) {
    case "committed":
      to.add("yarrow_commits_total");
      to.add("yarrow_committed_documents_total", fact.documents);
      to.add("yarrow_committed_updates_total", fact.updates);
      to.add("yarrow_committed_bytes_total", fact.bytes);
      return to.add("yarrow_committed_rows_total", fact.rows);
    case "refused-update":
      return to.add("yarrow_refused_updates_total", 1, { code: fact.code });
    case "commit-failed":
      return to.add("yarrow_commit_failures_total", 1, { code: fact.code });
    case "copies-confirmed":
      to.add("yarrow_copies_confirmed_edits_total", fact.edits);
      return to.observe("yarrow_copies_wait_seconds", fact.ms / 1_000);
    case "copies-skipped":
      return to.add("yarrow_copies_skipped_edits_total", fact.edits);
    case "link-refused":
      return to.add("yarrow_link_refusals_total", 1, { code: fact.code });
    case "broadcast-sent":
      to.add("yarrow_broadcast_sent_messages_total", fact.messages);
      return to.add("yarrow_broadcast_sent_bytes_total", fact.bytes);
    case "broadcast-received":
      return countReceived(to, fact);
    case "announced":
      return to.add("yarrow_announced_broadcasts_total", fact.broadcasts);
    case "grafted":
      to.add("yarrow_grafts_total", fact.origins);
      return to.add("yarrow_grafted_broadcasts_total", fact.broadcasts);
    case "pruned":
      return to.add("yarrow_prunes_total");
    case "round-ended":
      to.add("yarrow_rounds_ended_total", 1, { result: fact.result });
      to.add("yarrow_round_documents_total", fact.documents);
      to.add("yarrow_round_bytes_total", fact.bytes);
      return to.observe("yarrow_round_duration_seconds", fact.ms / 1_000);
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

function isPlain(fact: Fact): fact is PlainFact {
  return Object.hasOwn(PLAIN, fact.kind);
}

function countReceived(to: Instruments, fact: Extract<Fact, { kind: "broadcast-received" }>): void {
  const labels = { duplicate: String(fact.duplicate) };
  to.add("yarrow_broadcast_received_messages_total", 1, labels);
  to.add("yarrow_broadcast_received_bytes_total", fact.bytes, labels);
  if (!fact.duplicate) to.observe("yarrow_broadcast_age_seconds", fact.ageMs / 1_000);
}
