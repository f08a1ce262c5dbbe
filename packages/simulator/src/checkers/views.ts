/**
 * A link is in both views or in none, and the links join everybody: at rest, whoever counts another peer among its links is counted by it,
 * who learns of others is linked to all of them, and from each peer every other can be reached. (How trees span is measured at 10 to 1,000 peers; here `timeliness` sees what they bring.)
 */
import type { PeerId } from "@yarrow/protocol";
import type { Cluster } from "../cluster.ts";
import type { SimulatedPeer } from "../peer.ts";
import { violated } from "../witness.ts";

/** Longer than the silence after which a link is given up, and the longest wait before another dial. */
const PATIENCE_MS = 120_000;

export function checkViews(cluster: Cluster): void {
  cluster.runUntil(() => findSplit(cluster.peers) === undefined, PATIENCE_MS);
  const split = findSplit(cluster.peers);
  if (split !== undefined) violated("views", split);
}

/** Two processes with one identity, the one a copy of the other, count as one. */
interface Member {
  readonly place: string;
  readonly view: Set<PeerId>;
  /** Learns of everybody, and links to everybody. */
  discovers: boolean;
}

function findSplit(peers: readonly SimulatedPeer[]): string | undefined {
  const members = new Map<PeerId, Member>();
  for (const peer of peers) {
    const { disk, place, settings, replica } = peer;
    const peerId = disk.store.readPeerId();
    let member = members.get(peerId);
    if (member === undefined) members.set(peerId, (member = { place, view: new Set(), discovers: true }));
    member.discovers &&= settings.discovery;
    for (const link of replica?.status(peer.now()).links ?? []) {
      if (link.state === "open" && link.peerId !== undefined) member.view.add(link.peerId);
    }
  }
  return findOneSided(members) ?? findMissing(members) ?? findCutOff(members);
}

function findOneSided(members: ReadonlyMap<PeerId, Member>): string | undefined {
  for (const [peerId, { place, view }] of members) {
    for (const otherId of view) {
      const other = members.get(otherId);
      if (other === undefined) return `${place} has a link to ${otherId}, who is not there`;
      if (!other.view.has(peerId)) return `${place} has a link to ${other.place}, who has none to it`;
    }
  }
  return undefined;
}

/** So few are a mesh. */
function findMissing(members: ReadonlyMap<PeerId, Member>): string | undefined {
  const discovering = [...members].filter(([, { discovers }]) => discovers);
  for (const [, { place, view }] of discovering) {
    for (const [otherId, other] of discovering) {
      if (other.place !== place && !view.has(otherId)) return `${place} has no link to ${other.place}`;
    }
  }
  return undefined;
}

function findCutOff(members: ReadonlyMap<PeerId, Member>): string | undefined {
  const [first] = members.keys();
  const reached = new Set(first === undefined ? [] : [first]);
  for (const peerId of reached) for (const other of members.get(peerId)?.view ?? []) reached.add(other);
  for (const [peerId, { place }] of members) if (!reached.has(peerId)) return `${place} is cut off from the others`;
  return undefined;
}
