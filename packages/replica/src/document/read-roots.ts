/**
 * Reads a stored document as plain values, for people and other programs.
 *
 * The root types of a document have no kind on disk, so it is told from what they hold: entries and no sequence make a
 * map; characters, formatting or embeds make a text; XML elements, texts or hooks make XML; other elements an array; a
 * sequence whose content is gone is taken for an empty text. Only what is not deleted counts: whether deleted content is still
 * there differs from peer to peer.
 */
import { toBase64 } from "lib0/buffer";
import * as Y from "yjs";
import { loadDoc } from "./load-doc.ts";
import type { SharedType } from "./type-name.ts";
import { TYPE_DEPTH_MAX } from "./update-limits.ts";

export type RootKind = "text" | "map" | "array" | "xml";

export interface RootValue {
  readonly kind: RootKind;
  /** A string for text and XML, else a JSON value whose objects have no prototype. */
  readonly value: JsonValue;
}

export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue };

/** What of a shared type holds its entries; its classes differ in what they observe. */
export type Entries = Pick<SharedType, "_map">;

/**
 * The roots of stored updates by name; the result has no prototype. `as` overrides the kind of one root, which then stands
 * in the result even when it is empty. Throws whatever Yjs throws on content it cannot read.
 */
export function readRoots(
  parts: readonly Uint8Array[],
  deleteSet: Uint8Array,
  as?: { readonly root: string; readonly kind: RootKind },
): Record<string, RootValue> {
  const doc = loadDoc(parts, deleteSet, { gc: false });
  const kinds = rootKinds(doc);
  if (as !== undefined) kinds.set(as.root, as.kind);
  const roots = nullPrototype<RootValue>();
  for (const [name, kind] of [...kinds].sort(([left], [right]) => (left < right ? -1 : 1))) {
    const root = doc.share.get(name);
    roots[name] = { kind, value: root === undefined ? emptyValue(kind) : rootValue(root, kind) };
  }
  return roots;
}

/** What each root that was ever written is taken for. */
export function rootKinds(doc: Y.Doc): Map<string, RootKind> {
  const kinds = new Map<string, RootKind>();
  for (const [name, type] of doc.share) {
    const kind = inferKind(type);
    if (kind !== undefined) kinds.set(name, kind);
  }
  return kinds;
}

/** The value of a root. It is read as it is, without giving it a type: of a document that lives on, its kind may change. */
export function rootValue(root: SharedType, kind: RootKind): JsonValue {
  switch (kind) {
    case "text":
      return textValue(root);
    case "xml":
      return xmlValue(root);
    case "map":
      return mapValue(root, 1);
    case "array":
      return arrayValue(root, 1);
  }
}

function inferKind(root: SharedType): RootKind | undefined {
  // A sequence beside entries: texts and XML elements may carry attributes.
  if (root._start === null) return root._map.size > 0 ? "map" : undefined;
  let kind: RootKind | undefined;
  for (let item: Y.Item | null = root._start; item !== null; item = item.right) {
    if (item.deleted) continue;
    const { content } = item;
    if (content instanceof Y.ContentString || content instanceof Y.ContentFormat || content instanceof Y.ContentEmbed) {
      return "text";
    }
    if (content instanceof Y.ContentType && isXml(content.type as SharedType)) return "xml";
    kind = "array";
  }
  return kind ?? "text";
}

function isXml(type: SharedType): boolean {
  return type instanceof Y.XmlElement || type instanceof Y.XmlText || type instanceof Y.XmlHook;
}

function emptyValue(kind: RootKind): JsonValue {
  return kind === "map" ? nullPrototype<JsonValue>() : kind === "array" ? [] : "";
}

function textValue(type: SharedType): string {
  let text = "";
  for (let item = type._start; item !== null; item = item.right) {
    if (!item.deleted && item.content instanceof Y.ContentString) text += item.content.str;
  }
  return text;
}

function xmlValue(type: SharedType): string {
  let text = "";
  for (let item = type._start; item !== null; item = item.right) {
    // oxlint-disable-next-line typescript/no-base-to-string -- every shared type has a toString of its own
    if (!item.deleted && item.countable) text += item.content.getContent().map(String).join("");
  }
  return text;
}

function mapValue(type: Entries, depth: number): JsonValue {
  const fields = nullPrototype<JsonValue>();
  for (const [key, item] of type._map) {
    if (!item.deleted) fields[key] = itemValues(item, depth).at(-1) ?? null;
  }
  return fields;
}

function arrayValue(type: SharedType, depth: number): JsonValue {
  const elements: JsonValue[] = [];
  for (let item = type._start; item !== null; item = item.right) {
    if (!item.deleted && item.countable) for (const value of itemValues(item, depth)) elements.push(value);
  }
  return elements;
}

function typeValue(type: SharedType, depth: number): JsonValue {
  if (depth > TYPE_DEPTH_MAX) return null;
  if (type instanceof Y.Map) return mapValue(type, depth);
  if (type instanceof Y.Array) return arrayValue(type, depth);
  // oxlint-disable-next-line typescript/no-base-to-string -- every shared type has a toString of its own
  return type.toString();
}

function itemValues(item: Y.Item, depth: number): JsonValue[] {
  if (item.content instanceof Y.ContentType) return [typeValue(item.content.type as SharedType, depth + 1)];
  if (item.content instanceof Y.ContentDoc) return [item.content.doc.guid];
  return item.content.getContent().map(jsonValue);
}

/** Bytes become Base64, a bigint its digits, and what JSON cannot say becomes null. */
function jsonValue(value: unknown): JsonValue {
  if (typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Uint8Array) return toBase64(value);
  if (Array.isArray(value)) return value.map(jsonValue);
  if (typeof value !== "object" || value === null) return null;
  const fields = nullPrototype<JsonValue>();
  for (const [key, field] of Object.entries(value)) fields[key] = jsonValue(field);
  return fields;
}

/** On such an object "__proto__" is a key like any other. */
function nullPrototype<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>;
}
