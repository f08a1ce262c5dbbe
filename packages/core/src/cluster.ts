/** Which set of peers this one belongs to, decided once and then kept in the store. */
import { randomBytes } from "node:crypto";
import { YarrowError } from "@yarrow/protocol";
import type { ClusterId } from "@yarrow/protocol";
import type { Store } from "@yarrow/replica";

/**
 * The stored id stands. Else a given name decides; else a peer that knows nobody founds a set of its own; else it is
 * undecided (undefined), and joins the set of the first decided peer that it reaches. Errors: YARROW_CLUSTER_MISMATCH.
 */
export function decideCluster(
  store: Store,
  wanted: ClusterId | undefined,
  knowsPeers: boolean,
): { readonly clusterId: ClusterId | undefined; readonly minted: boolean } {
  const stored = store.readClusterId();
  if (stored !== undefined) {
    if (wanted === undefined || wanted === stored) return { clusterId: stored, minted: false };
    throw new YarrowError(
      "YARROW_CLUSTER_MISMATCH",
      `this data folder belongs to cluster ${stored}, not to ${wanted}`,
      {
        hint: "Leave the cluster name out or correct it, or start with another data folder.",
      },
    );
  }
  if (wanted === undefined && knowsPeers) return { clusterId: undefined, minted: false };
  const clusterId = wanted ?? (randomBytes(16).toString("hex") as ClusterId);
  store.transaction(() => store.writeClusterId(clusterId));
  return { clusterId, minted: wanted === undefined };
}
