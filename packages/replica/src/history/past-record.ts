/** The bookkeeping of a past state, folded from its updates: what the record of the document said then. */
import type { ClusterId } from "@yarrow/protocol";
import { absorb } from "../document/absorb.ts";
import { createFingerprintKey, toBytes } from "../document/fingerprint.ts";
import { Lattice } from "../document/lattice.ts";
import { scanUpdate } from "../document/scan-update.ts";
import { MERGED_LIMITS } from "../document/update-limits.ts";
import type { PastContent } from "./past.ts";

export interface PastRecord {
  readonly fingerprint: Uint8Array;
  /** Clocks reached and ranges deleted, as a checkpoint holds them. */
  readonly lattice: Uint8Array;
  /** As at the end of a Yjs update. */
  readonly deleteSet: Uint8Array;
  /** As Yjs encodes it. */
  readonly stateVector: Uint8Array;
  readonly clients: readonly number[];
}

export function pastRecord({ parts }: Pick<PastContent, "parts">, clusterId: ClusterId): PastRecord {
  const lattice = new Lattice(createFingerprintKey(clusterId));
  for (const part of parts) absorb(lattice, scanUpdate(part, MERGED_LIMITS));
  return {
    fingerprint: toBytes(lattice.fingerprint),
    lattice: lattice.encode(),
    deleteSet: lattice.encodeDeleteSet(),
    stateVector: lattice.encodeStateVector(),
    clients: [...lattice.clientIds()],
  };
}
