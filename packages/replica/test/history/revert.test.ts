/** Going back: exact, small, and kind to what others write meanwhile. */
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { loadDoc } from "../../src/document/load-doc.ts";
import { describeDoc, isLive } from "../../src/history/content-text.ts";
import { revertUpdate } from "../../src/history/revert.ts";
import { createRandom, editRandomly, randomSession, visibleContent } from "../document/random-edits.ts";

const NONE = new Uint8Array(0);

function content(parts: readonly Uint8Array[]): string {
  return describeDoc(loadDoc(parts, NONE, { gc: false }), isLive);
}

function plain(parts: readonly Uint8Array[]): unknown {
  return visibleContent(loadDoc(parts, NONE, { gc: false }));
}

/** As an editor shows it, which got one update after the other, and tidies formatting on the way. */
function shown(parts: readonly Uint8Array[]): unknown {
  const doc = new Y.Doc();
  for (const part of parts) Y.applyUpdate(doc, part);
  return visibleContent(doc);
}

/** A document and the updates it made. */
function writer(clientId: number, parts: readonly Uint8Array[] = []) {
  const doc = new Y.Doc();
  doc.clientID = clientId;
  for (const part of parts) Y.applyUpdate(doc, part, "remote");
  const updates: Uint8Array[] = [];
  doc.on("update", (update: Uint8Array, origin: unknown) => {
    if (origin !== "remote") updates.push(update);
  });
  return { doc, updates };
}

function revertSame(then: readonly Uint8Array[], parts: readonly Uint8Array[], clientId = 77): Uint8Array | undefined {
  return revertUpdate({ past: then, present: { incarnation: "same", parts }, clientId }).update;
}

describe("a revert of random documents", () => {
  const seeds = Array.from({ length: 24 }, (_, i) => i + 1);

  it.each(seeds)("[HIS8] brings every kind of content back exactly, seed %i", (seed) => {
    const random = createRandom(seed);
    const { updates } = randomSession(random, 3, 40);
    const cut = random.below(updates.length + 1);
    const [then, later] = [updates.slice(0, cut), updates.slice(cut)];
    const update = revertSame(then, later);
    const reverted = update === undefined ? updates : [...updates, update];
    expect(content(reverted)).toBe(content(then));
    expect(shown(reverted)).toEqual(plain(then));
    // Once there, it stays there, and a second revert has nothing to do.
    expect(revertSame(then, reverted.slice(cut), 78)).toBeUndefined();
    // After further edits it finds back again, and the way it went can be gone back too.
    const { doc, updates: more } = writer(79, reverted);
    for (let edits = 0; edits < 10; edits++) editRandomly(doc, random);
    const all = [...reverted, ...more];
    const again = revertSame(then, all.slice(cut), 80);
    expect(content([...all, ...(again === undefined ? [] : [again])])).toBe(content(then));
    const undone = revertSame(updates, all.slice(updates.length), 81);
    expect(content([...all, ...(undone === undefined ? [] : [undone])])).toBe(content(updates));
  });

  it.each(seeds.slice(0, 12))(
    "[HIS9] writes a deleted document anew, over whatever is there by now, seed %i",
    (seed) => {
      const random = createRandom(seed);
      const then = randomSession(random, 2, 30).updates;
      const now = random.chance(0.3) ? [] : randomSession(random, 2, 15).updates;
      const { update } = revertUpdate({ past: then, present: { incarnation: "other", parts: now }, clientId: 77 });
      const reverted = update === undefined ? now : [...now, update];
      expect(content(reverted)).toBe(content(then));
      expect(shown(reverted)).toEqual(plain(then));
      const clients = [...Y.decodeStateVector(Y.encodeStateVectorFromUpdate(update ?? Uint8Array.of(0, 0))).keys()];
      expect(clients.filter((client) => client !== 77)).toEqual([]);
    },
  );
});

