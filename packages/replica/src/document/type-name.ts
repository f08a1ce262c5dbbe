/**
 * The names of Yjs's shared types, with the name of an element or hook behind it.
 */
import * as Y from "yjs";

/** Any of Yjs's shared types. */
export type SharedType = Y.Doc["share"] extends Map<string, infer Root> ? Root : never;

export function typeName(type: SharedType): string {
  // Subtypes before what they extend.
  if (type instanceof Y.XmlElement) return `xml-element ${JSON.stringify(type.nodeName)}`;
  if (type instanceof Y.XmlHook) return `xml-hook ${JSON.stringify(type.hookName)}`;
  if (type instanceof Y.XmlText) return "xml-text";
  if (type instanceof Y.XmlFragment) return "xml-fragment";
  if (type instanceof Y.Text) return "text";
  if (type instanceof Y.Map) return "map";
  if (type instanceof Y.Array) return "array";
  return "root";
}
