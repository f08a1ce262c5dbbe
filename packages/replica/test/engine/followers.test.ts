/** What a follower refuses, what its readers may hold, and how roles change while everything runs. */
import { describe, expect, it } from "vitest";
import { StoreFullError } from "../../src/store.ts";
import type { Peer } from "./cluster.ts";
import { Cluster, Editor, textOf } from "./cluster.ts";

let request = 0;

function setRole(cluster: Cluster, peer: Peer, role: "writer" | "follower"): void {
  cluster.step(peer, { type: "set-role", request: ++request, role });
}

/** A writer and a follower of it that are linked and equal, with "x" in "n". */
function pair(options: { readonly latencyMs?: number } = {}) {
  const cluster = new Cluster();
  const writer = cluster.add();
  const follower = cluster.add({ role: "follower", peers: [writer.url] });
  const author = new Editor(cluster, writer, "n").type("x");
  cluster.run(3_000);
  cluster.latencyMs = options.latencyMs ?? 0;
  for (const peer of cluster.peers) peer.mark();
  return { cluster, writer, follower, author };
}

describe("writes at a follower", () => {
  it("[ROL4] an edit is refused with the reason and where to go, and nothing of it is kept", () => {
    const { cluster, writer, follower } = pair();
    const { root } = follower.replica.status(cluster.now);
    const editor = new Editor(cluster, follower, "n");
    cluster.run(10);
    editor.take().type("mine");
    cluster.run(10_000);
    expect(editor.take().evicted).toBe("read-only");
    expect(follower.of("evict")).toMatchObject([{ code: "YARROW_FOLLOWER" }]);
    expect(follower.of("evict")[0]!.detail).toContain(writer.url);
    expect(cluster.roots()).toEqual([root, root]);
    expect(editor.saved).toBe(0);
  });

  it("[ROL4] a new document is refused too, and a known edit is acknowledged", () => {
    const { cluster, follower, author } = pair();
    const other = new Editor(cluster, follower, "new").type("y");
    const reader = new Editor(cluster, follower, "n");
    cluster.step(follower, ...follower.inbox.splice(0));
    const update = author.everything();
    cluster.step(follower, { type: "edit", subscriber: reader.subscriber, update, principal: "" });
    expect(other.take().evicted).toBe("read-only");
    expect(reader.take().evicted).toBeUndefined();
    expect(reader.saved).toBe(1);
    expect(follower.replica.read("new", cluster.now)).toBeUndefined();
  });

  it("[ROL5] a deletion is refused, of what is there and of what is not", () => {
    const { cluster, follower } = pair();
    cluster.step(follower, { type: "delete", request: 1, name: "n" }, { type: "delete", request: 2, name: "never" });
    const refused = { existed: false, failure: { code: "YARROW_FOLLOWER" } };
    expect(follower.of("deleted")).toMatchObject([
      { request: 1, ...refused },
      { request: 2, ...refused },
    ]);
    expect(textOf(follower, "n", cluster.now)).toBe("x");
  });

  it("[ROL13] compaction brings nothing of its own", () => {
    const { cluster, follower, author } = pair();
    for (let i = 0; i < 50; i++) {
      author.take().type(`${i} `);
      if (i % 3 === 0) author.doc.getText("t").delete(0, 2);
      cluster.run(5);
    }
    cluster.run(2_000);
    const roots = cluster.roots();
    cluster.step(follower, { type: "compact", request: 1 });
    cluster.run(1_000);
    expect(follower.of("compacted")).toMatchObject([{ documents: 1 }]);
    expect(cluster.roots()).toEqual(roots);
    expect(new Set(roots).size).toBe(1);
  });
});

describe("readers of a follower", () => {
  it("[ROL8] a reader that comes from a peer further ahead stays, once the same comes from upstream", () => {
    const { cluster, follower, author } = pair({ latencyMs: 400 });
    const reader = new Editor(cluster, follower, "n");
    cluster.run(10);
    author.take().type("ahead");
    reader.take();
    cluster.run(1);
    // The same tab was at the writer a moment ago.
    const bytes = author.everything();
    const edit = {
      type: "edit",
      subscriber: reader.subscriber,
      update: bytes,
      principal: "",
      perhapsRead: true,
    } as const;
    cluster.step(follower, edit);
    expect(reader.take().evicted).toBeUndefined();
    cluster.run(20_000);
    expect(textOf(follower, "n", cluster.now)).toBe("xahead");
    expect(reader.take().evicted).toBeUndefined();
  });

  it("[ROL8] what does not come in 5 s is refused", () => {
    const { cluster, follower } = pair();
    const tab = new Editor(cluster, follower, "n");
    cluster.run(10);
    tab.take();
    tab.doc.transact(() => tab.doc.getText("t").insert(0, "written while away"), "remote");
    tab.answer();
    cluster.run(4_900);
    expect(tab.take().evicted).toBeUndefined();
    cluster.run(200);
    expect(tab.take().evicted).toBe("read-only");
    expect(follower.of("evict")).toMatchObject([{ code: "YARROW_FOLLOWER" }]);
  });

  it("[ROL8] a peer that becomes a writer meanwhile asks for it, and takes it", () => {
    const { cluster, writer, follower } = pair();
    const tab = new Editor(cluster, follower, "n");
    cluster.run(10);
    tab.take();
    tab.doc.transact(() => tab.doc.getText("t").insert(1, "y"), "remote");
    tab.answer();
    cluster.run(100);
    setRole(cluster, follower, "writer");
    cluster.run(100);
    tab.take();
    cluster.until(() => textOf(writer, "n", cluster.now) === "xy", 2_000);
    expect(tab.take().evicted).toBeUndefined();
  });
});