describe("a revert beside other edits", () => {
  function text(parts: readonly Uint8Array[]): string {
    return loadDoc(parts, NONE, { gc: false }).getText("t").toString();
  }

  it("[HIS10] leaves alone what did not change, so that concurrent edits there stay", () => {
    const { doc, updates } = writer(1);
    const t = doc.getText("t");
    t.insert(0, "one two three");
    const then = [...updates];
    t.delete(4, 3);
    t.insert(4, "2");
    const other = writer(2, updates);
    other.doc.getText("t").insert(0, ">> ");
    other.doc.getText("t").insert(other.doc.getText("t").length, " four");
    const update = revertSame(then, updates.slice(then.length));
    expect(text([...updates, update!, ...other.updates])).toBe(">> one two three four");
  });

  it("[HIS10] keeps a nested type that is still there, with what others write in it", () => {
    const { doc, updates } = writer(1);
    const tasks = doc.getArray<Y.Map<unknown>>("tasks");
    const task = new Y.Map<unknown>([["title", "wash"]]);
    tasks.push([task]);
    const then = [...updates];
    task.set("title", "dry");
    const other = writer(2, updates);
    other.doc.getArray<Y.Map<unknown>>("tasks").get(0).set("done", true);
    const update = revertSame(then, updates.slice(then.length));
    const merged = loadDoc([...updates, update!, ...other.updates], NONE, { gc: false });
    expect(merged.getArray("tasks").toJSON()).toEqual([{ title: "wash", done: true }]);
  });

  it("[HIS10] takes formatting away without touching the text", () => {
    const { doc, updates } = writer(1);
    doc.getText("t").insert(0, "plain and simple");
    const then = [...updates];
    doc.getText("t").format(6, 3, { bold: true });
    const update = revertSame(then, updates.slice(then.length))!;
    expect(Y.decodeUpdate(update).structs).toEqual([]);
    const other = writer(2, updates);
    other.doc.getText("t").insert(9, "!");
    const merged = loadDoc([...updates, update, ...other.updates], NONE, { gc: false });
    expect(merged.getText("t").toString()).toBe("plain and! simple");
  });

  it("[HIS10] replaces no content by the same: what was brought back once is not written again", () => {
    const { doc, updates } = writer(1);
    const t = doc.getText("t");
    t.insert(0, "a long text that stays");
    const then = [...updates];
    t.delete(0, t.length);
    t.insert(0, "a long text that goes");
    const update = revertSame(then, updates.slice(then.length))!;
    const written = Y.decodeUpdate(update).structs.map((struct) => ("content" in struct ? struct.length : 0));
    expect(written.reduce((sum, length) => sum + length, 0)).toBe("stays".length - 1);
    expect(text([...updates, update])).toBe("a long text that stays");
  });

  it("[HIS8] brings a character back of which somebody deleted one half, and Yjs destroyed the other", () => {
    const { doc, updates } = writer(1);
    doc.getMap("meta").set("note", new Y.Text("nested 😀"));
    doc.getText("t").insert(0, "so 😀 it is");
    const then = [...updates];
    // As an editor does that compares two texts by their units: 😀 and 😁 begin alike.
    doc.getText("t").delete(4, 1);
    doc.getText("t").insert(4, "\ude01");
    (doc.getMap("meta").get("note") as Y.Text).delete(8, 1);
    const later = updates.slice(then.length);
    const update = revertSame(then, later)!;
    expect(content([...updates, update])).toBe(content(then));
    expect(revertSame(then, [...later, update], 78)).toBeUndefined();
  });

  it("[HIS10] cuts no character in two where only half of its pair is equal", () => {
    const { doc, updates } = writer(1);
    doc.getText("t").insert(0, "a\u{1f600}b");
    const then = [...updates];
    doc.getText("t").delete(1, 2);
    doc.getText("t").insert(1, "\u{1f601}");
    const update = revertSame(then, updates.slice(then.length))!;
    expect(shown([...updates, update])).toEqual(shown(then));
    expect(text([...updates, update])).toBe("a\u{1f600}b");
  });
});
