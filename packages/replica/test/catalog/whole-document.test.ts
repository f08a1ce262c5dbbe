import type { PeerId } from "@yarrow/protocol";
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { wholeDocument } from "../../src/catalog/whole-document.ts";
import { documentKey } from "../../src/document/keys.ts";
import { MemoryStore } from "../../src/memory-store.ts";
import type { DocumentRow } from "../../src/store.ts";

/** A document of rows with the given texts, one segment each. */
function stored(...rows: readonly (readonly string[])[]): { store: MemoryStore; row: DocumentRow } {
  const store = new MemoryStore({ peerId: "aa".repeat(16) as PeerId });
  const doc = new Y.Doc();
  doc.clientID = 1;
  let tailBytes = 0;
  const row = store.transaction(() => {
    const created = store.createDocument("n", documentKey("n"));
    let lastSequence = 0;
    for (const texts of rows) {
      const segments = texts.map((text) => {
        const before = Y.encodeStateVector(doc);
        doc.getText("t").insert(doc.getText("t").length, text);
        const update = Y.encodeStateAsUpdate(doc, before);
        tailBytes += update.length;
        return { principal: "", source: "local" as const, update };
      });
      lastSequence = store.appendLog({ document: created.id, incarnation: 1, arrivedMs: 1, segments });
    }
    const written = { ...created, incarnation: 1, lastSequence, tailBytes, fence: new Uint8Array(0) };
    store.writeDocument(written);
    return written;
  });
  return { store, row };
}

function textOf(update: Uint8Array | undefined): string | undefined {
  if (update === undefined) return undefined;
  const doc = new Y.Doc();
  Y.applyUpdate(doc, update);
  return doc.getText("t").toString();
}

describe("a small document as one update", () => {
  it.each([
    ["one row of one segment", [["only"]], "only", 0],
    ["two rows", [["one "], ["two"]], "one two", 1],
    ["one row of two segments", [["one ", "two"]], "one two", 1],
  ])("[AE5] of %s is whole", (_, rows, text, logReads) => {
    const { store, row } = stored(...rows);
    let reads = 0;
    const readLog = store.readLog.bind(store);
    store.readLog = (...words) => {
      reads++;
      return readLog(...words);
    };
    expect(textOf(wholeDocument(store, row, 1_000))).toBe(text);
    expect(reads).toBe(logReads);
  });

  it("[AE5] is not taken from a last row that does not hold all of it, nor from a damaged one", () => {
    const { store, row } = stored(["one"]);
    expect(textOf(wholeDocument(store, { ...row, tailBytes: row.tailBytes + 1 }, 1_000))).toBe("one");
    expect(wholeDocument(store, { ...row, incarnation: 2 }, 1_000)).toHaveLength(0);
    store.damage.log(row.lastSequence);
    expect(wholeDocument(store, row, 1_000)).toBeUndefined();
  });
});
