import { MemoryStore } from "@yarrow/replica";
import type { LogSegment } from "@yarrow/replica";
import type { DocumentKey, PeerId } from "@yarrow/protocol";
import { describe, expect, it } from "vitest";
import { ChangeFeed } from "../src/change-feed.ts";
import { FEED_PAGE_ROWS } from "../src/limits.ts";
import type { Change } from "../src/peer-api.ts";

const EPOCHS = ["a".repeat(16), "b".repeat(16)] as const;

function createStore(): MemoryStore {
  return new MemoryStore({ peerId: "1".repeat(32) as PeerId });
}

function boot(store: MemoryStore, epoch: string): void {
  store.transaction(() => store.writeBoot({ epoch, firstSequence: store.lastSequence() + 1, startedMs: 0 }));
}

function createDocument(store: MemoryStore, name: string): number {
  return store.transaction(() => store.createDocument(name, "0".repeat(16) as DocumentKey).id);
}

function append(store: MemoryStore, document: number, incarnation: number, texts: readonly string[]): void {
  const segments: LogSegment[] = texts.map((text) => ({ principal: "", source: "local", update: Buffer.from(text) }));
  store.transaction(() => store.appendLog({ document, incarnation, arrivedMs: 1_000, segments }));
}

async function take(changes: AsyncIterable<Change>, count: number): Promise<Change[]> {
  const taken: Change[] = [];
  for await (const change of changes) {
    taken.push(change);
    if (taken.length === count) break;
  }
  return taken;
}

describe("ChangeFeed", () => {
  it("[API18] yields what arrives after the call, and wakes for it", async () => {
    const store = createStore();
    boot(store, EPOCHS[0]);
    const document = createDocument(store, "n");
    append(store, document, 1, ["before"]);
    const feed = new ChangeFeed(store);
    const taken = take(feed.changes(), 2);
    await Promise.resolve();
    append(store, document, 1, ["one", "two"]);
    feed.wake();
    append(store, document, 2, []);
    feed.wake();
    const [update, deletion] = await taken;
    expect(update).toMatchObject({ name: "n", kind: "update", incarnation: 1, at: new Date(1_000) });
    expect(update?.updates.map((segment) => Buffer.from(segment.update).toString())).toEqual(["one", "two"]);
    expect(deletion).toMatchObject({ name: "n", kind: "delete", incarnation: 2, updates: [] });
  });

  it("[API18] goes on from a cursor, over page ends and over a restart", async () => {
    const store = createStore();
    boot(store, EPOCHS[0]);
    const document = createDocument(store, "n");
    const start = new ChangeFeed(store).cursor();
    for (let index = 0; index < 150; index++) append(store, document, 1, [String(index)]);
    boot(store, EPOCHS[1]);
    for (let index = 150; index < 250; index++) append(store, document, 1, [String(index)]);
    const feed = new ChangeFeed(store);
    const first = await take(feed.changes({ since: start }), 120);
    const rest = await take(feed.changes({ since: first.at(-1)?.cursor ?? "" }), 130);
    const texts = [...first, ...rest].map(({ updates }) => Buffer.from(updates[0]?.update ?? []).toString());
    expect(texts).toEqual(Array.from({ length: 250 }, (_, index) => String(index)));
    expect(first.at(-1)?.cursor).toBe(`${EPOCHS[0]}.120`);
    expect(rest.at(-1)?.cursor).toBe(`${EPOCHS[1]}.250`);
  });

  it.each([
    ["of an unknown epoch", `${"c".repeat(16)}.1`],
    ["beyond the end of an earlier epoch", `${EPOCHS[0]}.4`],
    ["beyond what this epoch has reached", `${EPOCHS[1]}.6`],
    ["before the beginning of its epoch", `${EPOCHS[1]}.1`],
    ["that is no cursor", "nonsense"],
    ["without a sequence", `${EPOCHS[0]}.`],
  ])("[API19] refuses a cursor %s", async (_what, since) => {
    const store = createStore();
    boot(store, EPOCHS[0]);
    const document = createDocument(store, "n");
    for (let index = 0; index < 3; index++) append(store, document, 1, ["x"]);
    boot(store, EPOCHS[1]);
    for (let index = 0; index < 2; index++) append(store, document, 1, ["y"]);
    await expect(take(new ChangeFeed(store).changes({ since }), 1)).rejects.toMatchObject({
      code: "YARROW_CURSOR_LOST",
    });
  });

  it("[API18] lets the peer go on after every page of a backlog", async () => {
    const store = createStore();
    boot(store, EPOCHS[0]);
    const document = createDocument(store, "n");
    const feed = new ChangeFeed(store);
    const since = feed.cursor();
    for (let row = 0; row < 3 * FEED_PAGE_ROWS + 1; row++) append(store, document, 1, ["x"]);
    let turns = 0;
    let counting = setImmediate(function count() {
      turns++;
      counting = setImmediate(count);
    });
    await take(feed.changes({ since }), 3 * FEED_PAGE_ROWS + 1);
    clearImmediate(counting);
    expect(turns).toBeGreaterThanOrEqual(3);
  });

  it("[API31] refuses a cursor before a row that left the history window, and takes the one at it", async () => {
    const store = createStore();
    boot(store, EPOCHS[0]);
    const document = createDocument(store, "n");
    for (let index = 1; index <= 4; index++) append(store, document, 1, [String(index)]);
    store.transaction(() => store.deleteLog(document, 1, 2));
    const feed = new ChangeFeed(store);
    for (const since of [`${EPOCHS[0]}.0`, `${EPOCHS[0]}.1`]) {
      await expect(take(feed.changes({ since }), 1)).rejects.toMatchObject({ code: "YARROW_CURSOR_LOST" });
    }
    const [next] = await take(feed.changes({ since: `${EPOCHS[0]}.2` }), 1);
    expect(next?.cursor).toBe(`${EPOCHS[0]}.3`);
  });

  it("[API31] ends a feed that is read so slowly that rows before it leave the history window", async () => {
    const store = createStore();
    boot(store, EPOCHS[0]);
    const document = createDocument(store, "n");
    const feed = new ChangeFeed(store);
    const changes = feed.changes()[Symbol.asyncIterator]();
    for (let index = 1; index <= FEED_PAGE_ROWS + 2; index++) append(store, document, 1, ["x"]);
    expect((await changes.next()).value).toMatchObject({ cursor: `${EPOCHS[0]}.1` });
    store.transaction(() => store.deleteLog(document, 1, FEED_PAGE_ROWS + 1));
    // What was read before is still handed over; the row after it is gone.
    for (let index = 2; index <= FEED_PAGE_ROWS; index++) await changes.next();
    await expect(changes.next()).rejects.toMatchObject({ code: "YARROW_CURSOR_LOST" });
  });

  it("[API20] ends with the signal's reason while it waits", async () => {
    const store = createStore();
    boot(store, EPOCHS[0]);
    const abort = new AbortController();
    const taken = take(new ChangeFeed(store).changes({ signal: abort.signal }), 1);
    await Promise.resolve();
    abort.abort(new Error("enough"));
    await expect(taken).rejects.toThrow("enough");
  });

  it("[API22] ends when the peer closes", async () => {
    const store = createStore();
    boot(store, EPOCHS[0]);
    const feed = new ChangeFeed(store);
    const taken = take(feed.changes(), 1);
    await Promise.resolve();
    feed.close(new Error("closed"));
    await expect(taken).rejects.toThrow("closed");
  });
});
