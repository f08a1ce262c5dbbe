/** The past of running peers: read, told, gone back to, and kept longer where somebody wants it. */
import type { Incarnation } from "@yarrow/protocol";
import type { Answer, Event, Evict } from "@yarrow/replica";
import { describe, expect, it } from "vitest";
import type { HandleHost } from "../src/document-handle.ts";
import type { HandleLike } from "../src/handles.ts";
import { HistoryGoneError } from "../src/past/history-gone.ts";
import type { DocumentHandle, Peer } from "../src/peer-api.ts";
import { SingleEdit } from "../src/single-edit.ts";
import type { WriteOptions } from "../src/single-edit.ts";
import { rootsEqual, startPeer, until } from "./peers.ts";

/** Writes, and returns the instant of it: nothing else arrives in that millisecond. */
async function write(peer: Peer, handle: DocumentHandle, text: string): Promise<number> {
  const body = handle.doc.getText("body");
  body.insert(body.length, text);
  await handle.saved();
  return ended(peer, handle.name);
}

async function ended(peer: Peer, name: string): Promise<number> {
  const [info] = peer.documents({ prefix: name, deleted: true });
  const atMs = info!.changedAt.getTime();
  await until(() => Date.now() > atMs + 1);
  return atMs;
}

async function textAt(peer: Peer, name: string, atMs: number): Promise<unknown> {
  const past = await peer.at(atMs).open(name);
  return past.state === "alive" ? past.roots["body"]?.value : past.state;
}

describe("the past of a peer", () => {
  it("[HIS12] is opened, listed and told as it was, in copies of one's own", async () => {
    const peer = await startPeer();
    const handle = await peer.open("note");
    const one = await write(peer, handle, "one");
    const two = await write(peer, handle, " two");
    const shown = (await peer.show("note"))!;
    await peer.compact();
    const other = await write(peer, await peer.open("other"), "x");
    await peer.delete("note");
    const gone = await ended(peer, "note");
    expect(await Promise.all([one - 1, one, two, other, gone].map((at) => textAt(peer, "note", at)))).toEqual([
      "absent",
      "one",
      "one two",
      "one two",
      "deleted",
    ]);
    const names = async (at: number, deleted = false) =>
      (await peer.at(at).documents({ deleted })).map(({ name, state }) => `${name} ${state}`);
    expect(await names(one - 1)).toEqual([]);
    expect(await names(other)).toEqual(["note alive", "other alive"]);
    expect(await names(gone, true)).toEqual(["note deleted", "other alive"]);
    const past = await peer.at(new Date(two)).open("note");
    expect(past).toMatchObject({ at: new Date(two), changedAt: new Date(two), incarnation: 1, whole: true });
    const { roots, contentDigest, fingerprint } = shown;
    expect(past).toMatchObject({ roots, contentDigest, fingerprint });
    past.doc.getText("body").insert(0, "nobody sees this ");
    expect((await peer.at(two).open("note")).doc.getText("body").toString()).toBe("one two");
    expect(await peer.at(one - 1).open("note")).toMatchObject({ state: "absent", firstAt: new Date(one) });
    expect(await peer.at(one).open("never")).toMatchObject({ state: "absent", firstAt: undefined });

    const { entries, next, since } = (await peer.history("note", { togetherMs: 0 }))!;
    expect(entries.map(({ at, kind, updates }) => [at.getTime(), kind, updates])).toEqual([
      [gone, "deleted", 0],
      [two, "changed", 1],
      [one, "created", 1],
    ]);
    expect([next, since]).toEqual([undefined, undefined]);
    expect((await peer.history("note", { limit: 1_000 }))!.entries).toMatchObject([
      { kind: "deleted" },
      { batches: 2, at: new Date(two), from: new Date(one) },
    ]);
    expect(await peer.history("never")).toBeUndefined();
  });

  it("[HIS12] is of instants that have come, told in pages of a size that is allowed", async () => {
    const peer = await startPeer();
    const invalid = expect.objectContaining({ code: "YARROW_CONFIG_INVALID" });
    for (const instant of [Number.NaN, -1, new Date("soon"), Date.now() + 60_000, "2020" as never, null as never]) {
      expect(() => peer.at(instant)).toThrow(invalid);
      await expect(peer.revert("note", instant)).rejects.toEqual(invalid);
    }
    await expect(peer.revert("note", 1, { principal: "x".repeat(257) })).rejects.toEqual(invalid);
    for (const options of [{ limit: 0 }, { limit: 1_001 }, { limit: 1.5 }, { togetherMs: -1 }, { before: -1 }]) {
      await expect(peer.history("note", options)).rejects.toEqual(invalid);
    }
    await expect(peer.at(1).documents({ limit: 0 })).rejects.toEqual(invalid);
  });

  it("[HIS13] ends at the oldest instant that is kept; a follower keeps what its writer does not", async () => {
    const writer = await startPeer({ historyMs: 1, limits: { sweepIntervalMs: 20 } });
    const follower = await startPeer({ peers: [writer.url!], role: "follower", historyMs: 30 * 86_400_000 });
    const equal = (): Promise<void> => until(() => rootsEqual([writer, follower]));
    const handle = await writer.open("note");
    await write(writer, handle, "one");
    await equal();
    const there = await ended(follower, "note");
    await write(writer, handle, " two");
    await equal();
    const answer = (): Promise<unknown> =>
      writer
        .at(there)
        .open("note")
        .catch((error: unknown) => error);
    await until(async () => (await answer()) instanceof HistoryGoneError);
    const { code, since } = (await answer()) as HistoryGoneError;
    expect([code, since.getTime() >= there]).toEqual(["YARROW_HISTORY_GONE", true]);
    await expect(writer.at(there).documents()).rejects.toMatchObject({ code });
    await expect(writer.revert("note", there)).rejects.toMatchObject({ code });
    expect(await textAt(writer, "note", since.getTime())).toBe("one two");
    expect(await textAt(follower, "note", there)).toBe("one");
    expect(await follower.history("note")).toMatchObject({ since: undefined, entries: [{ batches: 2 }] });
    // Even what would change nothing: the role is looked at first.
    for (const instant of [there, Date.now()]) {
      await expect(follower.revert("note", instant)).rejects.toMatchObject({ code: "YARROW_FOLLOWER" });
    }
  });
});

