/** Acknowledgements that wait for other peers, over real sockets. The words: docs/spec/cop.md. */
import { getEventListeners } from "node:events";
import { expect, it } from "vitest";
import * as Y from "yjs";
import { connectControl } from "../src/control-client.ts";
import { CopiesMissingError } from "../src/document-handle.ts";
import type { DocumentHandle } from "../src/peer-api.ts";
import { startPeer, temporaryFolder, until } from "./peers.ts";
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

it("[COP12, HIS14] a revert and an import that wait for copies end in time, or with who asked, and leave nothing behind", async () => {
  const data = temporaryFolder();
  const alone = await startPeer({ data, durability: { copies: 1 } });
  const handle = await alone.open("n");
  append(handle, "one");
  await handle.saved({ copies: 0 });
  const then = alone.documents()[0]?.changedAt ?? new Date();
  await until(() => Date.now() > then.getTime() + 1);
  append(handle, " two");
  await handle.saved({ copies: 0 });
  await handle.close();
  const waiting = (): number => alone.status().copies.waiting.edits;
  await until(() => waiting() === 0);

  const update = Y.encodeStateAsUpdate(new Y.Doc());
  for (const timeoutMs of [Number.NaN, -1]) {
    const invalid = { code: "YARROW_CONFIG_INVALID" };
    await expect(alone.revert("n", then, { timeoutMs })).rejects.toMatchObject(invalid);
    await expect(alone.importUpdate("n", update, { timeoutMs })).rejects.toMatchObject(invalid);
  }
  const writes = [
    (options: object) => alone.revert("n", then, options),
    (options: object) => {
      const doc = new Y.Doc();
      doc.getText("body").insert(0, "new");
      return alone.importUpdate("imported", Y.encodeStateAsUpdate(doc), options);
    },
  ];
  for (const write of writes) {
    const late = expect.objectContaining({
      code: "YARROW_COPIES_MISSING",
      message: expect.stringContaining("committed here"),
    });
    await expect(write({ timeoutMs: 300 })).rejects.toEqual(late);
    await until(() => waiting() === 0);
  }
  expect((await alone.show("n"))?.roots["body"]?.value).toBe("one");
  expect((await alone.show("imported"))?.roots["body"]?.value).toBe("new");

  const reason = new Error("enough");
  for (const write of writes) {
    await expect(write({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  }
  const abort = new AbortController();
  const asked = writes[1]?.({ signal: abort.signal });
  await until(() => waiting() === 1);
  abort.abort(reason);
  await expect(asked).rejects.toBe(reason);
  expect(getEventListeners(abort.signal, "abort")).toEqual([]);
  await until(() => waiting() === 0);

  // Whoever hangs up waits no more.
  const client = await connectControl(data);
  const doc = new Y.Doc();
  doc.getText("body").insert(0, "other");
  const hung = client.importUpdate("hung", Y.encodeStateAsUpdate(doc));
  await until(() => waiting() === 1);
  await client.close();
  await expect(hung).rejects.toMatchObject({ code: "YARROW_PEER_NOT_RUNNING" });
  await until(() => waiting() === 0);
});
