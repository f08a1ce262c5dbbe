/** When all agree, nothing is written any more, and only heartbeats and digests are on the links. */
import { decodeFrame } from "@yarrow/protocol";
import type { Cluster } from "../cluster.ts";
import { violated } from "../witness.ts";

/** Long enough for every interval to come round once. */
const REST_MS = 40_000;

/** Messages that may flow for ever. */
const AT_REST = new Set(["ping", "pong", "digest", "addresses", "shuffle", "shuffle-reply", "presence", "interest"]);

/** And these, when a tab has come anew, which is no writing: it tells all that it has, and copies of that are asked for. */
const AFTER_ATTACHING = new Set(["cover-ask", "acknowledge"]);
const ATTACHED_LATELY_MS = 30_000;

/** Lets time pass and looks. */
export function checkRest(cluster: Cluster): void {
  const { peers, network } = cluster;
  network.adversarial = false;
  const sequences = peers.map(({ disk }) => disk.store.lastSequence());
  network.overhear = (bytes, from, to) => {
    for (const message of decodeFrame(bytes)) {
      const { type } = message;
      if (AFTER_ATTACHING.has(type) && hasNewcomer(cluster)) continue;
      const why = type === "refuse" ? ` (${message.detail})` : "";
      if (!AT_REST.has(type)) violated("rest", `${from} still sends ${type} to ${to}${why}`);
    }
  };
  cluster.run(REST_MS);
  network.overhear = undefined;
  for (const [index, { disk, place }] of peers.entries()) {
    if (disk.store.lastSequence() !== sequences[index]) violated("rest", `${place} still writes`);
  }
}

function hasNewcomer({ browsers, timeline }: Cluster): boolean {
  return browsers.some(({ attachedAt }) => timeline.now - attachedAt <= ATTACHED_LATELY_MS);
}
