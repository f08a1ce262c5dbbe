/** Whatever waits ends with its signal's reason, at once, and leaves behind what can still be used. */
import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import type { DocumentHandle, Peer } from "../src/peer-api.ts";
import { startLine } from "./peers.ts";

const REASON = new Error("enough");

/** Two linked peers, and a handle at the first with an edit that is not saved. */
async function start(): Promise<{ peer: Peer; handle: DocumentHandle }> {
  const [peer] = (await startLine(2)) as [Peer];
  const handle = await peer.open("n");
  handle.doc.getText("body").insert(0, "x");
  return { peer, handle };
}

type Wait = (peer: Peer, handle: DocumentHandle, signal: AbortSignal) => Promise<unknown>;

const WAITS: readonly (readonly [string, Wait])[] = [
  ["open", (peer, _handle, signal) => peer.open("other", { signal })],
  ["saved", (_peer, handle, signal) => handle.saved({ signal })],
  ["saved with copies", (_peer, handle, signal) => handle.saved({ copies: 9, timeoutMs: 60_000, signal })],
  ["changes", (peer, _handle, signal) => peer.changes({ since: peer.cursor(), signal })[Symbol.asyncIterator]().next()],
  ["verify", (peer, _handle, signal) => peer.verify({ deep: true, signal })],
];

describe("an AbortSignal", () => {
  it.each(WAITS)("[API20] ends %s that waits, and nothing else", async (what, wait) => {
    const { peer, handle } = await start();
    // Changes wait only once everything was seen.
    if (what === "changes") await handle.saved();
    const abort = new AbortController();
    const waiting = wait(peer, handle, abort.signal);
    abort.abort(REASON);
    await expect(waiting).rejects.toBe(REASON);
    expect(getEventListeners(abort.signal, "abort")).toEqual([]);
    await handle.saved({ copies: 1 });
    expect((await peer.verify()).equal).toBe(true);
  });

  it.each(WAITS)("[API20] that is aborted already ends %s before it begins", async (_what, wait) => {
    const { peer, handle } = await start();
    await expect(wait(peer, handle, AbortSignal.abort(REASON))).rejects.toBe(REASON);
    await handle.saved({ copies: 1 });
  });

  it.each(WAITS)("[API20] that is not aborted is left without listeners by %s", async (what, wait) => {
    const { peer, handle } = await start();
    const { signal } = new AbortController();
    const waiting = wait(peer, handle, signal);
    if (what === "saved with copies") {
      // It would wait for peers that do not exist.
      const [refused] = await Promise.allSettled([waiting, peer.close()]);
      expect(refused).toMatchObject({ status: "rejected", reason: { code: expect.stringMatching(/^YARROW_/) } });
    } else {
      if (what === "changes") handle.doc.getText("body").insert(0, "y");
      await waiting;
    }
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });
});
