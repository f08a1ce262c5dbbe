/** Documents out of one set and into another, as Yjs updates. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DOCUMENT_BYTES_MAX } from "@yarrow/protocol";
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import type { Peer } from "../../src/peer-api.ts";
import { countDocuments, exportDocuments } from "../../src/transfer/export-documents.ts";
import type { ExportedDocument } from "../../src/transfer/export-documents.ts";
import { Upload } from "../../src/transfer/upload.ts";
import { startPeer, temporaryFolder, until } from "../peers.ts";
import { flipBit } from "../store/flip-bits.ts";

async function write(peer: Peer, name: string, text: string): Promise<void> {
  await using handle = await peer.open(name);
  const body = handle.doc.getText("body");
  body.insert(body.length, text);
  await handle.saved();
}

const textOf = async (peer: Peer, name: string) => (await peer.show(name))?.roots["body"]?.value;

const updateIn = (documents: readonly ExportedDocument[], name: string): Uint8Array =>
  documents.find((document) => document.name === name)?.update ?? new Uint8Array();

it("[API33] living documents are exported beside their peer or from its backup, and imported elsewhere as writes that merge", async () => {
  const data = temporaryFolder();
  const peer = await startPeer({ data });
  for (let index = 0; index < 120; index++)
    await write(peer, `notes/${String(index).padStart(3, "0")}`, `text ${index}`);
  await write(peer, "gone", "x");
  await peer.delete("gone");
  const file = join(temporaryFolder(), "a.backup");
  await peer.backup(file);
  await write(peer, "notes/007", ", and more");
  expect(countDocuments(data)).toBe(120);
  const names = [...exportDocuments(data)].map(({ name }) => name);
  expect(names).toEqual(peer.documents({ limit: 1_000 }).map(({ name }) => name));
  expect([...exportDocuments(data, "notes/11")]).toHaveLength(10);
  const now = [...exportDocuments(data)];
  const then = [...exportDocuments(file)];
  const other = await startPeer();
  await write(other, "notes/007", "here: ");
  await other.importUpdate("notes/007", updateIn(then, "notes/007"));
  await other.importUpdate("notes/007", updateIn(now, "notes/007"), { principal: "importer" });
  const merged = String(await textOf(other, "notes/007"));
  expect(merged).toContain("here: ");
  expect(merged).toContain("text 7, and more");
  // The same bytes again are nothing new.
  const { root } = other.status();
  const cursor = other.cursor();
  for (const { name, update } of now.slice(0, 9)) await other.importUpdate(name, update ?? new Uint8Array());
  for (const { name, update } of now.slice(0, 8)) await other.importUpdate(name, update ?? new Uint8Array());
  expect(other.cursor()).not.toBe(cursor);
  const after = other.cursor();
  for (const { name, update } of now.slice(0, 9)) await other.importUpdate(name, update ?? new Uint8Array());
  expect(other.cursor()).toBe(after);
  expect(other.status().root).not.toBe(root);
});

describe("[API34] an import is refused", () => {
  it("where it is no update, has no good name, or the peer is a follower or closed", async () => {
    const data = temporaryFolder();
    const peer = await startPeer({ data });
    const good = Y.encodeStateAsUpdate(new Y.Doc());
    const invalid = { code: "YARROW_UPDATE_INVALID" };
    await expect(peer.importUpdate("n", new Uint8Array([1, 2, 3]))).rejects.toMatchObject(invalid);
    await expect(peer.importUpdate("n", new Uint8Array([9, 9, 9, 9, 9, 0]))).rejects.toMatchObject(invalid);
    await expect(peer.importUpdate("", good)).rejects.toMatchObject({ code: "YARROW_NAME_INVALID" });
    await expect(peer.importUpdate("n", good, { principal: "p".repeat(300) })).rejects.toMatchObject({
      code: "YARROW_CONFIG_INVALID",
    });
    await write(peer, "n", "text");
    await peer.setRole("follower");
    await until(() => peer.status().role === "follower");
    const doc = new Y.Doc();
    doc.getText("body").insert(0, "mine");
    await expect(peer.importUpdate("n", Y.encodeStateAsUpdate(doc))).rejects.toMatchObject({ code: "YARROW_FOLLOWER" });
    // Even what the follower holds already.
    const [held] = [...exportDocuments(data)];
    for (const update of [held?.update ?? new Uint8Array(), Uint8Array.of(1, 2, 3)]) {
      await expect(peer.importUpdate("n", update)).rejects.toMatchObject({ code: "YARROW_FOLLOWER" });
    }
    expect(await textOf(peer, "n")).toBe("text");
    await peer.close();
    await expect(peer.importUpdate("n", good)).rejects.toMatchObject({ code: "YARROW_PEER_CLOSED" });
  });

  it("where it is of a life of the document that has ended, but not under another name", async () => {
    const data = temporaryFolder();
    const peer = await startPeer({ data });
    await write(peer, "n", "text");
    const [exported] = [...exportDocuments(data)];
    await peer.delete("n");
    const update = exported?.update ?? new Uint8Array();
    await expect(peer.importUpdate("n", update)).rejects.toMatchObject({ code: "YARROW_DOCUMENT_DELETED" });
    expect([...exportDocuments(data)]).toEqual([]);
    await peer.importUpdate("again", update);
    expect(await textOf(peer, "again")).toBe("text");
  });

  it("where it is larger than a document may be, and what comes after is taken", () => {
    const upload = new Upload();
    const half = Buffer.alloc(DOCUMENT_BYTES_MAX / 2).toString("base64");
    upload.add(half);
    upload.add(half);
    expect(() => upload.add(Buffer.from([1]).toString("base64"))).toThrow(
      expect.objectContaining({ code: "YARROW_UPDATE_TOO_LARGE" }),
    );
    upload.add(Buffer.from([1, 2]).toString("base64"));
    expect(upload.take()).toEqual(Uint8Array.of(1, 2));
  });
});

it("[API33] what is no data folder and no backup is refused in words", () => {
  const folder = temporaryFolder();
  const file = join(folder, "a.backup");
  const refusal = (source: string): unknown => {
    try {
      return [...exportDocuments(source)];
    } catch (error) {
      return error;
    }
  };
  for (const text of ["", "x".repeat(10_000)]) {
    writeFileSync(file, text);
    expect(refusal(file)).toMatchObject({ code: "YARROW_BACKUP_DAMAGED" });
  }
  expect(refusal(folder)).toMatchObject({ code: "YARROW_CONFIG_INVALID" });
});

it("[API33] a damaged document is exported as such", async () => {
  const data = temporaryFolder();
  const peer = await startPeer({ data });
  await write(peer, "a", "text");
  await write(peer, "b", "text");
  await peer.close();
  flipBit(data, "update_log", "segments", "sequence = 1");
  expect([...exportDocuments(data)]).toEqual([
    { name: "a", update: undefined },
    { name: "b", update: expect.any(Uint8Array) },
  ]);
});