describe("peer.revert", () => {
  it("[HIS14] is an edit like any other: it merges, spreads, and brings back what was deleted", async () => {
    const one = await startPeer();
    const two = await startPeer({ peers: [one.url!] });
    await until(() => two.status().state === "ready");
    const handle = await one.open("note");
    const then = await write(one, handle, "hello world");
    handle.doc.getText("body").delete(0, 6);
    await handle.saved();
    const elsewhere = await two.open("note");
    const says = (text: string): Promise<void> =>
      until(() => [handle, elsewhere].every(({ doc }) => doc.getText("body").toString() === text));
    await says("world");
    await one.pauseLinks(true);
    elsewhere.doc.getText("body").insert(5, "!");
    await elsewhere.saved();
    expect(await one.revert("note", then, { principal: "ada" })).toEqual({ changed: true, recreated: false });
    expect(await one.revert("note", then)).toEqual({ changed: false, recreated: false });
    await one.pauseLinks(false);
    await says("hello world!");
    const { entries } = (await one.history("note", { togetherMs: 0 }))!;
    expect(entries.flatMap(({ writers }) => writers)).toContainEqual(
      expect.objectContaining({ principal: "ada", source: "local", updates: 1 }),
    );
    await one.delete("note");
    const deleted = await ended(one, "note");
    expect(await one.revert("note", then)).toEqual({ changed: true, recreated: true });
    await says("hello world");
    expect(await one.show("note")).toMatchObject({ state: "alive", incarnation: 3 });
    const hint = expect.stringContaining("yarrow delete");
    await expect(one.revert("note", deleted)).rejects.toMatchObject({ code: "YARROW_DOCUMENT_DELETED", hint });
    await expect(one.revert("note", then - 1)).rejects.toMatchObject({ code: "YARROW_DOCUMENT_NOT_FOUND", hint });
    await expect(one.revert("never", then)).rejects.toMatchObject({ code: "YARROW_DOCUMENT_NOT_FOUND" });
  });
});

describe("a single edit", () => {
  function start(incarnation: Incarnation, options: WriteOptions = {}) {
    const events: Event[] = [];
    let edit: HandleLike | undefined;
    const host = {
      copiesWanted: 2,
      submit: (event: Event) => void events.push(event),
      nextSubscriber: () => 7,
      register: (handle: HandleLike) => void (edit = handle),
      unregister: () => void (edit = undefined),
    };
    const update = Uint8Array.of(1, 2);
    const stateVector = Uint8Array.of(0);
    const write = { name: "note", update, incarnation, stateVector };
    const outcome = SingleEdit.write(host as unknown as HandleHost, write, options);
    return { events, outcome, edit: edit as unknown as HandleLike, left: () => edit === undefined };
  }

  it("[HIS14] is not written into another incarnation than the one it was made from", async () => {
    const moved = start(1);
    moved.edit.answered({ incarnation: 2 } as Answer);
    expect(await moved.outcome).toMatchObject({ state: "moved" });
    expect(moved.events.map(({ type }) => type)).toEqual(["attach", "detach"]);
    const late = start(1);
    late.edit.answered({ incarnation: 1 } as Answer);
    late.edit.evicted({ reason: "deleted" } as Evict);
    expect([await late.outcome, late.left()]).toMatchObject([{ state: "moved" }, true]);
  });

  it("[HIS14] is done when it is committed, here and where the peer wants copies, and says why it is not", async () => {
    const done = start(1);
    done.edit.answered({ incarnation: 1 } as Answer);
    done.edit.committed(1, true);
    expect(done.left()).toBe(false);
    done.edit.confirmed(1);
    expect([await done.outcome, done.left()]).toEqual([{ state: "kept" }, true]);
    const full = start(1);
    full.edit.evicted({ reason: "overloaded", code: "YARROW_STORE_FULL", detail: "no room" } as Evict);
    await expect(full.outcome).rejects.toMatchObject({ code: "YARROW_STORE_FULL" });
  });

  it("[HIS14] that is not kept in time is given up, and tells how far it came", async () => {
    const aside = start(1, { timeoutMs: 5 });
    await expect(aside.outcome).rejects.toMatchObject({
      code: "YARROW_TIMEOUT",
      message: "note: nothing was written within 5 ms",
    });
    const written = start(1, { timeoutMs: 5 });
    written.edit.answered({ incarnation: 1 } as Answer);
    await expect(written.outcome).rejects.toMatchObject({ code: "YARROW_TIMEOUT", hint: expect.any(String) });
    const alone = start(1, { timeoutMs: 5 });
    alone.edit.answered({ incarnation: 1 } as Answer);
    alone.edit.committed(1, true);
    await expect(alone.outcome).rejects.toMatchObject({
      code: "YARROW_COPIES_MISSING",
      message: "note: committed here, and not on 2 other peers within 5 ms",
      wanted: 2,
    });
    expect(alone.events.map(({ type }) => type)).toEqual(["attach", "edit", "detach"]);
    expect([aside.left(), written.left(), alone.left()]).toEqual([true, true, true]);
  });
});
