import { describe, expect, it } from "vitest";
import type { DocumentHandle, Peer } from "../src/peer-api.ts";
import { rootsEqual, startLine, until } from "./peers.ts";
import { connectSynced } from "./stock-client.ts";

/** A small generator with a seed, so that a failure can be replayed (mulberry32). */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

describe("peers on real sockets and disks", () => {
  it.each([
    { seed: 1, topology: "a line", discovery: false, links: 1 },
    { seed: 2, topology: "a mesh", discovery: true, links: 2 },
    { seed: 26, topology: "a mesh", discovery: true, links: 2 },
  ])(
    "converge in $topology after cuts, deletes and concurrent edits (seed $seed)",
    async ({ seed, discovery, links }) => {
      const random = createRandom(seed);
      const peers = await startLine(3, { discovery });
      const names = ["a", "b", "c", "d"];
      const handles: DocumentHandle[] = [];
      for (const peer of peers) for (const name of names) handles.push(await peer.open(name));
      const browser = await connectSynced(peers[1]?.url ?? "", "a");
      const paused = new Set<Peer>();
      let deletes = 0;
      for (let round = 0; round < 300; round++) {
        const dice = random(100);
        const peer = peers[random(peers.length)] as Peer;
        if (dice < 88) {
          const body = (handles[random(handles.length)] as DocumentHandle).doc.getText("body");
          if (random(4) === 0 && body.length > 0) body.delete(random(body.length), 1);
          else body.insert(random(body.length + 1), String(round));
        } else if (dice < 92) {
          browser.text.insert(0, `browser ${round} `);
        } else if (dice < 98) {
          if (paused.delete(peer)) await peer.pauseLinks(false);
          else {
            paused.add(peer);
            await peer.pauseLinks(true);
          }
        } else if (await peer.delete(names[1 + random(3)] as string)) deletes++;
        // Now and then the loop gets a turn, so that batches of all sizes occur.
        if (random(3) === 0) await Promise.allSettled(handles.map((handle) => handle.saved()));
      }
      for (const peer of paused) await peer.pauseLinks(false);
      await Promise.allSettled(handles.map((handle) => handle.saved()));
      await until(() => rootsEqual(peers), 20_000);

      expect(deletes).toBeGreaterThan(0);
      const report = await (peers[0] as Peer).verify({ deep: true, timeoutMs: 10_000 });
      expect(report).toMatchObject({ equal: true, local: { bad: [] } });
      expect(report.peers.map(({ result }) => result)).toEqual(Array.from({ length: links }, () => "equal"));
      for (const name of names) {
        const details = await Promise.all(peers.map((peer) => peer.show(name)));
        expect(new Set(details.map((detail) => detail?.contentDigest)).size).toBe(1);
        const text = details[0]?.roots["body"]?.value ?? "";
        await until(() =>
          handles
            .filter((handle) => handle.name === name)
            .every((handle) => handle.doc.getText("body").toString() === text),
        );
      }
      await until(
        () =>
          browser.text.toString() ===
          handles
            .find(({ name }) => name === "a")
            ?.doc.getText("body")
            .toString(),
      );
    },
  );
});
