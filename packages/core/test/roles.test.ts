/** A primary, two followers and a follower of a follower, with real sockets and disks: every door, and a follower that lies. */
import { encodeFrame, encodeMessage } from "@yarrow/protocol";
import type { Message, ProcessId } from "@yarrow/protocol";
import { expect, it } from "vitest";
import * as Y from "yjs";
import type { Peer } from "../src/peer-api.ts";
import { rootsEqual, startPeer, temporaryFolder, until } from "./peers.ts";
import { RawClient, helloOf } from "./raw-clients.ts";
import { RELEASES, connectClient, connectSynced } from "./stock-client.ts";
import type { Release } from "./stock-client.ts";

const follower = { cluster: "test", role: "follower", discovery: false, limits: { readerPatienceMs: 150 } } as const;

function urlOf({ url }: Peer): string {
  return url ?? "";
}

/** A writer, two followers of it, and a follower of the second. */
async function startTree(): Promise<[Peer, Peer, Peer, Peer]> {
  const primary = await startPeer({ cluster: "test", discovery: false });
  const near = await startPeer({ ...follower, peers: [urlOf(primary)] });
  const other = await startPeer({ ...follower, peers: [urlOf(primary)] });
  const far = await startPeer({ ...follower, peers: [urlOf(other)] });
  return [primary, near, other, far];
}

async function writersAt(peer: Peer): Promise<{ readonly headers: Headers; readonly body: unknown }> {
  const response = await fetch(`${urlOf(peer).replace("ws:", "http:")}/writers`);
  return { headers: response.headers, body: await response.json() };
}

it("[ROL3, ROL4, ROL5, ROL14, ROL15] all are equal, and no door of a follower takes a write", async () => {
  const peers = await startTree();
  const [primary, ...followers] = peers;
  const author = await connectSynced(urlOf(primary), "n");
  for (let i = 0; i < 200; i++) author.text.insert(0, `${i} `);
  await until(() => rootsEqual(peers) && primary.status().documents.alive === 1);
  const { root } = primary.status();
  for (const peer of followers) {
    const handle = await peer.open("n");
    handle.doc.getText("body").insert(0, "mine");
    await expect(handle.saved()).rejects.toMatchObject({ code: "YARROW_FOLLOWER" });
    await until(() => handle.doc.getText("body").toString() === author.text.toString());
    await expect(peer.delete("n")).rejects.toMatchObject({ code: "YARROW_FOLLOWER" });

    const reader = await connectSynced(urlOf(peer), "n");
    const writer = await connectSynced(urlOf(peer), "n");
    expect(reader.text.toString()).toBe(author.text.toString());
    writer.text.insert(0, "mine");
    await until(() => writer.closes.includes(4403));
    expect(writer.provider.shouldConnect).toBe(false);
    expect(reader.closes).toEqual([]);
    const fresh = connectClient(urlOf(peer), "new");
    fresh.text.insert(0, "mine");
    await until(() => fresh.closes.includes(4403));
  }
  expect(peers.map((peer) => peer.status().root)).toEqual(peers.map(() => root));
});

it("[ROL14] no stock provider storms when refused, not even those that retry everything", async () => {
  const primary = await startPeer({ cluster: "test" });
  const near = await startPeer({ ...follower, peers: [urlOf(primary)] });
  const refuse = async (release: Release): Promise<void> => {
    const author = await connectSynced(urlOf(primary), release);
    author.text.insert(0, "x");
    const writer = await connectSynced(urlOf(near), release, release);
    await until(() => writer.text.toString() === "x");
    writer.text.insert(0, "mine");
    await until(() => writer.closes.includes(4403));
    if (release === "3.1.0") return expect(writer.provider.shouldConnect).toBe(false);
    // It comes back with what it had written, is refused again, and from then on left open and told nothing.
    await until(() => {
      author.text.insert(0, "-");
      return writer.provider.wsconnected && author.text.length > writer.text.length + 20;
    });
    expect(writer.closes).toEqual([4403]);
  };
  await Promise.all((Object.keys(RELEASES) as Release[]).map(refuse));
  expect(near.counters().sessionsOpened).toBe(7);
});

