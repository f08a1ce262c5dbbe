/**
 * What a document says, as one text: equal for equal content, however it is cut into items and whoever wrote it. A *view* says
 * which items count, so that the same document can be told as it is and as it was.
 *
 * Lengths stand before strings, so that no content can pass for another.
 */
import * as Y from "yjs";
import { canonicalJson, canonicalText } from "../document/canonical-value.ts";
import { contentText } from "../document/content-digest.ts";
import { typeName, type SharedType } from "../document/type-name.ts";

/** Whether an item counts. */
export type View = (item: Y.Item) => boolean;

export const isLive: View = (item) => !item.deleted;

/** All roots that hold anything. */
export function describeDoc(doc: Y.Doc, view: View): string {
  const roots: string[] = [];
  for (const [name, root] of [...doc.share].sort(([left], [right]) => (left < right ? -1 : 1))) {
    const text = describeType(root, view);
    if (text !== EMPTY) roots.push(`r${name.length}:${name}${text}`);
  }
  return roots.join("");
}

/** The content of one type, without its kind: of a root nobody knows that. */
function describeType(type: SharedType, view: View): string {
  const parts: string[] = ["("];
  let text = "";
  const flush = (): void => {
    if (text !== "") parts.push(`s${text.length}:${text}`);
    text = "";
  };
  for (let item = type._start; item !== null; item = item.right) {
    if (!view(item)) continue;
    if (item.content instanceof Y.ContentString) {
      text += item.content.str;
      continue;
    }
    flush();
    for (const unit of unitTexts(item.content, view)) parts.push(unit);
  }
  flush();
  for (const key of [...type._map.keys()].sort()) {
    const item = entryOf(type, key, view);
    if (item === undefined) continue;
    parts.push(`k${key.length}:${key}`, ...unitTexts(item.content, view));
  }
  parts.push(")");
  return parts.join("");
}

const EMPTY = "()";

/** The value of a key: the last written one that counts. */
export function entryOf(type: SharedType, key: string, view: View): Y.Item | undefined {
  for (let item = type._map.get(key) ?? null; item !== null; item = item.left) if (view(item)) return item;
  return undefined;
}

/** One text for each unit that can be inserted or deleted alone. */
export function unitTexts(content: Y.Item["content"], view: View): string[] {
  if (content instanceof Y.ContentString) return [...content.str].map((unit) => `s${unit.length}:${unit}`);
  if (content instanceof Y.ContentAny) return content.arr.map((value) => sized("a", canonicalText(value)));
  if (content instanceof Y.ContentJSON) return content.arr.map((value) => sized("j", canonicalJson(value)));
  if (content instanceof Y.ContentType) {
    const type = content.type as SharedType;
    return [sized("t", typeName(type)) + describeType(type, view)];
  }
  return [sized(`x${content.getRef()}`, contentText(content))];
}

function sized(mark: string, text: string): string {
  return `${mark}${text.length}:${text}`;
}
