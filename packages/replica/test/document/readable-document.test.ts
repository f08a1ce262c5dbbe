import { expect, test } from "vitest";
import * as Y from "yjs";
import { mergeUpdates } from "../../src/document/merge.ts";
import { readRoots } from "../../src/document/read-roots.ts";
import { ReadableDocument } from "../../src/document/readable-document.ts";
import { createRandom, randomSession } from "./random-edits.ts";

const NO_DELETES = Uint8Array.of(0);

function written(edit: (doc: Y.Doc) => void): Uint8Array {
  const doc = new Y.Doc();
  edit(doc);
  return Y.encodeStateAsUpdate(doc);
}

test("[QRY2] the same state is the same body, kinds and text, however it came about", () => {
  let distinct = 0;
  for (let seed = 1; seed <= 30; seed++) {
    const random = createRandom(seed * 31);
    const { updates } = randomSession(random, 3, 25);
    const expected = new ReadableDocument(updates).read();
    if (expected.body !== "{}") distinct++;
    const collected = new Y.Doc();
    for (const update of updates) Y.applyUpdate(collected, update);
    const oneByOne = new ReadableDocument([]);
    for (const update of random.shuffle(updates)) {
      oneByOne.apply([update]);
      oneByOne.read();
    }
    const others = [
      new ReadableDocument(random.shuffle(updates)),
      new ReadableDocument([mergeUpdates(updates)]),
      new ReadableDocument([mergeUpdates(updates), ...updates]),
      oneByOne,
    ];
    for (const other of others) expect(other.read(), `seed ${seed}`).toEqual(expected);
  }
  expect(distinct).toBeGreaterThan(20);
});

test("[QRY2] the body is JSON with sorted keys, each root under its name; the kinds stand beside it", () => {
  const update = written((doc) => {
    doc.getText("title").insert(0, "Soup", { bold: true });
    const map = doc.getMap("meta");
    map.set("z", 1);
    map.set("a", { y: [true, null], b: "deep" });
    map.set("nested", new Y.Map([["k", "inner"]]));
    doc.getArray("tags").push(["red", 7, new Y.Text("typed")]);
    doc.getXmlFragment("page").insert(0, [new Y.XmlElement("p")]);
    (doc.getXmlFragment("page").get(0) as Y.XmlElement).insert(0, [new Y.XmlText("words of <it>")]);
  });
  const { body, kinds, text } = new ReadableDocument([update]).read();
  expect(body).toBe(
    '{"meta":{"a":{"b":"deep","y":[true,null]},"nested":{"k":"inner"},"z":1},"page":"<p>words of <it></p>",' +
      '"tags":["red",7,"typed"],"title":"Soup"}',
  );
  expect(kinds).toBe('{"meta":"map","page":"xml","tags":"array","title":"text"}');
  expect(text).toBe("deep\ninner\nwords of <it>\nred\ntyped\nSoup");
});

test("[QRY2] what a root is taken for does not hang on deleted content that a peer may still have", () => {
  const doc = new Y.Doc({ gc: false });
  const list = doc.getArray<unknown>("list");
  list.push([new Y.XmlElement("gone"), "kept"]);
  list.delete(0, 1);
  const kept = Y.encodeStateAsUpdate(doc);
  const collecting = new Y.Doc();
  Y.applyUpdate(collecting, kept);
  const collected = Y.encodeStateAsUpdate(collecting);
  expect(collected.length).toBeLessThan(kept.length);
  for (const update of [kept, collected]) {
    expect(new ReadableDocument([update]).read().body).toBe('{"list":["kept"]}');
    expect(readRoots([update], NO_DELETES)["list"]).toEqual({ kind: "array", value: ["kept"] });
  }
});
