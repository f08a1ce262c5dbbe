/** What a simulated peer tells of itself: counted, taken as leave to forget, or held against it. */
import type { Fact } from "@yarrow/replica";
import { countFact } from "./counters.ts";
import type { SimulatedPeer } from "./peer.ts";
import type { World } from "./world.ts";
import { violated } from "./witness.ts";

export function observeFact(peer: SimulatedPeer, fact: Fact, world: World): void {
  countFact(world.counters, fact);
  switch (fact.kind) {
    case "role":
      return note(peer, world, `is a ${fact.role}`);
    case "follower-ahead":
      return note(peer, world, "is behind a follower");
    case "reconciliation-stuck":
      return note(peer, world, "reconciliation stuck");
    case "repaired":
      return repaired(peer, fact.name, world);
    case "document-failed":
      return violated("isolation", `${peer.place} failed over ${fact.name}: ${fact.detail}`);
    case "quarantined":
      if (!peer.disk.spoiled.has(fact.name))
        violated("storage", `${peer.place} found damage in ${fact.name}: ${fact.detail}`);
      note(peer, world, "found damage");
      return lost(peer, world);
    case "link-refused":
      if (fact.code !== "YARROW_NOT_A_WRITER") return;
      return violated("roles", `${peer.place} was sent changes that it may not take: ${fact.detail}`);
    case "refused-update":
      if (fact.code !== "YARROW_UPDATE_INVALID") return;
      return violated("validation", `${peer.place} refused an update of ${fact.name}: ${fact.detail}`);
    default:
  }
}

function repaired(peer: SimulatedPeer, name: string, world: World): void {
  if (!peer.disk.spoiled.delete(name)) return;
  note(peer, world, `repaired ${name}`);
  world.counters.documentsRepaired++;
  lost(peer, world);
}

/** Its disk holds less than before, and may. */
function lost(peer: SimulatedPeer, { witnesses }: World): void {
  for (const witness of witnesses) witness.lost?.(peer);
}

function note(peer: SimulatedPeer, { trace, timeline }: World, what: string): void {
  trace.note(timeline.now, peer.place, what);
}
