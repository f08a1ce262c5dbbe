import { expect, test } from "vitest";
import * as Y from "yjs";
import { contentDigest } from "../../src/document/content-digest.ts";
import { mergeUpdates } from "../../src/document/merge.ts";
import { readRoots } from "../../src/document/read-roots.ts";
import { createRandom, randomSession } from "./random-edits.ts";

const NO_DELETES = Uint8Array.of(0);

function written(edit: (doc: Y.Doc) => void, clientId = 1): Uint8Array {
  const doc = new Y.Doc();
  doc.clientID = clientId;
  edit(doc);
  return Y.encodeStateAsUpdate(doc);
}

const digestOf = (...parts: readonly Uint8Array[]) => contentDigest(parts, NO_DELETES);

test("[DOC21] the digest does not depend on order, merging, splitting, or garbage collection", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = createRandom(seed * 17);
    const { docs, updates } = randomSession(random, 3, 25);
    const digest = digestOf(...updates);
    expect(digest, `seed ${seed}`).toMatch(/^[0-9a-f]{64}$/);
    expect(digestOf(mergeUpdates(updates)), `seed ${seed}`).toBe(digest);
    expect(digestOf(mergeUpdates(random.shuffle(updates))), `seed ${seed}`).toBe(digest);
    const halves = random.below(updates.length);
    expect(digestOf(mergeUpdates(updates.slice(halves)), ...updates.slice(0, halves)), `seed ${seed}`).toBe(digest);
    // As live documents hold it, collected and not, after they heard of everything. Each may clean up its formatting then.
    const late: Uint8Array[] = [];
    for (const doc of docs)
      doc.on("update", (update: Uint8Array, origin: unknown) => origin === "network" || late.push(update));
    for (const doc of docs) for (const update of updates) Y.applyUpdate(doc, update, "network");
    const all = digestOf(...updates, ...docs.map((doc) => Y.encodeStateAsUpdate(doc)));
    for (const doc of docs) for (const other of docs) Y.applyUpdate(doc, Y.encodeStateAsUpdate(other), "network");
    for (const doc of docs) expect(digestOf(Y.encodeStateAsUpdate(doc)), `seed ${seed}`).toBe(all);
  }
});

test.each<[string, (doc: Y.Doc) => void, (doc: Y.Doc) => void]>([
  ["text", (doc) => doc.getText("t").insert(0, "ab"), (doc) => doc.getText("t").insert(0, "ba")],
  ["the name of a root", (doc) => doc.getText("t").insert(0, "a"), (doc) => doc.getText("u").insert(0, "a")],
  ["a map's key", (doc) => doc.getMap("m").set("a", 1), (doc) => doc.getMap("m").set("b", 1)],
  ["a map's value", (doc) => doc.getMap("m").set("a", 1), (doc) => doc.getMap("m").set("a", "1")],
  ["null and undefined", (doc) => doc.getMap("m").set("a", null), (doc) => doc.getMap("m").set("a", undefined)],
  [
    "how values are divided",
    (doc) => doc.getArray("a").push(["1;", "2"]),
    (doc) => doc.getArray("a").push(["1", ";2"]),
  ],
  ["a nested value", (doc) => doc.getArray("a").push([{ a: [1] }]), (doc) => doc.getArray("a").push([{ a: [2] }])],
  ["bytes", (doc) => doc.getArray("a").push([Uint8Array.of(1)]), (doc) => doc.getArray("a").push([Uint8Array.of(2)])],
  [
    "the kind of a nested type",
    (doc) => doc.getArray("a").push([new Y.Map()]),
    (doc) => doc.getArray("a").push([new Y.Text()]),
  ],
  [
    "an XML element's name",
    (doc) => doc.getXmlFragment("x").push([new Y.XmlElement("p")]),
    (doc) => doc.getXmlFragment("x").push([new Y.XmlElement("q")]),
  ],
  [
    "formatting",
    (doc) => doc.getText("t").insert(0, "a", { b: 1 }),
    (doc) => doc.getText("t").insert(0, "a", { b: 2 }),
  ],
  ["an embed", (doc) => doc.getText("t").insertEmbed(0, { a: 1 }), (doc) => doc.getText("t").insertEmbed(0, { a: 2 })],
])("[DOC22] the digest tells documents apart by %s", (_, one, other) => {
  expect(digestOf(written(one))).not.toBe(digestOf(written(other)));
});

