/** Bits flip on a disk: one row of one document reads as damaged from then on. */
import type { Cluster } from "./cluster.ts";
import type { Random } from "./random.ts";

export function spoilRow(cluster: Cluster, random: Random): void {
  const peer = random.pick(cluster.peers);
  const { store } = peer.disk;
  const rows = store.listDocuments({ limit: Number.MAX_SAFE_INTEGER, include: "alive" });
  const row = random.pickOrNone(rows);
  if (row === undefined) return;
  const { id, incarnation, name } = row;
  const targets: [what: string, spoil: () => void][] = [["fence", () => store.damage.fence(id)]];
  const last = store.readLog(id, incarnation, 0, Number.MAX_SAFE_INTEGER);
  const log = random.pickOrNone(last);
  if (log !== undefined) targets.push(["log", () => store.damage.log(log.sequence)]);
  if (store.readCheckpoint(id) !== undefined) targets.push(["checkpoint", () => store.damage.checkpoint(id)]);
  if (row.headBytes > 0) targets.push(["head", () => store.damage.snapshot(id, incarnation, "head")]);
  if (store.readPending(id).length > 0) targets.push(["pending", () => store.damage.pending(id)]);
  const [what, spoil] = random.pick(targets);
  spoil();
  cluster.trace.note(cluster.timeline.now, peer.place, `spoiled the ${what} of ${name}`);
  cluster.counters.rowsSpoiled++;
  // Nobody misses a waiting update: whoever has taken it in has it.
  if (what !== "pending") peer.disk.spoiled.add(name);
  cluster.forgive(peer);
}
