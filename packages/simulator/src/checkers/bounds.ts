/** Tables stay within their limits at all times, and hold nothing of sessions and links that are gone. */
import { FENCE_IDS_MAX } from "@yarrow/protocol";
import type { SimulatedPeer } from "../peer.ts";
import { violated } from "../witness.ts";

/** Bytes that one step may add to the cache before it is trimmed again. */
const CACHE_SLACK_BYTES = 4 * 1024;

export function checkBounds(peer: SimulatedPeer): void {
  const { replica, relay } = peer;
  if (replica === undefined || relay === undefined) return;
  const { config } = replica;
  const status = replica.status(peer.now());
  const counts = relay.counts();
  const limits: [what: string, size: number, limit: number][] = [
    ["bytes of cached entries", status.cache.bytes, config.entryCacheBytesMax + CACHE_SLACK_BYTES],
    ["rounds at once", status.rounds, config.roundsAtOnceMax],
    ["links", status.links.filter(({ state }) => state === "open").length, config.linksMax],
    ["sessions of the relay", counts.sessions, peer.sessions + peer.waiting],
    ["subscribers of the replica", status.subscribers, counts.sessions + peer.handles + peer.waiting],
    ["jobs", status.work, counts.sessions + peer.handles + status.counts.alive + 64],
  ];
  for (const [what, size, limit] of limits) {
    if (size < 0 || size > limit) violated("bounds", `${peer.place} has ${size} ${what}, the limit is ${limit}`);
  }
}

/** The same of what is on the disk; reads every document. */
export function checkStoredBounds(peer: SimulatedPeer): void {
  const { replica } = peer;
  if (replica === undefined) return;
  const { config } = replica;
  for (const { name } of peer.disk.store.listDocuments({ limit: Number.MAX_SAFE_INTEGER, include: "all" })) {
    const document = peer.disk.inspector.document(name);
    if (document === undefined) continue;
    if (document.pendingBytes > config.pendingBytesMax) {
      violated(
        "bounds",
        `${document.pendingBytes} bytes wait in ${name} of ${peer.place}, the limit is ${config.pendingBytesMax}`,
      );
    }
    if (document.fence.size > FENCE_IDS_MAX) violated("bounds", `the fence of ${name} has ${document.fence.size} ids`);
  }
}
