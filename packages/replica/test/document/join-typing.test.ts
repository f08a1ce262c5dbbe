import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { joinTyping } from "../../src/document/join-typing.ts";
import { scanUpdate } from "../../src/document/scan-update.ts";

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Updates of editors who type into one text, each in bursts, seeing some of what the others typed. */
function typing(seed: number, clients: number, strokes: number): { base: Uint8Array; updates: Uint8Array[] } {
  const next = random(seed);
  const docs = Array.from({ length: clients }, (_, i) => {
    const doc = new Y.Doc();
    doc.clientID = i === 0 ? 2 ** 40 + seed : 500 - i;
    return doc;
  });
  docs[0]!.getText("t").insert(0, "start");
  const base = Y.encodeStateAsUpdate(docs[0]!);
  for (const doc of docs) Y.applyUpdate(doc, base);
  const updates: Uint8Array[] = [];
  for (const doc of docs) doc.on("update", (update, origin) => void (origin !== "seen" && updates.push(update)));
  for (let i = 0; i < strokes; i++) {
    const doc = docs[Math.floor(next() * clients)]!;
    const text = doc.getText("t");
    const at = Math.floor(next() * (text.length + 1));
    for (let k = 0; k < 1 + next() * 5; k++) text.insert(at + k, ["a", "é", "日", "x y"][Math.floor(next() * 4)]!);
    if (next() < 0.3) for (const other of docs) Y.applyUpdate(other, Y.encodeStateAsUpdate(doc), "seen");
  }
  return { base, updates };
}

function stateAfter(updates: readonly Uint8Array[]): Uint8Array {
  const doc = new Y.Doc();
  for (const update of updates) Y.applyUpdate(doc, update);
  return Y.encodeStateAsUpdate(doc);
}

describe("merging plain typing by its bytes", () => {
  it("[DOC26] says what Yjs's merge says, in fewer bytes", () => {
    let joined = 0;
    for (let seed = 1; seed <= 150; seed++) {
      const { base, updates } = typing(seed, 1 + (seed % 4), 1 + (seed % 30));
      const mine = joinTyping(updates);
      if (mine === undefined) continue;
      joined++;
      scanUpdate(mine);
      expect(mine.length).toBeLessThanOrEqual(Y.mergeUpdates(updates).length);
      expect(stateAfter([base, mine])).toEqual(stateAfter([base, Y.mergeUpdates(updates)]));
    }
    expect(joined).toBe(150);
  });

  it("[DOC27] leaves anything else to Yjs: deletions, gaps, other content, whole states", () => {
    const doc = new Y.Doc();
    const updates: Uint8Array[] = [];
    doc.on("update", (update) => updates.push(update));
    doc.getText("t").insert(0, "abc");
    doc.getText("t").insert(3, "d");
    doc.getText("t").insert(4, "e");
    const [first, second, third] = updates as [Uint8Array, Uint8Array, Uint8Array];
    doc.getText("t").delete(1, 1);
    doc.getMap("m").set("k", 1);
    doc.getText("t").format(0, 2, { bold: true });
    for (const other of updates.slice(3)) expect(joinTyping([first, second, third, other])).toBeUndefined();
    expect(joinTyping([first, third])).toBeUndefined();
    expect(joinTyping([second, first])).toBeUndefined();
    expect(joinTyping([first, first])).toBeUndefined();
    expect(joinTyping([Y.encodeStateAsUpdate(doc), first])).toBeUndefined();
    const joined = joinTyping([first, second, third])!;
    expect(stateAfter([joined])).toEqual(stateAfter([first, second, third]));
    expect(joined).toEqual(stateAfter([joined]));
  });
});
