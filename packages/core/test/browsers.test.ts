import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import * as Y from "yjs";
import { rootsEqual, startLine, startPeer, temporaryFolder, until } from "./peers.ts";
import { RELEASES, connectClient, connectSynced } from "./stock-client.ts";
import type { Release } from "./stock-client.ts";

const nobody = { url: undefined };

function urlOf(peer: { readonly url: string | undefined }): string {
  return peer.url ?? "";
}

/** Waits for a raw socket to be open and swallows its errors. */
async function connectRaw(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url);
  socket.on("error", () => undefined);
  await once(socket, "open");
  return socket;
}

describe("stock browsers", () => {
  it.each(Object.keys(RELEASES) as Release[])(
    "[API14] y-websocket %s syncs, shows awareness and reconnects",
    async (release) => {
      const data = temporaryFolder();
      let peer = await startPeer({ data });
      const port = Number(new URL(urlOf(peer)).port);
      const a = await connectSynced(urlOf(peer), "notes/today", release);
      const b = await connectSynced(urlOf(peer), "notes/today", release);
      a.text.insert(0, "hello");
      await until(() => b.text.toString() === "hello");
      b.text.insert(5, " world");
      await until(() => a.text.toString() === "hello world");

      a.provider.awareness.setLocalState({ user: "ada" });
      await until(() => b.provider.awareness.getStates().get(a.doc.clientID)?.["user"] === "ada");

      await peer.close();
      await until(() => !a.provider.wsconnected && !b.provider.wsconnected);
      expect(a.closes).toContain(1012);
      a.text.insert(0, "offline: ");
      peer = await startPeer({ data, listen: `127.0.0.1:${port}` });
      await until(() => b.text.toString() === "offline: hello world", 15_000);
      // A state that did not change keeps its clock, which others have seen and ignore until it is renewed; so change it.
      await until(() => a.provider.synced);
      a.provider.awareness.setLocalState({ user: "grace" });
      await until(() => b.provider.awareness.getStates().get(a.doc.clientID)?.["user"] === "grace");
      const late = await connectSynced(urlOf(peer), "notes/today", release);
      expect(late.text.toString()).toBe("offline: hello world");
    },
  );

  it("echoes an update to its own sender once it is committed", async () => {
    const peer = await startPeer();
    const socket = await connectRaw(`${urlOf(peer)}/n`);
    const doc = new Y.Doc();
    doc.getText("body").insert(0, "x");
    const update = Y.encodeStateAsUpdate(doc);
    const echoed = new Promise<number>((resolve) => {
      socket.on("message", (message: Buffer) => {
        // sync, update, and then the same bytes
        if (message[0] === 0 && message[1] === 2) resolve(peer.status().store.logRows);
      });
    });
    socket.send(Uint8Array.of(0, 0, 1, 0));
    socket.send(Buffer.concat([Uint8Array.of(0, 2, update.length), update]));
    expect(await echoed).toBe(1);
    socket.terminate();
  });

  it("brings edits from one peer's browsers to another's", async () => {
    const peers = await startLine(3);
    const [a, , c] = peers;
    const near = await connectSynced(urlOf(a ?? nobody), "shared");
    const far = await connectSynced(urlOf(c ?? nobody), "shared");
    near.text.insert(0, "from a");
    await until(() => far.text.toString() === "from a");
    far.text.insert(0, "c and ");
    await until(() => near.text.toString() === "c and from a");
    near.provider.awareness.setLocalState({ user: "ada" });
    await until(() => far.provider.awareness.getStates().get(near.doc.clientID)?.["user"] === "ada");
    await until(() => rootsEqual(peers));
    expect(peers.map((peer) => peer.documents().length)).toEqual([1, 1, 1]);
  });

  it.each([
    ["a name of 300 bytes", "x".repeat(300)],
    ["no name", ""],
    ["a NUL in the name", "%00"],
  ])("[LNK3] sends a stock client with %s away for good", async (_what, room) => {
    const peer = await startPeer();
    const client = connectClient(urlOf(peer), room);
    await until(() => client.closes.length > 0);
    expect(client.closes).toEqual([4400]);
    await until(() => !client.provider.shouldConnect);
    expect(peer.documents()).toEqual([]);
  });

  it.each([
    ["notes%2Ftoday", "notes/today"],
    ["100%", "100%"],
    ["%zz", "%zz"],
    ["a%01b", "a\u0001b"],
    ["what%3F", "what?"],
    ["query?x=1", "query"],
    ["a/%2e%2e/b", "b"],
    ["..%2Fup", "../up"],
    ["with space", "with space"],
    ["café", "café"],
  ])("[LNK2] a stock client in room %j writes document %j", async (room, name) => {
    const peer = await startPeer();
    const client = await connectSynced(urlOf(peer), room);
    client.text.insert(0, "x");
    await until(() => peer.documents().length === 1);
    expect(peer.documents()[0]?.name).toBe(name);
  });

  it("[LNK11] closes who sends garbage, and leaves honest clients undisturbed", async () => {
    const peer = await startPeer();
    const honest = await connectSynced(urlOf(peer), "n");
    for (const garbage of ["ff", "00", "0002ff", "000005", "80008200", "0000ffffffffffffffff"]) {
      // A second offence in one document is held for a while before it is closed, so each goes to another.
      const socket = await connectRaw(`${urlOf(peer)}/${garbage === "ff" ? "n" : garbage}`);
      socket.send(Uint8Array.of(0, 0, 1, 0));
      socket.send(Buffer.from(garbage, "hex"));
      await once(socket, "close");
    }
    honest.text.insert(0, "still here");
    const other = await connectSynced(urlOf(peer), "n");
    expect(other.text.toString()).toBe("still here");
    expect(honest.closes).toEqual([]);
  });

  it("[API17] a deleted document closes its browsers with 4404", async () => {
    const peer = await startPeer();
    const client = await connectSynced(urlOf(peer), "n");
    client.text.insert(0, "x");
    await until(() => peer.documents().length === 1);
    expect(await peer.delete("n")).toBe(true);
    await until(() => client.closes.length > 0);
    expect(client.closes).toEqual([4404]);
    expect(await peer.delete("n")).toBe(false);
    expect(await peer.delete("never")).toBe(false);
  });
});
