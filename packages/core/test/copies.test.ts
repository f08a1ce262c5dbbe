/** Acknowledgements that wait for other peers, over real sockets. The words: docs/spec/cop.md. */
import { expect, it } from "vitest";
import * as Y from "yjs";
import { CopiesMissingError } from "../src/document-handle.ts";
import type { DocumentHandle } from "../src/peer-api.ts";
import { startPeer, until } from "./peers.ts";
import { RELEASES, connectSynced } from "./stock-client.ts";
import type { Release } from "./stock-client.ts";

function append(handle: DocumentHandle, text: string): void {
  const body = handle.doc.getText("body");
  body.insert(body.length, text);
}

/** True once it has happened; does not wait for it. */
function watch(promise: Promise<unknown>): { readonly done: () => boolean } {
  let done = false;
  void promise.then(() => (done = true));
  return { done: () => done };
}

it("[COP1, COP9] browsers are echoed and handles saved when another peer has the edit, and others see it at once", async () => {
  const primary = await startPeer({ cluster: "copies", durability: { copies: 1 } });
  const handle = await primary.open("n");
  // A state vector says how far a session was told that its peer is; stock providers keep no such count.
  const tabs = await Promise.all(
    (Object.keys(RELEASES) as Release[]).map((release) => connectSynced(primary.url ?? "", "n", release)),
  );
  const echoed = tabs.map(() => 0);
  for (const [index, tab] of tabs.entries()) {
    const provider = tab.provider as unknown as { ws: { onmessage: (event: { data: ArrayBuffer }) => void } };
    const { onmessage } = provider.ws;
    provider.ws.onmessage = (event): void => {
      const bytes = new Uint8Array(event.data);
      if (bytes[0] === 0 && bytes[1] === 2) {
        const update = bytes.subarray((bytes[2] ?? 0) < 128 ? 3 : 4);
        echoed[index] = Math.max(echoed[index] ?? 0, Y.parseUpdateMeta(update).to.get(tab.doc.clientID) ?? 0);
      }
      onmessage(event);
    };
    tab.text.insert(0, `${index}`);
  }
  append(handle, "h");
  const saved = watch(handle.saved());
  await handle.saved({ copies: 0 });
  await until(() => tabs.every(({ text }) => text.length === 5));
  expect(echoed).toEqual([0, 0, 0, 0]);
  expect(saved.done()).toBe(false);
  // Longer than a timer of Node can be, which would take it for a millisecond.
  const patient = watch(handle.saved({ timeoutMs: Infinity }));
  await expect(handle.saved({ timeoutMs: 20 })).rejects.toBeInstanceOf(CopiesMissingError);
  for (const timeoutMs of [Number.NaN, -1, "20" as never]) {
    for (const asked of [
      handle.saved({ timeoutMs }),
      handle.saved({ copies: 1, timeoutMs }),
      primary.waitUntilFresh({ maxLagMs: 1, timeoutMs }),
      primary.verify({ timeoutMs }),
    ]) {
      await expect(asked, String(timeoutMs)).rejects.toMatchObject({ code: "YARROW_CONFIG_INVALID" });
    }
  }
  await handle.saved({ copies: 0, timeoutMs: 0 });
  expect(primary.status().copies).toMatchObject({
    wanted: 1,
    state: "synchronous",
    waiting: { edits: 5, documents: 1 },
  });

  const second = await startPeer({ cluster: "copies", peers: [primary.url ?? ""] });
  await until(() => echoed.every((clock) => clock === 1) && saved.done());
  expect(patient.done()).toBe(true);
  expect((await second.show("n"))?.roots["body"]?.value).toHaveLength(5);
  const { copies } = primary.status();
  expect(copies.waiting).toEqual({ edits: 0, documents: 0, oldestMs: 0 });
  expect(copies.peers.map(({ peerId }) => peerId)).toEqual([second.peerId]);
});

it("[COP6, COP10] a peer that is alone degrades, says so once, and waits again when the other is back", async () => {
  const lines: string[] = [];
  const primary = await startPeer({
    cluster: "copies",
    durability: { copies: 1, whenMissing: "degrade", timeoutMs: 50 },
    log: ({ level, message }) => void (level === "debug" ? undefined : lines.push(message)),
  });
  const handle = await primary.open("n");
  for (const text of ["a", "b", "c"]) {
    append(handle, text);
    await handle.saved();
  }
  expect(primary.status().copies).toMatchObject({ state: "degraded", degradations: 1, skipped: 3, peers: [] });
  expect(lines.filter((line) => line.includes("without copies"))).toHaveLength(1);
  const second = await startPeer({ cluster: "copies", peers: [primary.url ?? ""] });
  await until(() => primary.status().copies.state === "synchronous");
  expect(lines.filter((line) => line.includes("wait for their copies"))).toHaveLength(1);
  expect(primary.status().copies.peers[0]?.peerId).toBe(second.peerId);
  append(handle, "d");
  await handle.saved();
  expect((await second.show("n"))?.roots["body"]?.value).toBe("abcd");
});
