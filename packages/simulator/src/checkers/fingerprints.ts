/** What a peer keeps up to date step by step equals what follows from its rows: lattices, fingerprints, tree, and the set's root. */
import { toHex } from "@yarrow/protocol";
import type { ClusterId } from "@yarrow/protocol";
import { inspectDocument, sumDocuments } from "@yarrow/replica";
import type { SimulatedPeer } from "../peer.ts";
import { violated } from "../witness.ts";

export function checkFingerprints(peer: SimulatedPeer, clusterId: ClusterId): void {
  const { store } = peer.disk;
  for (const { name } of store.listDocuments({ limit: Number.MAX_SAFE_INTEGER, include: "all" })) {
    const complaint = inspectDocument(store, clusterId, name, true)?.complaint;
    if (complaint !== undefined) violated("fingerprints", `${peer.place}, ${name}: ${complaint}`);
  }
  const { replica } = peer;
  if (replica === undefined) return;
  const { root } = replica.status(peer.now());
  const summed = toHex(sumDocuments(store, clusterId));
  if (root !== summed) violated("fingerprints", `the root of ${peer.place} is ${root}, its documents give ${summed}`);
}
