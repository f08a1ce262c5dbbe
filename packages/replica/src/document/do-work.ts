/**
 * Performs the jobs that are too long for the loop. Pure, and never throws: it runs in worker threads and in the
 * simulator.
 */
import type { Work, WorkResult } from "../work.ts";
import { compactUpdates } from "./compact.ts";
import { contentDigest } from "./content-digest.ts";
import { encodeDifference } from "./merge.ts";

export function doWork(job: Work): WorkResult {
  try {
    switch (job.kind) {
      case "encode":
        return { kind: "encode", update: encodeDifference(job.parts, job.stateVector, job.deleteSet) };
      case "compact":
        return { kind: "compact", snapshot: compactUpdates(job.parts, job.deleteSet) };
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
