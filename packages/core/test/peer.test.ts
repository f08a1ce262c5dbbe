import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { createPeer } from "../src/create-peer.ts";
import type { Change, DocumentHandle, Peer } from "../src/peer-api.ts";
import { rootsEqual, startLine, startPeer, temporaryFolder, until } from "./peers.ts";
import { connectClient, connectSynced } from "./stock-client.ts";

function append(handle: DocumentHandle, text: string): void {
  const body = handle.doc.getText("body");
  body.insert(body.length, text);
}

async function write(peer: Peer, name: string, text = "x"): Promise<void> {
  await using handle = await peer.open(name);
  append(handle, text);
  await handle.saved();
}

async function take(changes: AsyncIterable<Change>, count: number): Promise<Change[]> {
  const taken: Change[] = [];
  for await (const change of changes) if (taken.push(change) === count) break;
  return taken;
}

describe("createPeer", () => {
  it("[API3] refuses a port that is taken, and leaves the folder free", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const data = temporaryFolder();
    const listen = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    await expect(createPeer({ data, listen })).rejects.toMatchObject({ code: "YARROW_LISTEN_FAILED" });
    await expect(createPeer({ data, admin: listen })).rejects.toMatchObject({ code: "YARROW_LISTEN_FAILED" });
    await startPeer({ data });
  });

  it("[API23] refuses a folder that another peer has open", async () => {
    const data = temporaryFolder();
    const first = await startPeer({ data });
    await expect(createPeer({ data })).rejects.toMatchObject({ code: "YARROW_STORE_LOCKED" });
    await first.close();
    await startPeer({ data });
  });

  it("[API4] keeps its cluster, and refuses a name that contradicts it", async () => {
    const data = temporaryFolder();
    const first = await startPeer({ data, cluster: "one" });
    const { clusterId } = first.status();
    await first.close();
    await expect(createPeer({ data, cluster: "two" })).rejects.toMatchObject({ code: "YARROW_CLUSTER_MISMATCH" });
    const again = await startPeer({ data });
    expect(again.status().clusterId).toBe(clusterId);
    expect(again.peerId).toBe(first.peerId);
    expect(again.processId).not.toBe(first.processId);
  });

  it("[API5] founds a cluster when it knows nobody, and joins one when it knows somebody", async () => {
    const founder = await startPeer();
    expect(founder.status()).toMatchObject({ state: "ready", clusterId: expect.stringMatching(/^[0-9a-f]{32}$/) });
    await write(founder, "n");
    const joiner = await startPeer({ peers: [founder.url ?? ""] });
    await until(() => joiner.status().state === "ready" && joiner.documents().length === 1);
    expect(joiner.status().clusterId).toBe(founder.status().clusterId);
    expect(rootsEqual([founder, joiner])).toBe(true);
  });

  it("[API5] waits while nobody can be reached: not ready, and browsers told to come back", async () => {
    const joiner = await startPeer({ peers: ["ws://127.0.0.1:1"] });
    expect(joiner.status()).toMatchObject({ state: "joining", clusterId: undefined });
    const ready = await fetch(`${joiner.url?.replace("ws:", "http:")}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([503, { status: "joining" }]);
    const client = connectClient(joiner.url ?? "", "n");
    await until(() => client.closes.length > 0);
    expect(client.closes[0]).toBe(1013);
  });

  it("[API6] runs several peers in one process, with and without a listener", async () => {
    const hub = await startPeer({ cluster: "test" });
    const leaves = await Promise.all(
      [1, 2].map(async () => {
        const leaf = await createPeer({ data: temporaryFolder(), cluster: "test", peers: [hub.url ?? ""] });
        onTestFinished(() => leaf.close());
        return leaf;
      }),
    );
    expect(leaves.map((leaf) => leaf.url)).toEqual([undefined, undefined]);
    const [one, two] = leaves as [Peer, Peer];
    await write(one, "from one");
    await write(two, "from two");
    await until(() => [hub, one, two].every((peer) => peer.documents().length === 2));
    await until(() => rootsEqual([hub, one, two]));
  });

  it("closes with `await using`", async () => {
    const data = temporaryFolder();
    {
      await using peer = await createPeer({ data });
      await write(peer, "n");
    }
    expect((await startPeer({ data })).documents()).toHaveLength(1);
  });
});

describe("Peer", () => {
  it("[API15] lists documents by name, a page at a time", async () => {
    const peer = await startPeer();
    for (const name of ["b", "a/2", "a/10", "é", "a/1", "z"]) await write(peer, name);
    await peer.delete("z");
    expect(peer.documents().map(({ name }) => name)).toEqual(["a/1", "a/10", "a/2", "b", "é"]);
    expect(peer.documents({ prefix: "a/", limit: 2 }).map(({ name }) => name)).toEqual(["a/1", "a/10"]);
    expect(peer.documents({ prefix: "a/", after: "a/10" }).map(({ name }) => name)).toEqual(["a/2"]);
    const deleted = peer.documents({ deleted: true }).find(({ name }) => name === "z");
    expect(deleted).toMatchObject({ state: "deleted", incarnation: 2 });
    expect(peer.documents()[0]).toMatchObject({
      state: "alive",
      incarnation: 1,
      fingerprint: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(peer.documents()[0]?.bytes).toBeGreaterThan(0);
    expect(() => peer.documents({ limit: 0 })).toThrow(expect.objectContaining({ code: "YARROW_CONFIG_INVALID" }));
  });

  it("[API16] shows what a document holds, root by root", async () => {
    const peer = await startPeer();
    const handle = await peer.open("n");
    handle.doc.getText("body").insert(0, "words");
    handle.doc.getMap("meta").set("title", "T");
    handle.doc.getArray("list").push([1, "two"]);
    await handle.saved();
    const detail = await peer.show("n");
    expect(detail).toMatchObject({
      name: "n",
      state: "alive",
      incarnation: 1,
      fingerprint: peer.documents()[0]?.fingerprint,
      contentDigest: expect.stringMatching(/^[0-9a-f]{64}$/),
      pending: 0,
      roots: {
        body: { kind: "text", value: "words" },
        meta: { kind: "map", value: { title: "T" } },
        list: { kind: "array", value: [1, "two"] },
      },
    });
    expect((await peer.show("n", { as: { root: "list", kind: "text" } }))?.roots["list"]?.kind).toBe("text");
    expect(await peer.show("never")).toBeUndefined();
  });

  it("[API18] feeds changes of every source across a restart", async () => {
    const data = temporaryFolder();
    const first = await startPeer({ data });
    const start = first.cursor();
    const live = take(first.changes(), 1);
    await write(first, "a");
    expect((await live)[0]).toMatchObject({
      name: "a",
      kind: "update",
      incarnation: 1,
      updates: [{ source: "local" }],
    });
    await first.delete("a");
    await first.close();
    const second = await startPeer({ data });
    await write(second, "b");
    const changes = await take(second.changes({ since: start }), 3);
    expect(changes.map(({ name, kind }) => [name, kind])).toEqual([
      ["a", "update"],
      ["a", "delete"],
      ["b", "update"],
    ]);
    const rest = await take(second.changes({ since: changes[1]?.cursor ?? "" }), 1);
    expect(rest).toEqual(changes.slice(2));
    const elsewhere = await startPeer();
    await expect(take(elsewhere.changes({ since: start }), 1)).rejects.toMatchObject({ code: "YARROW_CURSOR_LOST" });
  });

  it("feeds what came from other peers, by broadcast and by repair", async () => {
    const [a, b] = (await startLine(2)) as [Peer, Peer];
    const live = take(b.changes(), 1);
    await write(a, "pushed");
    expect((await live)[0]).toMatchObject({ name: "pushed", updates: [{ source: "broadcast" }] });
    await b.pauseLinks(true);
    expect(b.status().paused).toBe(true);
    await until(() => b.status().links.every(({ state }) => state === "paused"));
    const repaired = take(b.changes(), 1);
    await write(a, "missed");
    await b.pauseLinks(false);
    expect((await repaired)[0]).toMatchObject({ name: "missed", updates: [{ source: "repair" }] });
  });

  it("verifies that linked peers are equal, deeply", async () => {
    const peers = await startLine(2);
    const [a, b] = peers as [Peer, Peer];
    await write(a, "n", "same");
    await until(() => rootsEqual(peers));
    const report = await a.verify({ deep: true, timeoutMs: 20_000 });
    expect(report).toMatchObject({
      equal: true,
      root: a.status().root,
      local: { checked: 1, bad: [], past: { damaged: [], complete: true } },
      peers: [{ peerId: b.peerId, result: "equal", documents: [] }],
    });
  });

  it("compacts on request and keeps the content", async () => {
    const peer = await startPeer({ historyMs: 0 });
    const handle = await peer.open("n");
    for (let index = 0; index < 50; index++) {
      append(handle, `${index} `);
      await handle.saved();
    }
    const before = await peer.show("n");
    const report = await peer.compact();
    expect(report.documents).toBe(1);
    expect(report.bytesAfter).toBeLessThan(report.bytesBefore);
    const after = await peer.show("n");
    expect([after?.contentDigest, after?.fingerprint]).toEqual([before?.contentDigest, before?.fingerprint]);
  });

  it("[API13] survives listeners that throw", async () => {
    const warned = once(process, "warning");
    const peer = await startPeer();
    const facts: string[] = [];
    peer.on("fact", () => {
      throw new Error("from a listener");
    });
    const off = peer.on("fact", ({ kind }) => facts.push(kind));
    await write(peer, "n");
    expect(facts).toContain("committed");
    expect(String((await warned)[0])).toContain("from a listener");
    off();
    const heard = facts.length;
    await write(peer, "m");
    expect(facts).toHaveLength(heard);
  });

  it("counts what goes through its sockets", async () => {
    const peer = await startPeer();
    const client = await connectSynced(peer.url ?? "", "n");
    client.text.insert(0, "x");
    await until(() => peer.documents().length === 1);
    const counters = peer.counters();
    expect(counters).toMatchObject({ sessionsOpened: 1, sessionsClosed: 0 });
    expect(counters.receivedFrames).toBeGreaterThanOrEqual(2);
    expect(counters.deliveries).toBeGreaterThanOrEqual(2);
    expect(counters.batchMsBuckets.reduce((sum, count) => sum + count, 0)).toBe(counters.batches);
  });

  it("[API21] commits what was submitted before it closes, and closes sessions with 1012", async () => {
    const data = temporaryFolder();
    const peer = await startPeer({ data });
    const closedBy = new Promise<string>((resolve) => peer.on("closed", resolve));
    const client = await connectSynced(peer.url ?? "", "n");
    const handle = await peer.open("n");
    append(handle, "last words");
    const closing = peer.close();
    await expect(peer.open("n")).rejects.toMatchObject({ code: "YARROW_PEER_CLOSED" });
    await closing;
    expect(await closedBy).toBe("owner");
    await until(() => client.closes.length > 0);
    expect(client.closes).toEqual([1012]);
    const again = await startPeer({ data });
    expect((await again.show("n"))?.roots["body"]?.value).toBe("last words");
  });

  it("[API32] tells the other peers before it closes that its browsers are gone", async () => {
    // The third has no link to the first that could end.
    const [first, , third] = (await startLine(3, { discovery: false })) as [Peer, Peer, Peer];
    const near = await connectSynced(first.url ?? "", "n");
    const far = await connectSynced(third.url ?? "", "n");
    near.provider.awareness.setLocalState({ user: "ada" });
    await until(() => far.provider.awareness.getStates().has(near.doc.clientID));
    await first.close();
    // Long before its state would have ended by itself.
    await until(() => !far.provider.awareness.getStates().has(near.doc.clientID), 3_000);
    expect(far.provider.wsconnected).toBe(true);
  });

  it("[PRE1, PRE3] shows a newcomer at once who is at a document on another peer, and tells nobody else", async () => {
    const [first, second, third] = (await startLine(3)) as [Peer, Peer, Peer];
    const near = await connectSynced(first.url ?? "", "n");
    near.provider.awareness.setLocalState({ user: "ada" });
    const far = await connectSynced(third.url ?? "", "n");
    // Long before it is told by itself again.
    await until(() => far.provider.awareness.getStates().get(near.doc.clientID)?.["user"] === "ada", 3_000);
    expect(second.status().sessions).toBe(0);
  });

  it("pauses so many peers by name, and no more", async () => {
    const peer = await startPeer();
    for (let index = 0; index < 1_024; index++) await peer.pauseLinks(true, `ws://127.0.0.1:${index}`);
    await peer.pauseLinks(true, "ws://127.0.0.1:0");
    await expect(peer.pauseLinks(true, "one more")).rejects.toMatchObject({ code: "YARROW_LINK_LIMIT" });
    await peer.pauseLinks(false, "ws://127.0.0.1:0");
    await peer.pauseLinks(true, "one more");
    await expect(peer.pauseLinks(true, "x".repeat(513))).rejects.toMatchObject({ code: "YARROW_LINK_NOT_FOUND" });
  });

  it("[API22] answers nothing but status after it is closed", async () => {
    const peer = await startPeer();
    await write(peer, "n");
    await peer.close();
    await peer.close();
    expect(peer.status()).toMatchObject({ state: "closing", documents: { alive: 1 } });
    const closed = { code: "YARROW_PEER_CLOSED" };
    expect(() => peer.documents()).toThrow(expect.objectContaining(closed));
    expect(() => peer.cursor()).toThrow(expect.objectContaining(closed));
    expect(() => peer.changes()).toThrow(expect.objectContaining(closed));
    await expect(peer.show("n")).rejects.toMatchObject(closed);
    await expect(peer.delete("n")).rejects.toMatchObject(closed);
    await expect(peer.verify()).rejects.toMatchObject(closed);
    await expect(peer.compact()).rejects.toMatchObject(closed);
    await expect(peer.pauseLinks(true)).rejects.toMatchObject(closed);
  });
});