describe("a change of role", () => {
  it("[ROL6] is remembered, and wins over what the next start is told", () => {
    const { cluster, follower } = pair();
    expect(follower.replica.status(cluster.now)).toMatchObject({ role: "follower", rememberedRole: undefined });
    setRole(cluster, follower, "writer");
    expect(follower.of("role-set")).toMatchObject([{ role: "writer", failure: undefined }]);
    const again = cluster.add({ role: "follower", store: follower.store, url: "ws://again:1" });
    expect(again.replica.status(cluster.now)).toMatchObject({ role: "writer", rememberedRole: "writer" });
  });

  it("[ROL6] without room to remember it nothing changes", () => {
    const { cluster, follower } = pair();
    follower.store.transaction = () => {
      throw new StoreFullError("no room");
    };
    setRole(cluster, follower, "writer");
    expect(follower.of("role-set")).toMatchObject([{ role: "follower", failure: { code: "YARROW_STORE_FULL" } }]);
    expect(follower.replica.status(cluster.now).role).toBe("follower");
    expect(follower.of("close-link")).toEqual([]);
  });

  it("[ROL7] ends the links, which are back at once, and no session", () => {
    const { cluster, writer, follower } = pair();
    const reader = new Editor(cluster, follower, "n");
    cluster.run(10);
    setRole(cluster, follower, "writer");
    cluster.run(0);
    expect(follower.of("close-link")).toMatchObject([{ code: "YARROW_ROLE_CHANGED" }]);
    expect(follower.facts("link-up")).toHaveLength(1);
    expect(writer.replica.status(cluster.now).links).toMatchObject([{ state: "open", role: "writer", feedsUs: true }]);
    reader.take().type("y");
    cluster.until(() => textOf(writer, "n", cluster.now) === "xy", 100);
    expect(reader.take().evicted).toBeUndefined();
  });

  it("[ROL7] the other side dials again at once when it had dialled", () => {
    const { cluster, writer, follower } = pair();
    setRole(cluster, writer, "follower");
    cluster.run(0);
    expect(writer.of("close-link")).toMatchObject([{ code: "YARROW_ROLE_CHANGED" }]);
    expect(follower.replica.status(cluster.now).links).toMatchObject([{ state: "open", role: "follower" }]);
  });

  it("[ROL9] the last words of a writer are fetched before its links end", () => {
    const { cluster, writer, follower, author } = pair({ latencyMs: 50 });
    cluster.loses = ({ from, messages }) => from === writer && messages().some(({ type }) => type === "broadcast");
    author.take().type(" lost on the way");
    cluster.run(1);
    setRole(cluster, writer, "follower");
    expect(writer.replica.status(cluster.now).role).toBe("follower");
    expect(writer.of("close-link")).toEqual([]);
    const ms = cluster.until(() => writer.of("close-link").length > 0, 3_000);
    expect(ms).toBeLessThan(1_500);
    expect(textOf(follower, "n", cluster.now)).toBe("x lost on the way");
  });

  it("[ROL9] nobody waits longer than 2 s for that", () => {
    const { cluster, writer, author } = pair();
    cluster.loses = ({ from }) => from === writer;
    author.take().type(" unheard");
    cluster.run(1);
    setRole(cluster, writer, "follower");
    cluster.run(1_900);
    expect(writer.of("close-link")).toEqual([]);
    cluster.run(200);
    expect(writer.of("close-link")).toMatchObject([{ code: "YARROW_ROLE_CHANGED" }]);
  });
});

