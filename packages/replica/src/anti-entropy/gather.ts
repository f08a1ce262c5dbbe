/** The next question about documents that differ: what we hold of those we know, and the bare keys of the others. */
import type { DocumentKey, DocumentSummary } from "@yarrow/protocol";
import { BATCH_BYTES, BATCH_DOCUMENTS_MAX } from "@yarrow/protocol";
import type { Catalog } from "../catalog/catalog.ts";
import type { ReplicaConfig } from "../config.ts";
import type { Store } from "../store.ts";
import { summarise, summaryBytes } from "./difference.ts";
import type { Round } from "./round.ts";

interface Question {
  readonly summaries: readonly DocumentSummary[];
  readonly keys: readonly DocumentKey[];
}

/** Takes out of the round what it asks about, and leaves busy documents out of it where the round does. */
export function gatherQuestion(
  round: Round,
  parts: { readonly store: Store; readonly catalog: Catalog; readonly config: ReplicaConfig },
  now: number,
): Question {
  const { store, catalog, config } = parts;
  const summaries: DocumentSummary[] = [];
  const keys: DocumentKey[] = [];
  let bytes = 0;
  for (const key of round.differing) {
    if (bytes >= BATCH_BYTES || summaries.length + keys.length >= BATCH_DOCUMENTS_MAX) break;
    round.differing.delete(key);
    const row = store.readDocumentByKey(key);
    if (row === undefined) {
      keys.push(key);
      continue;
    }
    const entry = catalog.entry(row.name, now);
    if (round.skipBusy && now - entry.changedAt < config.busyMs) {
      round.skipped++;
      continue;
    }
    const summary = summarise(entry);
    summaries.push(summary);
    bytes += summaryBytes(summary);
  }
  return { summaries, keys };
}
