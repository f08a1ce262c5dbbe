/** Random edits of every kind of content that Yjs knows, and the content of a document as plain values, attributes of text included. */
import * as Y from "yjs";

export type Random = () => number;

const WORDS = [
  "a",
  "bc",
  "def ",
  "é",
  "日本",
  "\u{1f600}",
  "\n",
  "a somewhat longer piece of text, as somebody pastes it ",
];
const VALUES: readonly unknown[] = [1, 2.5, -7, "text", true, null, [1, [2, "x"]], { a: 1, b: { c: [null] } }];

export function editRandomly(doc: Y.Doc, random: Random): void {
  const edits = [editText, editText, editText, editMap, editNested, editArray, editXml];
  doc.transact(() => pick(edits, random)(doc, random));
}

/** Everything a document says; equal for equal content. */
export function contentOf(update: Uint8Array): unknown {
  const doc = new Y.Doc();
  Y.applyUpdate(doc, update);
  const nested = doc.getMap("nested");
  return [
    doc.getText("text").toDelta(),
    sorted(doc.getMap("map").toJSON()),
    [...nested.entries()]
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([key, inner]) => [key, inner instanceof Y.Map ? describeInner(inner) : inner]),
    doc.getArray("array").toJSON(),
    doc.getXmlFragment("xml").toString(),
  ];
}

function describeInner(inner: Y.Map<unknown>): unknown {
  const text = inner.get("text");
  return [text instanceof Y.Text ? text.toDelta() : text, inner.get("value")];
}

function sorted(value: Record<string, unknown>): unknown {
  return Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
}

function editText(doc: Y.Doc, random: Random): void {
  editOneText(doc.getText("text"), random);
}

function editOneText(text: Y.Text, random: Random): void {
  const at = boundary(text, below(text.length + 1, random));
  const length = boundary(text, at + Math.min(text.length - at, 1 + below(6, random))) - at;
  const action = below(8, random);
  if (action < 3 || length === 0) text.insert(at, pick(WORDS, random));
  else if (action < 5) text.delete(at, length);
  else if (action === 5) text.format(at, length, { bold: random() < 0.6 ? true : null });
  else if (action === 6) text.insertEmbed(at, { image: below(9, random) });
  else text.insert(at, pick(WORDS, random), { italic: true });
}

/** Not between the halves of a character: editors do not, and Yjs cannot. */
function boundary(text: Y.Text, index: number): number {
  let units = "";
  for (const part of text.toDelta() as { readonly insert: unknown }[]) {
    units += typeof part.insert === "string" ? part.insert : ".";
    if (units.length > index) break;
  }
  return /^[\udc00-\udfff]/.test(units.slice(index, index + 1)) ? index + 1 : index;
}

function editMap(doc: Y.Doc, random: Random): void {
  const key = `k${below(4, random)}`;
  if (random() < 0.2) doc.getMap("map").delete(key);
  else doc.getMap("map").set(key, pick(VALUES, random));
}

function editNested(doc: Y.Doc, random: Random): void {
  const nested = doc.getMap("nested");
  const key = `n${below(2, random)}`;
  const inner = nested.get(key);
  if (!(inner instanceof Y.Map)) {
    nested.set(key, new Y.Map([["text", new Y.Text("hi")]]));
    return;
  }
  const text: unknown = inner.get("text");
  if (random() < 0.15) nested.delete(key);
  else if (random() < 0.6 && text instanceof Y.Text) editOneText(text, random);
  else inner.set("value", pick(VALUES, random));
}

function editArray(doc: Y.Doc, random: Random): void {
  const array = doc.getArray("array");
  const at = below(array.length + 1, random);
  if (array.length > at && random() < 0.45) array.delete(at, 1);
  else array.insert(at, [random() < 0.3 ? Y.Array.from([1, 2, 3]) : pick(VALUES, random)]);
}

function editXml(doc: Y.Doc, random: Random): void {
  const fragment = doc.getXmlFragment("xml");
  const at = below(fragment.length + 1, random);
  const existing = fragment.length > 0 ? fragment.get(below(fragment.length, random)) : undefined;
  if (existing instanceof Y.XmlElement && random() < 0.4) {
    if (random() < 0.5) existing.setAttribute("class", pick(WORDS, random));
    else existing.insert(0, [new Y.XmlText(pick(WORDS, random)), new Y.XmlElement("b")]);
  } else if (fragment.length > at && random() < 0.4) fragment.delete(at, 1);
  else fragment.insert(at, [random() < 0.5 ? new Y.XmlElement("p") : new Y.XmlText(pick(WORDS, random))]);
}

function below(limit: number, random: Random): number {
  return Math.floor(random() * limit);
}

function pick<T>(from: readonly T[], random: Random): T {
  return from[below(from.length, random)] as T;
}
