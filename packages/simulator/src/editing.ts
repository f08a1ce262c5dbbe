/** What people do to documents. Every edit is one transaction of an editor's Y.Doc. */
import * as Y from "yjs";
import type { Editor } from "./editor.ts";

const MAP_KEYS = ["title", "colour", "owner", "size"];
/** Documents stay small by deleting more when they are long. */
const TEXT_LENGTH = 400;
const ARRAY_LENGTH = 40;

/** Makes one edit; returns false when it changed nothing. */
export function edit(editor: Editor): boolean {
  const before = editor.updates;
  const { random } = editor;
  const choice = random.between(1, 100);
  if (choice <= 4 && editor.rich) formatText(editor);
  else if (choice <= 45) typeText(editor);
  else if (choice <= 55) deleteText(editor);
  else if (choice <= 68) setField(editor);
  else if (choice <= 78) changeArray(editor);
  else if (choice <= 86) nest(editor);
  else if (choice <= 93) changeXml(editor);
  else if (choice <= 97) editor.undo.undo();
  else editor.undo.redo();
  return editor.updates > before;
}

function typeText({ text, random }: Editor): void {
  if (text.length > TEXT_LENGTH) {
    text.delete(random.between(0, TEXT_LENGTH / 2), random.between(1, TEXT_LENGTH / 2));
    return;
  }
  const at = random.chance(0.6) ? text.length : random.between(0, text.length);
  text.insert(at, random.pick(["a", "word ", "zwölf ", "🌱", `${random.hex(4)} `]));
}

function deleteText({ text, random }: Editor): void {
  if (text.length === 0) return;
  const at = random.between(0, text.length - 1);
  text.delete(at, Math.min(text.length - at, random.between(1, 6)));
}

/**
 * Rich text: marks over a stretch that overlaps others', marked words, and embedded objects. Whole characters only: Yjs cuts an emoji in two
 * to see whether half of it has to be marked, and leaves it broken in this one document when it has not.
 */
function formatText({ text, random }: Editor): void {
  const mark = { [random.pick(["bold", "italic", "colour"])]: random.pick([true, null, "teal"]) };
  const at = wholeCharacters(text, random.between(0, text.length));
  const choice = random.between(1, 10);
  const end = wholeCharacters(text, Math.min(text.length, at + random.between(1, 12)));
  if (choice <= 6 && at < end) text.format(at, end - at, mark);
  else if (choice <= 9) text.insert(at, `${random.hex(3)} `, mark);
  else text.insertEmbed(at, { image: random.hex(4) });
}

/** The same place, or the one before when that would be within a character. */
function wholeCharacters(text: Y.Text, at: number): number {
  const units = text.toDelta() as { readonly insert: unknown }[];
  const shown = units.map(({ insert }) => (typeof insert === "string" ? insert : "-")).join("");
  const code = shown.charCodeAt(at);
  return at > 0 && code >= 0xdc00 && code <= 0xdfff ? at - 1 : at;
}

function setField({ map, random }: Editor): void {
  const key = random.pick(MAP_KEYS);
  if (random.chance(0.2)) map.delete(key);
  else map.set(key, random.chance(0.5) ? random.between(0, 1_000) : random.hex(6));
}

function changeArray({ array, random }: Editor): void {
  if (array.length > 0 && (array.length > ARRAY_LENGTH || random.chance(0.35))) {
    array.delete(random.between(0, array.length - 1), 1);
    return;
  }
  array.insert(random.between(0, array.length), [random.between(0, 1_000), random.hex(3)]);
}

/** Types within types, and edits in those. */
function nest(editor: Editor): void {
  const { map, array, random } = editor;
  const inner = [...map.values(), ...array.toArray()].filter(
    (value) => value instanceof Y.Map || value instanceof Y.Array,
  );
  const target = random.pickOrNone(inner);
  if (target === undefined || random.chance(0.3)) {
    const created = random.chance(0.5) ? new Y.Map<unknown>() : new Y.Array<unknown>();
    if (random.chance(0.5)) map.set(`nested ${random.between(1, 3)}`, created);
    else array.insert(random.between(0, array.length), [created]);
    return;
  }
  if (target instanceof Y.Map) target.set(random.pick(MAP_KEYS), random.hex(4));
  else if (target.length > 6) target.delete(0, 3);
  else target.push([random.between(0, 9), new Y.Text(random.hex(3))]);
}

/** A document as rich text editors keep it: elements with attributes, and text in them. */
function changeXml({ doc, xml, random }: Editor): void {
  doc.transact(() => {
    if (xml.length === 0 || (xml.length < 8 && random.chance(0.4))) {
      const element = new Y.XmlElement(random.pick(["paragraph", "heading"]));
      element.insert(0, [new Y.XmlText(random.hex(5))]);
      xml.insert(random.between(0, xml.length), [element]);
      return;
    }
    const index = random.between(0, xml.length - 1);
    const element = xml.get(index);
    if (random.chance(0.2)) return xml.delete(index, 1);
    if (!(element instanceof Y.XmlElement)) return;
    const text = element.get(0);
    const choice = random.between(1, 10);
    if (choice <= 3 || !(text instanceof Y.XmlText)) element.setAttribute("level", `${random.between(1, 6)}`);
    else if (choice <= 5 && text.length > 1) {
      text.format(0, random.between(1, text.length), { bold: random.chance(0.5) ? true : null });
    } else text.insert(random.between(0, text.length), random.hex(2));
  });
}
