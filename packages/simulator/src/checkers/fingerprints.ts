/** What a peer keeps up to date step by step equals what follows from its rows: lattices, fingerprints, tree, and the set's root. */
import { toHex } from "@yarrow/protocol";
import type { SimulatedPeer } from "../peer.ts";
import { violated } from "../witness.ts";

export function checkFingerprints(peer: SimulatedPeer): void {
  const { inspector } = peer.disk;
  for (const complaint of inspector.complaints()) violated("fingerprints", `${peer.place}, ${complaint}`);
  const { replica } = peer;
  if (replica === undefined) return;
  const { root } = replica.status(peer.now());
  const summed = toHex(inspector.sum());
  if (root !== summed) violated("fingerprints", `the root of ${peer.place} is ${root}, its documents give ${summed}`);
}
