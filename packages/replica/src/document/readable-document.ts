/**
 * A stored document as a projection keeps it: its content as canonical JSON, and the words in it.
 *
 * Equal state gives equal text, byte for byte, on every peer: keys are sorted at every depth, and nothing depends on the order of
 * arrival, on how updates were merged, or on deleted content that one peer still has and another has not.
 */
import * as Y from "yjs";
import { canonicalText } from "./canonical-value.ts";
import { applyParts, loadDoc } from "./load-doc.ts";
import { rootKinds, rootValue } from "./read-roots.ts";
import type { Entries } from "./read-roots.ts";
import type { SharedType } from "./type-name.ts";
import { TYPE_DEPTH_MAX } from "./update-limits.ts";

export interface ReadableContent {
  /** A JSON object: the value of each root under its name. */
  readonly body: string;
  /** A JSON object: the kind of each root under its name. */
  readonly kinds: string;
  /** Every string in the document, a line each: roots and keys in their order, XML without its tags. */
  readonly text: string;
}

const NO_DELETES = new Uint8Array(0);

/** Not a handle: nobody edits it. Throws whatever Yjs throws on content it cannot read; it must not be used after that. */
export class ReadableDocument {
  readonly #doc: Y.Doc;

  /** The parts are all stored updates of the document, encoding V1, oldest first. */
  constructor(parts: readonly Uint8Array[]) {
    this.#doc = loadDoc(parts, NO_DELETES, { gc: true });
  }

  /** Takes later updates in. Those it has already do no harm. */
  apply(parts: readonly Uint8Array[]): void {
    applyParts(this.#doc, parts);
  }

  read(): ReadableContent {
    const bodies: string[] = [];
    const kinds: string[] = [];
    const lines: string[] = [];
    for (const [name, kind] of [...rootKinds(this.#doc)].sort(byKey)) {
      const root = this.#doc.share.get(name);
      if (root === undefined) continue;
      const key = JSON.stringify(name);
      bodies.push(`${key}:${canonicalText(rootValue(root, kind))}`);
      kinds.push(`${key}:"${kind}"`);
      if (kind === "map") collectEntries(root, lines, 1);
      else collectSequence(root, lines, 1);
    }
    return { body: `{${bodies.join(",")}}`, kinds: `{${kinds.join(",")}}`, text: lines.join("\n") };
  }

  /** Gives its memory back at once. */
  destroy(): void {
    this.#doc.destroy();
  }
}

function collectType(type: SharedType, lines: string[], depth: number): void {
  if (depth > TYPE_DEPTH_MAX) return;
  if (type instanceof Y.Map) collectEntries(type, lines, depth);
  else collectSequence(type, lines, depth);
}

function collectEntries(type: Entries, lines: string[], depth: number): void {
  for (const [, item] of [...type._map].sort(byKey)) {
    if (item.deleted) continue;
    // Of several values under one key the last counts.
    if (item.content instanceof Y.ContentType) collectType(item.content.type as SharedType, lines, depth + 1);
    else collectValue(item.content.getContent().at(-1), lines);
  }
}

/** Characters that stand side by side are one line, whatever formatting lies between them. */
function collectSequence(type: SharedType, lines: string[], depth: number): void {
  let run = "";
  const endRun = (): void => {
    if (run !== "") lines.push(run);
    run = "";
  };
  for (let item = type._start; item !== null; item = item.right) {
    if (item.deleted) continue;
    const { content } = item;
    if (content instanceof Y.ContentString) run += content.str;
    else if (content instanceof Y.ContentType) {
      endRun();
      collectType(content.type as SharedType, lines, depth + 1);
    } else if (item.countable) {
      endRun();
      for (const value of content.getContent()) collectValue(value, lines);
    }
  }
  endRun();
}

function collectValue(value: unknown, lines: string[]): void {
  if (typeof value === "string") {
    if (value !== "") lines.push(value);
  } else if (Array.isArray(value)) {
    for (const element of value) collectValue(element, lines);
  } else if (
    typeof value === "object" &&
    value !== null &&
    !(value instanceof Uint8Array) &&
    !(value instanceof Y.Doc)
  ) {
    for (const [, field] of Object.entries(value).sort(byKey)) collectValue(field, lines);
  }
}

function byKey([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number {
  return left < right ? -1 : 1;
}
