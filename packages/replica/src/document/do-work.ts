/**
 * Performs the jobs that are too long for the loop. Pure, and never throws: it runs in worker threads and in the
 * simulator.
 */
import type { Work, WorkResult } from "../work.ts";
import { compactUpdates } from "./compact.ts";
import { contentDigest } from "./content-digest.ts";
import { encodeDifference, mergeUpdates } from "./merge.ts";
import { scanUpdate } from "./scan-update.ts";
import { encodeStateVector } from "./state-vector.ts";
import { MERGED_LIMITS } from "./update-limits.ts";

export function doWork(job: Work): WorkResult {
  try {
    switch (job.kind) {
      case "encode":
        return { kind: "encode", update: encodeDifference(job.parts, job.stateVector, job.deleteSet) };
      case "compact":
        return { kind: "compact", snapshot: compactUpdates(job.parts, job.deleteSet) };
      case "merge": {
        const update = mergeUpdates(job.parts);
        return { kind: "merge", update, stateVector: encodeStateVector(reachedClocks(update)) };
      }
      case "digest":
        return {
          kind: "digest",
          digests: job.documents.map(({ parts, deleteSet }) => contentDigest(parts, deleteSet)),
        };
    }
  } catch (error) {
    return { kind: "failed", detail: error instanceof Error ? error.message : String(error) };
  }
}

function reachedClocks(update: Uint8Array): Map<number, number> {
  return new Map(scanUpdate(update, MERGED_LIMITS).sections.map(({ client, end }) => [client, end]));
}
