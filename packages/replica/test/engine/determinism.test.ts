import { digest as sha256 } from "lib0/hash/sha256";
import { encodeUtf8 } from "lib0/string";
import { toHex } from "@yarrow/protocol";
import { expect, it } from "vitest";
import { createRandom } from "../document/random-edits.ts";
import { Cluster, Editor } from "./cluster.ts";

/** Runs a busy cluster from a seed, and returns a hash over every effect of every peer. */
function traceOf(seed: number): string {
  const random = createRandom(seed);
  const cluster = new Cluster(seed);
  const a = cluster.add();
  const peers = [a, cluster.add({ peers: [a.url] }), cluster.add({ peers: [a.url] })];
  for (let i = 0; i < 150; i++) {
    const peer = random.pick(peers);
    const name = `${random.below(5)}`;
    const choice = random.below(20);
    if (choice === 0) cluster.step(peer, { type: "delete", request: i, name });
    else if (choice === 1) cluster.step(peer, { type: "pause-links", peer: undefined, paused: true });
    else if (choice === 2) cluster.step(peer, { type: "pause-links", peer: undefined, paused: false });
    else if (choice === 3) cluster.step(peer, { type: "compact", request: i });
    else new Editor(cluster, peer, name, { clientId: 10_000 + i, subscriber: 10_000 + i }).type(`${i} `);
    cluster.run(random.below(400));
  }
  for (const peer of peers) cluster.step(peer, { type: "pause-links", peer: undefined, paused: false });
  cluster.run(30_000);
  expect(cluster.equal).toBe(true);
  const trace = JSON.stringify(
    peers.map((peer) => peer.effects),
    (_, value: unknown) => (value instanceof Uint8Array ? toHex(value) : value),
  );
  return toHex(sha256(encodeUtf8(trace)));
}

it("[AE14] the same seed and the same events give the same effects", () => {
  const first = traceOf(1);
  expect(traceOf(1)).toBe(first);
  expect(traceOf(2)).not.toBe(first);
});