it("[ROL16] any page can ask a follower where to write", async () => {
  const [primary, near, other, far] = await startTree();
  const writers = [{ peerId: primary.peerId, url: urlOf(primary) }];
  await until(() => near.status().writers.length === 1 && far.status().upstream.length === 1);
  const { headers, body } = await writersAt(near);
  expect(headers.get("access-control-allow-origin")).toBe("*");
  expect(body).toEqual({ role: "follower", writers, upstream: [] });
  expect((await writersAt(primary)).body).toEqual({ role: "writer", writers, upstream: [] });
  const upstream = [{ peerId: other.peerId, url: urlOf(other) }];
  expect((await writersAt(far)).body).toEqual({ role: "follower", writers: [], upstream });
});

it("[ROL2] a follower that sends changes all the same is refused by what feeds it, and nothing changes", async () => {
  const [primary, near] = await startTree();
  const doc = new Y.Doc();
  doc.getText("body").insert(0, "smuggled");
  const update = Y.encodeStateAsUpdate(doc);
  const document = { name: "n", incarnation: 1, fence: [] };
  const difference = { ...document, update, summary: undefined };
  const origin = "99".repeat(8) as ProcessId;
  const lies: Message[] = [
    {
      type: "broadcast",
      origin,
      sequence: 1,
      ageMs: 0,
      ordinal: 0,
      ...document,
      segments: [{ principal: "", update }],
    },
    { type: "broadcast", origin, sequence: 2, ageMs: 0, ordinal: 0, ...document, incarnation: 2, segments: [] },
    { type: "documents", round: 1, reply: true, documents: [difference], omitted: [] },
    { type: "documents", round: 1, reply: false, documents: [difference], omitted: [] },
    { type: "stream", round: 1, documents: [difference], next: "" },
  ];
  const { root } = primary.status();
  for (const peer of [primary, near]) {
    for (const lie of lies) {
      const link = await RawClient.link(urlOf(peer));
      link.say(helloOf(peer.status().clusterId, { role: "follower", follows: true, protocolMax: 2 }));
      link.send(encodeFrame([encodeMessage(lie)]));
      expect((await link.closed).reason).toContain("YARROW_NOT_A_WRITER");
      expect(link.messages).toContainEqual(expect.objectContaining({ type: "refuse", code: "YARROW_NOT_A_WRITER" }));
    }
  }
  expect([primary.status().root, near.status().root]).toEqual([root, root]);
  expect(primary.documents({ deleted: true })).toEqual([]);
});

it("[ROL6, ROL7] a role is changed and remembered; sessions, handles and readers stay", async () => {
  const data = temporaryFolder();
  const lines: string[] = [];
  const primary = await startPeer({ cluster: "test" });
  let near = await startPeer({ ...follower, data, peers: [urlOf(primary)] });
  const tab = await connectSynced(urlOf(near), "n");
  const handle = await near.open("n");
  await primary.setRole("follower");
  await near.setRole("writer");
  expect([primary.role, near.role]).toEqual(["follower", "writer"]);
  tab.text.insert(0, "x");
  handle.doc.getMap("m").set("k", 1);
  await handle.saved();
  await until(() => rootsEqual([primary, near]) && tab.doc.getMap("m").get("k") === 1);
  expect(tab.closes).toEqual([]);
  await expect(primary.delete("n")).rejects.toMatchObject({ code: "YARROW_FOLLOWER" });
  await near.close();
  near = await startPeer({
    ...follower,
    data,
    peers: [urlOf(primary)],
    log: ({ message }) => void lines.push(message),
  });
  expect(near.status()).toMatchObject({ role: "writer", rememberedRole: "writer" });
  expect(lines).toContain("the role that was set by command wins over the one that this start was told");
  await expect(near.setRole("king" as never)).rejects.toMatchObject({ code: "YARROW_CONFIG_INVALID" });
});
