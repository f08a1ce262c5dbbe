import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { CopiesMissingError } from "../src/document-handle.ts";
import type { DocumentHandle, Peer } from "../src/peer-api.ts";
import { startLine, startPeer, temporaryFolder, until } from "./peers.ts";
import { connectSynced } from "./stock-client.ts";

function textOf(handle: DocumentHandle): string {
  return handle.doc.getText("body").toString();
}

function append(handle: DocumentHandle, text: string): void {
  const body = handle.doc.getText("body");
  body.insert(body.length, text);
}

/** The first `replaced` of a handle. */
function replacedReason(handle: DocumentHandle): Promise<Error> {
  return new Promise((resolve) => handle.on("replaced", resolve));
}

describe("document handles", () => {
  it("[API7] open what the replica holds, and create nothing by opening", async () => {
    const data = temporaryFolder();
    const peer = await startPeer({ data });
    const first = await peer.open("n");
    expect(first.incarnation).toBe(0);
    expect(peer.documents({ deleted: true })).toEqual([]);
    append(first, "kept");
    await first.saved();
    await peer.close();
    const again = await startPeer({ data });
    expect(textOf(await again.open("n"))).toBe("kept");
  });

  it("[API8] are saved once every edit so far is on this peer's disk", async () => {
    const peer = await startPeer();
    const handle = await peer.open("n");
    for (let index = 0; index < 20; index++) append(handle, "x");
    expect(peer.status().store.logRows).toBe(0);
    await handle.saved();
    expect(peer.status().store.logRows).toBe(1);
    await handle.saved();
    const detail = await peer.show("n");
    expect(detail?.roots["body"]).toEqual({ kind: "text", value: "x".repeat(20) });
  });

  it("[API14] share a document with each other and with browsers, both ways", async () => {
    const peer = await startPeer();
    const [one, two] = [await peer.open("n"), await peer.open("n")];
    const browser = await connectSynced(peer.url ?? "", "n");
    append(one, "a");
    await until(() => textOf(two) === "a" && browser.text.toString() === "a");
    browser.text.insert(1, "b");
    await until(() => textOf(one) === "ab" && textOf(two) === "ab");
    await one.close();
    append(two, "c");
    await two.saved();
    await until(() => browser.text.toString() === "abc");
    expect(textOf(two)).toBe("abc");
  });

  it("[API10] have a fresh random client id of more than 32 bits in every Y.Doc", async () => {
    const peer = await startPeer();
    const handles = await Promise.all(Array.from({ length: 20 }, () => peer.open("n")));
    const ids = handles.map((handle) => handle.doc.clientID);
    expect(new Set(ids).size).toBe(20);
    expect(ids.every((id) => Number.isSafeInteger(id) && id >= 0)).toBe(true);
    expect(ids.some((id) => id > 2 ** 32)).toBe(true);
  });

  it("[API9] are saved with copies once other peers have committed them", async () => {
    const peers = await startLine(3);
    const [a, , c] = peers as [Peer, Peer, Peer];
    const handle = await a.open("n");
    append(handle, "x");
    await handle.saved({ copies: 2 });
    expect((await c.show("n"))?.roots["body"]?.value).toBe("x");
    append(handle, "y");
    const missing = await handle.saved({ copies: 3, timeoutMs: 300 }).catch((error: unknown) => error);
    expect(missing).toBeInstanceOf(CopiesMissingError);
    expect(missing).toMatchObject({ code: "YARROW_COPIES_MISSING", wanted: 3 });
    expect(new Set((missing as CopiesMissingError).reached)).toEqual(new Set([peers[1]?.peerId, c.peerId]));
    await handle.saved();
    await expect(handle.saved({ copies: -1 })).rejects.toMatchObject({ code: "YARROW_CONFIG_INVALID" });
  });

  it("[API9] need no copies of what they did not write, nor of what was copied before", async () => {
    const [a] = (await startLine(2)) as [Peer];
    const handle = await a.open("n");
    await a.pauseLinks(true);
    await handle.saved({ copies: 1, timeoutMs: 200 });
    append(handle, "x");
    await expect(handle.saved({ copies: 1, timeoutMs: 200 })).rejects.toMatchObject({ code: "YARROW_COPIES_MISSING" });
    await a.pauseLinks(false);
    await handle.saved({ copies: 1 });
    await a.pauseLinks(true);
    await handle.saved({ copies: 1, timeoutMs: 200 });
    expect(textOf(handle)).toBe("x");
  });

  it("[API20] stop waiting for copies when aborted", async () => {
    const peer = await startPeer();
    const handle = await peer.open("n");
    append(handle, "x");
    const abort = new AbortController();
    const saved = handle.saved({ copies: 1, signal: abort.signal });
    await handle.saved();
    abort.abort(new Error("enough"));
    await expect(saved).rejects.toThrow("enough");
    await expect(peer.open("n", { signal: abort.signal })).rejects.toThrow("enough");
  });

  it("[API11] are replaced when the document is deleted, and may create it anew", async () => {
    const peer = await startPeer();
    const handle = await peer.open("n");
    append(handle, "old");
    await handle.saved();
    const oldDoc = handle.doc;
    const replaced = replacedReason(handle);
    await peer.delete("n");
    expect(await replaced).toMatchObject({ code: "YARROW_DOCUMENT_DELETED" });
    expect(handle.doc).not.toBe(oldDoc);
    expect(handle.doc.clientID).not.toBe(oldDoc.clientID);
    expect([textOf(handle), handle.incarnation]).toEqual(["", 2]);
    append(handle, "new");
    await handle.saved();
    expect(handle.incarnation).toBe(3);
    expect((await peer.show("n"))?.roots["body"]?.value).toBe("new");
  });

  it("[API11] report edits that a deletion overtook, once", async () => {
    const peer = await startPeer();
    const handle = await peer.open("n");
    append(handle, "old");
    await handle.saved();
    const replaced = replacedReason(handle);
    const deleted = peer.delete("n");
    append(handle, " and late");
    const saved = handle.saved();
    await expect(saved).rejects.toMatchObject({ code: "YARROW_DOCUMENT_DELETED" });
    expect(await deleted).toBe(true);
    await replaced;
    await handle.saved();
    expect(textOf(handle)).toBe("");
  });

  it("[API11] keep edits that are made while the document is being deleted over and over", async () => {
    const peer = await startPeer();
    const [a, b] = [await peer.open("n"), await peer.open("n")];
    append(a, "1");
    await a.saved();
    await peer.delete("n");
    // In one batch: both come back, one brings the name back to life, and it is deleted again before either is answered.
    append(b, "2");
    await peer.delete("n");
    append(a, "3");
    await a.saved();
    await until(() => textOf(b) === "3");
    expect((await peer.show("n"))?.roots["body"]?.value).toBe("3");
  });

  it("[API12] report an edit that went to a Y.Doc that had been replaced", async () => {
    const peer = await startPeer();
    const handle = await peer.open("n");
    append(handle, "old");
    await handle.saved();
    const oldDoc = handle.doc;
    const replaced = replacedReason(handle);
    await peer.delete("n");
    await replaced;
    oldDoc.getText("body").insert(0, "to nobody");
    await expect(handle.saved()).rejects.toThrow(/replaced/);
    await handle.saved();
  });

  it("[API13] survive an update listener that throws", async () => {
    const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
    const peer = await startPeer();
    const [handle, other] = [await peer.open("n"), await peer.open("n")];
    handle.doc.on("update", () => {
      throw new Error("from the embedder");
    });
    const replaced = replacedReason(handle);
    append(other, "x");
    await replaced;
    expect((await warned).message).toContain("from the embedder");
    expect(textOf(handle)).toBe("x");
    append(handle, "y");
    await until(() => textOf(other) === "xy");
  });

  it("[API13] notice that a local edit was silenced by a listener that threw before", async () => {
    const peer = await startPeer();
    const handle = await peer.open("n");
    const doc = handle.doc;
    doc.on("update", () => {
      throw new Error("from the embedder");
    });
    expect(() => append(handle, "x")).toThrow("from the embedder");
    await expect(handle.saved()).rejects.toThrow(/threw/);
    await until(() => handle.doc !== doc);
    await until(() => textOf(handle) === "x");
  });

  it("do not send back what they were given, nor what Yjs tidies away twice", async () => {
    const peer = await startPeer();
    const handles = await Promise.all(Array.from({ length: 3 }, () => peer.open("n")));
    const [first] = handles as [DocumentHandle];
    const body = first.doc.getText("body");
    body.insert(0, "formatted");
    body.format(0, 4, { bold: true });
    body.format(0, 4, { bold: null });
    await first.saved();
    await until(() => handles.every((handle) => textOf(handle) === "formatted"));
    for (const handle of handles) await handle.saved();
    const rows = peer.status().store.logRows;
    expect(rows).toBeLessThanOrEqual(4);
    const probe = await peer.open("other");
    append(probe, "x");
    await probe.saved();
    expect(peer.status().store.logRows).toBe(rows + 1);
  });

  it("[API22] end with the peer", async () => {
    const peer = await startPeer();
    const handle = await peer.open("n");
    append(handle, "last words");
    const saved = handle.saved();
    await peer.close();
    await saved;
    await expect(handle.saved()).rejects.toMatchObject({ code: "YARROW_PEER_CLOSED" });
    await expect(peer.open("n")).rejects.toMatchObject({ code: "YARROW_PEER_CLOSED" });
  });

  it("commit what was edited before they were closed", async () => {
    const peer = await startPeer();
    {
      await using handle = await peer.open("n");
      append(handle, "kept");
    }
    expect((await peer.show("n"))?.roots["body"]?.value).toBe("kept");
    expect(peer.status().documents.alive).toBe(1);
  });

  it("refuse names that no document can have", async () => {
    const peer = await startPeer();
    for (const name of ["", "a\0", "x".repeat(257), "\ud800"]) {
      await expect(peer.open(name)).rejects.toMatchObject({ code: "YARROW_NAME_INVALID" });
    }
  });

  it("hold large documents, encoded by the worker", async () => {
    const peer = await startPeer();
    const handle = await peer.open("large");
    const text = "lorem ipsum dolor sit amet ".repeat(20_000);
    append(handle, text);
    await handle.saved();
    const second = await peer.open("large");
    expect(textOf(second)).toBe(text);
    expect(Y.encodeStateVector(second.doc)).toEqual(Y.encodeStateVector(handle.doc));
  });
});
