/**
 * A digest of what a document says, for deep verification: equal for equal content, however updates were merged, split
 * or collected on the way; different when the order of text, a value, or what is deleted differs.
 *
 * SHA-256 over a text in which every string is preceded by its length:
 *   for each client, ascending: "c" id, clock reached, and the deleted ranges of the integrated document
 *   for each type, roots by name and then nested ones where they stand: its sequence of live elements in reading
 *   order, as runs "s" client clock kind content (a run goes on while the next element is the same client's next clock
 *   of the same kind), and its live entries "k" by key, as client clock kind content.
 */
import { digest as sha256 } from "lib0/hash/sha256";
import { encodeUtf8 } from "lib0/string";
import * as Y from "yjs";
import { toHex } from "@yarrow/protocol";
import { canonicalJson, canonicalText } from "./canonical-value.ts";
import { loadDoc } from "./load-doc.ts";
import { typeName, type SharedType } from "./type-name.ts";

/** 64 hex digits; "" when Yjs cannot read the content. The delete set is encoded as in an update. */
export function contentDigest(parts: readonly Uint8Array[], deleteSet: Uint8Array): string {
  try {
    return digestDoc(loadDoc(parts, deleteSet, { gc: false }));
  } catch {
    return "";
  }
}

function digestDoc(doc: Y.Doc): string {
  const text = new DigestText();
  for (const [client, structs] of [...doc.store.clients].sort(([left], [right]) => left - right)) {
    text.add("c", client, Y.getState(doc.store, client), deletedRanges(structs).join(" "));
  }
  const waiting: SharedType[] = [];
  for (const [name, type] of [...doc.share].sort(([left], [right]) => (left < right ? -1 : 1))) {
    // A root that was only looked at holds nothing and must not count.
    if (type._start === null && type._map.size === 0) continue;
    text.add("r", name);
    waiting.push(type);
    // Types are walked one after the other, not one within the other: nesting may be deeper than the stack.
    for (let type = waiting.pop(); type !== undefined; type = waiting.pop()) {
      text.add("t");
      for (const inner of addType(text, type).reverse()) waiting.push(inner);
    }
  }
  return text.finish();
}

/** Adds a type's live content and returns the types in it. */
function addType(text: DigestText, type: SharedType): SharedType[] {
  const inner: SharedType[] = [];
  let run: Run | undefined;
  for (let item = type._start; item !== null; item = item.right) {
    if (item.deleted) continue;
    run = continueRun(text, run, item);
    if (item.content instanceof Y.ContentType) inner.push(item.content.type as SharedType);
  }
  finishRun(text, run);
  for (const [key, item] of [...type._map].sort(([left], [right]) => (left < right ? -1 : 1))) {
    if (item.deleted) continue;
    text.add("k", key);
    finishRun(text, continueRun(text, undefined, item));
    if (item.content instanceof Y.ContentType) inner.push(item.content.type as SharedType);
  }
  return inner;
}

interface Run {
  readonly client: number;
  readonly clock: number;
  readonly kind: number;
  readonly content: string[];
  end: number;
}

function continueRun(text: DigestText, run: Run | undefined, item: Y.Item): Run {
  const { client, clock } = item.id;
  const kind = item.content.getRef();
  const content = contentText(item.content);
  if (run !== undefined && run.client === client && run.end === clock && run.kind === kind) {
    run.content.push(content);
    run.end += item.length;
    return run;
  }
  finishRun(text, run);
  return { client, clock, kind, content: [content], end: clock + item.length };
}

function finishRun(text: DigestText, run: Run | undefined): void {
  if (run !== undefined) text.add("s", run.client, run.clock, run.end, run.kind, run.content.join(""));
}

/** Content in one form, however it was encoded: JSON turns infinities to null on its way, tagged values keep them. */
export function contentText(content: Y.Item["content"]): string {
  if (content instanceof Y.ContentString) return content.str;
  if (content instanceof Y.ContentAny) return content.arr.map((value) => `${canonicalText(value)};`).join("");
  if (content instanceof Y.ContentJSON) return content.arr.map((value) => `${canonicalJson(value)};`).join("");
  if (content instanceof Y.ContentFormat) return `${canonicalText(content.key)} ${canonicalJson(content.value)}`;
  if (content instanceof Y.ContentEmbed) return canonicalJson(content.embed);
  if (content instanceof Y.ContentBinary) return toHex(content.content);
  if (content instanceof Y.ContentType) return `${typeName(content.type as SharedType)};`;
  if (content instanceof Y.ContentDoc) return `${canonicalText(content.doc.guid)} ${canonicalText(content.opts)}`;
  return "";
}

/** Starts and ends of deleted stretches, by turns. */
function deletedRanges(structs: readonly Y.AbstractStruct[]): number[] {
  const ranges: number[] = [];
  for (const struct of structs) {
    if (!struct.deleted) continue;
    const { clock } = struct.id;
    if (ranges.at(-1) === clock) ranges[ranges.length - 1] = clock + struct.length;
    else ranges.push(clock, clock + struct.length);
  }
  return ranges;
}

class DigestText {
  readonly #parts: string[] = [];

  add(mark: string, ...fields: readonly (string | number)[]): void {
    this.#parts.push(mark);
    for (const field of fields) this.#parts.push(typeof field === "number" ? ` ${field}` : ` ${field.length}:${field}`);
    this.#parts.push("\n");
  }

  finish(): string {
    return toHex(sha256(encodeUtf8(this.#parts.join(""))));
  }
}
