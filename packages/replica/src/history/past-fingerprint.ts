/** The bookkeeping of a past state, folded from its updates: what the record of the document said then. */
import { absorb } from "../document/absorb.ts";
import type { FingerprintKey } from "../document/fingerprint.ts";
import { Lattice } from "../document/lattice.ts";
import { scanUpdate } from "../document/scan-update.ts";
import { MERGED_LIMITS } from "../document/update-limits.ts";
import type { PastContent } from "./past.ts";

export function pastLattice({ parts }: Pick<PastContent, "parts">, key: FingerprintKey): Lattice {
  const lattice = new Lattice(key);
  for (const part of parts) absorb(lattice, scanUpdate(part, MERGED_LIMITS));
  return lattice;
}