describe("followers that feed each other", () => {
  it("[ROL10] of two that were told to follow each other both do, whichever link stays", () => {
    const cluster = new Cluster();
    const writer = cluster.add();
    const a = cluster.add({ role: "follower", url: "ws://a:1", peers: ["ws://b:1", writer.url], discovery: false });
    const b = cluster.add({ role: "follower", url: "ws://b:1", peers: ["ws://a:1", writer.url], discovery: false });
    cluster.run(5_000);
    for (const [near, far] of [
      [a, b],
      [b, a],
    ] as const) {
      const { links } = near.replica.status(cluster.now);
      const other = links.filter(({ peerId, state }) => peerId === far.replica.peerId && state === "open");
      expect(other).toMatchObject([{ feedsUs: true, takesOurs: true }]);
    }
    cluster.cut(b, writer);
    cluster.loses = ({ from, to }) => [from, to].includes(b) && [from, to].includes(writer);
    new Editor(cluster, writer, "n").type("by way of a");
    cluster.until(() => textOf(b, "n", cluster.now) === "by way of a", 5_000);
  });

  it("[ROL10] who is dialled by the one it was told to follow follows it on that link", () => {
    const cluster = new Cluster();
    const writer = cluster.add({ peers: ["ws://up:1"], discovery: false });
    // Nobody answers at the address of the downstream's dial before the upstream has dialled it.
    const upstream = cluster.add({ role: "follower", url: "ws://up:1", peers: ["ws://down:1"], discovery: false });
    cluster.run(1_000);
    cluster.records = true;
    const down = cluster.add({ role: "follower", url: "ws://down:1", peers: ["ws://up:1"], discovery: false });
    cluster.loses = ({ from, to, messages }) =>
      from === down && to === upstream && messages().some((message) => message.type === "hello" && message.follows);
    new Editor(cluster, writer, "n").type("x");
    cluster.until(() => textOf(down, "n", cluster.now) === "x", 60_000);
    expect(cluster.sent.filter(({ from, message }) => from === down && message.type === "follow")).not.toEqual([]);
  });
});

describe("a follower that holds more than its writer", () => {
  it("[ROL11] the writer says so, nobody cries stuck, and promotion gives it back", () => {
    const { cluster, writer, follower, author } = pair();
    const before = writer.store.clone();
    author.take().type("lost by the writer");
    cluster.run(3_000);
    cluster.remove(writer);
    const restored = cluster.add({ store: before, url: writer.url });
    cluster.until(() => restored.facts("follower-ahead").length > 0, 60_000);
    expect(restored.facts("follower-ahead")).toMatchObject([{ peerId: follower.replica.peerId, documents: 1 }]);
    expect(restored.replica.status(cluster.now).links).toMatchObject([{ theyHoldMore: 1 }]);
    cluster.run(60_000);
    expect(follower.replica.status(cluster.now).links[0]).toMatchObject({ weHoldMore: 1, equal: false });
    expect(follower.facts("reconciliation-stuck")).toEqual([]);
    expect(restored.facts("follower-ahead")).toHaveLength(1);
    expect(textOf(follower, "n", cluster.now)).toBe("xlost by the writer");
    cluster.step(restored, { type: "verify", request: 1, deep: true, timeoutMs: 10_000 });
    cluster.run(11_000);
    expect(restored.of("verified").at(-1)?.report).toMatchObject({
      equal: false,
      peers: [{ result: "different", documents: [{ name: "n" }] }],
    });
    setRole(cluster, follower, "writer");
    cluster.until(() => textOf(restored, "n", cluster.now) === "xlost by the writer", 20_000);
    cluster.run(2_000);
    expect(restored.replica.status(cluster.now).links).toMatchObject([{ theyHoldMore: 0, equal: true }]);
  });

  it("[ROL11] a follower ahead of one of two busy writers is nothing to tell", () => {
    const cluster = new Cluster();
    const a = cluster.add();
    const b = cluster.add({ peers: [a.url] });
    cluster.add({ role: "follower", peers: [a.url, b.url] });
    cluster.run(3_000);
    cluster.latencyMs = 80;
    const author = new Editor(cluster, a, "n");
    for (let i = 0; i < 200; i++) {
      author.take().type("x");
      cluster.run(100);
    }
    cluster.run(5_000);
    expect([...a.facts("follower-ahead"), ...b.facts("follower-ahead")]).toEqual([]);
    expect(cluster.equal).toBe(true);
  });
});

describe("the return of an old primary", () => {
  it("[ROL12] its tail is merged, and what it was is told", () => {
    const { cluster, writer, follower, author } = pair();
    cluster.loses = ({ from, to }) => from === writer || to === writer;
    const equalUntil = cluster.now;
    author.take().type(" tail");
    new Editor(cluster, writer, "second").type("also");
    cluster.run(30_000);
    setRole(cluster, follower, "writer");
    new Editor(cluster, follower, "n").type("new primary ");
    cluster.run(5_000);
    cluster.loses = () => false;
    cluster.until(() => cluster.equal, 30_000);
    const record = follower.replica.status(cluster.now).merged.at(-1);
    expect(record).toMatchObject({ documents: 2, peerId: writer.replica.peerId });
    expect(record!.bytes).toBeGreaterThan(20);
    expect(record!.sinceMs).toBeLessThanOrEqual(equalUntil);
    expect(record!.sinceMs).toBeGreaterThan(equalUntil - 3_000);
    expect(textOf(follower, "second", cluster.now)).toBe("also");
    expect(writer.replica.status(cluster.now).merged).toMatchObject([{ documents: 1 }]);
  });
});
