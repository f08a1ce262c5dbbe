/** Lag, freshness and tokens over real sockets and disks. The words: docs/spec/lag.md. */
import { expect, it } from "vitest";
import { connectControl } from "../src/control-client.ts";
import type { Peer } from "../src/peer-api.ts";
import { startPeer, temporaryFolder, until } from "./peers.ts";

async function readyz(peer: Peer, query: string): Promise<{ readonly status: number; readonly body: string }> {
  const answer = await fetch(`${(peer.url ?? "").replace("ws", "http")}/readyz${query}`);
  return { status: answer.status, body: await answer.text() };
}

it("[LAG10, LAG12, LAG13, LAG14] a follower of a follower is waited for, is fresh, and says when it is not", async () => {
  const writer = await startPeer({ cluster: "lag", discovery: false });
  const follow = (upstream: Peer, data = temporaryFolder()): Promise<Peer> =>
    startPeer({ cluster: "lag", discovery: false, role: "follower", peers: [upstream.url ?? ""], data });
  const first = await follow(writer);
  const folder = temporaryFolder();
  const second = await follow(first, folder);
  expect(second.status().lag.lagMs).toBeUndefined();
  expect(await readyz(second, "?maxLagMs=60000")).toMatchObject({
    status: 503,
    body: expect.stringContaining("not known"),
  });
  await second.waitUntilFresh({ maxLagMs: 200 });
  expect(await readyz(second, "?maxLagMs=10000")).toMatchObject({ status: 200 });
  for (const wrong of ["?maxLagMs=soon", "?maxLagMs=10000&maxLagMs=x", "?maxLagMs=10000&maxLagMs=10000"]) {
    expect(await readyz(second, wrong), wrong).toMatchObject({ status: 400 });
  }

  const handle = await writer.open("n");
  handle.doc.getText("body").insert(0, "read your own write");
  const token = await handle.saved();
  await second.waitFor(token);
  expect((await second.show("n"))?.roots["body"]?.value).toBe("read your own write");
  expect(second.status().lag).toMatchObject({ updatesBehind: 0, bytesBehind: 0, writers: [{ peerId: writer.peerId }] });
  await until(
    () => (first.status().links.find(({ peerId }) => peerId === second.peerId)?.follower?.lagMs ?? 999) < 500,
  );
  // What nobody wrote yet stands for nothing, and is held by everybody.
  await second.waitFor(await (await writer.open("unwritten")).saved());

  await writer.pauseLinks(true);
  handle.doc.getText("body").insert(0, "not yet: ");
  const ahead = await handle.saved();
  await until(() => (second.status().lag.lagMs ?? 0) > 100);
  expect(await readyz(second, "?maxLagMs=50")).toMatchObject({
    status: 503,
    body: expect.stringMatching(/\d+ ms behind/),
  });
  expect(await readyz(second, "")).toMatchObject({ status: 200 });
  await expect(second.waitFor(ahead, { timeoutMs: 20 })).rejects.toMatchObject({ code: "YARROW_TIMEOUT" });
  await expect(second.waitUntilFresh({ maxLagMs: 1, timeoutMs: 20 })).rejects.toMatchObject({ code: "YARROW_TIMEOUT" });
  await expect(second.waitFor(ahead, { signal: AbortSignal.timeout(20) })).rejects.toMatchObject({
    name: "TimeoutError",
  });
  await expect(second.waitUntilFresh({ maxLagMs: -1 })).rejects.toMatchObject({ code: "YARROW_CONFIG_INVALID" });
  await expect(second.waitFor("no token!")).rejects.toMatchObject({ code: "YARROW_TOKEN_INVALID" });

  await using control = await connectControl(folder);
  const arrived = control.waitFor(ahead);
  await expect((await connectControl(folder)).waitFor("bm8")).rejects.toMatchObject({ code: "YARROW_TOKEN_INVALID" });
  await writer.pauseLinks(false);
  await arrived;
  await second.waitUntilFresh({ maxLagMs: 200 });
  expect(await readyz(second, "?maxLagMs=5000")).toMatchObject({ status: 200 });
});
