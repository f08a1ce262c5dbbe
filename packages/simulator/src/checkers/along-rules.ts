/**
 * At rest, whoever takes changes from another holds all that the other holds. Among writers that means equality; a follower may hold more than
 * the writer that feeds it, when that writer's disk was put back or it was demoted with a tail that nobody had fetched, and then the
 * writer has told people so.
 */
import { equalBytes } from "@yarrow/protocol";
import type { Disk } from "../disk.ts";
import type { SimulatedPeer } from "../peer.ts";
import { violated } from "../witness.ts";
import { reachedBy } from "./contributions.ts";
import { fenceOf } from "./fence.ts";

/** The rule of who takes changes from whom, written down a second time. */
function takesFrom(taker: SimulatedPeer, giver: SimulatedPeer): boolean {
  if (taker === giver || !areLinked(taker, giver)) return false;
  return giver.role === "writer" || (taker.role === "follower" && knows(taker, giver));
}

/** Names of what a peer lacks that it should have taken from another. */
export function findLag(peers: readonly SimulatedPeer[]): string | undefined {
  for (const taker of peers) {
    for (const giver of peers) {
      const name = takesFrom(taker, giver) ? firstLacking(taker.disk, giver.disk) : undefined;
      if (name !== undefined) return `${taker.place} lacks some of ${name} that ${giver.place} holds`;
    }
  }
  return undefined;
}

/** A writer that lacks what a follower of its holds, and says nothing of it. */
export function findUntold(peers: readonly SimulatedPeer[]): string | undefined {
  for (const writer of peers) {
    const links = writer.replica?.status(writer.now()).links ?? [];
    for (const follower of peers) {
      if (writer.role !== "writer" || follower.role !== "follower" || !takesFrom(follower, writer)) continue;
      const name = firstLacking(writer.disk, follower.disk);
      const peerId = follower.disk.store.readPeerId();
      if (name === undefined || links.some((link) => link.peerId === peerId && link.theyHoldMore > 0)) continue;
      return `${writer.place} lacks some of ${name} that ${follower.place} holds, and tells nobody`;
    }
  }
  return undefined;
}

export function checkAlongRules(peers: readonly SimulatedPeer[]): void {
  const lag = findLag(peers);
  if (lag !== undefined) violated("along-rules", lag);
  const untold = findUntold(peers);
  if (untold !== undefined) violated("along-rules", untold);
}

/** With discovery everybody learns of everybody. */
function areLinked(one: SimulatedPeer, other: SimulatedPeer): boolean {
  return knows(one, other) || knows(other, one) || (one.settings.discovery && other.settings.discovery);
}

function knows(one: SimulatedPeer, other: SimulatedPeer): boolean {
  return one.settings.peers.includes(other.settings.url);
}

/** The first document of which one disk lacks something that another holds. */
function firstLacking(taker: Disk, giver: Disk): string | undefined {
  for (const row of giver.store.listDocuments({ limit: Number.MAX_SAFE_INTEGER, include: "all" })) {
    const own = taker.store.readDocument(row.name);
    if (row.incarnation === 0 || (own !== undefined && own.incarnation > row.incarnation)) continue;
    if (own?.incarnation !== row.incarnation) return row.name;
    const fence = fenceOf(own);
    if ([...fenceOf(row)].some((client) => !fence.has(client))) return row.name;
    if (equalBytes(own.fingerprint, row.fingerprint)) continue;
    const held = giver.inspector.document(row.name);
    if (held !== undefined && taker.inspector.document(row.name)?.covers(reachedBy(held)) !== true) return row.name;
  }
  return undefined;
}