test("[DOC22] the digest tells apart what two clients wrote under one id", () => {
  expect(digestOf(written((doc) => doc.getText("t").insert(0, "AAAA")))).not.toBe(
    digestOf(written((doc) => doc.getText("t").insert(0, "BBBB"))),
  );
});

test("[DOC22] the digest counts what is deleted by the delete set alone", () => {
  const text = written((doc) => doc.getText("t").insert(0, "abc"));
  expect(contentDigest([text], Uint8Array.of(1, 1, 1, 0, 1))).not.toBe(digestOf(text));
});

test("[DOC21] the keys of a value may come in any order", () => {
  expect(digestOf(written((doc) => doc.getArray("a").push([{ a: 1, b: 2 }])))).toBe(
    digestOf(written((doc) => doc.getArray("a").push([{ b: 2, a: 1 }]))),
  );
});

test("[DOC21] content that Yjs cannot read has no digest", () => {
  expect(digestOf(Uint8Array.of(1, 2, 3))).toBe("");
});

test("[DOC23] roots are read with the kind their content shows", () => {
  const update = written((doc) => {
    doc.getText("text").insert(0, "héllo", { bold: true });
    doc.getMap("map").set("list", Y.Array.from([1, new Y.Map([["a", new Y.Text("t")]])]));
    doc.getArray("array").push([1, "x", [null]]);
    doc.getXmlFragment("xml").push([new Y.XmlElement("p")]);
    doc.getText("emptied").insert(0, "gone");
    doc.getText("emptied").delete(0, 4);
  });
  expect(readRoots([update], NO_DELETES)).toEqual({
    text: { kind: "text", value: "héllo" },
    map: { kind: "map", value: { list: [1, { a: "t" }] } },
    array: { kind: "array", value: [1, "x", [null]] },
    xml: { kind: "xml", value: "<p></p>" },
    emptied: { kind: "text", value: "" },
  });
});

test("[DOC23] a reader may say what a root is", () => {
  const update = written((doc) => doc.getText("t").insert(0, "ab"));
  expect(readRoots([update], NO_DELETES, { root: "t", kind: "array" })).toEqual({
    t: { kind: "array", value: ["a", "b"] },
  });
  expect(readRoots([update], NO_DELETES, { root: "other", kind: "map" })["other"]).toEqual({ kind: "map", value: {} });
});

test("[DOC23] what is read is JSON, with no object that inherits anything", () => {
  const update = written((doc) => {
    doc.getMap("map").set("__proto__", { isAdmin: true });
    doc.getMap("map").set("bytes", Uint8Array.of(1, 2, 3));
    doc.getMap("map").set("large", 12n);
    doc.getMap("map").set("infinite", Number.POSITIVE_INFINITY);
    doc.getMap("map").set("nothing", undefined);
    doc.getMap("map").set("sub", new Y.Doc({ guid: "g" }));
  });
  const roots = readRoots([update], NO_DELETES);
  expect(Object.getPrototypeOf(roots)).toBeNull();
  expect(JSON.parse(JSON.stringify(roots["map"]!.value))).toEqual(
    JSON.parse('{"__proto__":{"isAdmin":true},"bytes":"AQID","large":"12","infinite":null,"nothing":null,"sub":"g"}'),
  );
  expect((roots["map"]!.value as { isAdmin?: unknown }).isAdmin).toBeUndefined();
});

test("[DOC23] deletes of the given delete set are honoured", () => {
  const text = written((doc) => doc.getText("t").insert(0, "abc"));
  expect(readRoots([text], Uint8Array.of(1, 1, 1, 0, 1))["t"]?.value).toBe("bc");
});

test("[DOC21] a hundred thousand nested types have a digest, too", () => {
  const update = written((doc) => doc.getArray("a").push(Array.from({ length: 130_000 }, () => new Y.Array())));
  expect(digestOf(update)).toMatch(/^[0-9a-f]{64}$/);
});

test("[DOC24] types nested beyond reading are digested, and read as null where they go too deep", () => {
  const update = written((doc) => {
    let inner = doc.getArray<unknown>("a");
    for (let depth = 0; depth < 300; depth++) {
      const next = new Y.Array<unknown>();
      inner.push([next]);
      inner = next;
    }
  });
  expect(digestOf(update)).toMatch(/^[0-9a-f]{64}$/);
  expect(JSON.stringify(readRoots([update], NO_DELETES)["a"]?.value)).toBe(`${"[".repeat(256)}null${"]".repeat(256)}`);
});
