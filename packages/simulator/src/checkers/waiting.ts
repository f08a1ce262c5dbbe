/**
 * Nothing waits in vain: what a disk keeps as pending refers to something that the same disk lacks. At the end all disks and all open
 * tabs hold the same, so whoever had what is still missing was allowed to forget it. (Of a tab that is closed before it is asked for what
 * it had written offline, nothing is kept.)
 */
import type { SimulatedPeer } from "../peer.ts";
import { violated } from "../witness.ts";

export function checkWaiting({ disk, place }: SimulatedPeer): void {
  const { store, inspector } = disk;
  for (const { name } of store.listDocuments({ limit: Number.MAX_SAFE_INTEGER, include: "alive" })) {
    const ready = inspector.document(name)?.readyBytes() ?? 0;
    if (ready > 0) violated("waiting", `${ready} bytes of ${name} wait at ${place} for what it has`);
  }
}
