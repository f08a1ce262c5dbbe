/**
 * Brings a document back to what it was, as one edit like any other.
 *
 * Yjs keeps the place of every item that ever was, so no texts are compared to find out what has changed: an item that is there now
 * and was not then is deleted, one that was there then and is not now is written again at its place, and one that is there in both is
 * left alone, with whatever others do to it meanwhile. Only between two items that stay is content compared, so that what was brought
 * back once before, or typed again, is not replaced by the same.
 *
 * 1. Everything written is new and by a client id that never was: what was deleted stays deleted.
 * 2. The content afterwards is the content of then, formatting marks and nested types included. It is checked, not hoped.
 * 3. Nothing depends on the kind of a root, which Yjs does not keep: a type is a sequence and a set of entries.
 */
import * as Y from "yjs";
import { assert } from "@yarrow/protocol";
import { applyParts, loadDoc } from "../document/load-doc.ts";
import { typeName, type SharedType } from "../document/type-name.ts";
import { describeDoc, entryOf, isLive, unitTexts } from "./content-text.ts";
import type { View } from "./content-text.ts";
import type { Gap, Piece } from "./gap.ts";
import { contentOf, matchEnds } from "./gap.ts";

export interface Revert {
  /** What the document was: Yjs updates, encoding V1, oldest first, with all content that was not yet deleted. */
  readonly past: readonly Uint8Array[];
  /**
   * `same`: the updates that came after. `other`: the document was deleted since, and this is what it is in its present incarnation
   * (nothing, while it is deleted).
   */
  readonly present: { readonly incarnation: "same" | "other"; readonly parts: readonly Uint8Array[] };
  /** Random, and never used before. */
  readonly clientId: number;
}

const NO_DELETES = new Uint8Array(0);

/**
 * The edit, to be applied to the document as it is now; undefined when it says the same already. With it, the encoded state vector
 * of the document as it is now. Throws whatever Yjs throws.
 */
export function revertUpdate({ past, present, clientId }: Revert): {
  readonly update: Uint8Array | undefined;
  readonly stateVector: Uint8Array;
} {
  const source = loadDoc(past, NO_DELETES, { gc: false });
  const instant = instantOf(source);
  const wanted = describeDoc(source, isLive);
  const same = present.incarnation === "same";
  if (same) applyParts(source, present.parts);
  const target = same ? source : loadDoc(present.parts, NO_DELETES, { gc: false });
  const stateVector = Y.encodeStateVector(target);
  target.clientID = clientId;
  let update: Uint8Array | undefined;
  target.on("update", (bytes: Uint8Array) => (update = bytes));
  target.transact((transaction) => {
    // From here on every item was either there as a whole, or not at all.
    if (same) splitAt(transaction, instant);
    if (describeDoc(target, isLive) === wanted) return;
    // Who deletes half of a surrogate pair destroys the other half in all copies of it: then only a copy of its own tells.
    const told = same && describeDoc(source, instant.view) === wanted;
    const then = told || !same ? source : loadDoc(past, NO_DELETES, { gc: false });
    const reverter = new Reverter(transaction, told ? instant.view : isLive);
    for (const name of new Set([...then.share.keys(), ...target.share.keys()])) {
      reverter.revert(target.get(name) as SharedType, then.get(name) as SharedType);
    }
    assert(describeDoc(target, isLive) === wanted, "a document that was reverted says what it said");
  });
  return { update, stateVector };
}

interface Instant {
  readonly clocks: ReadonlyMap<number, number>;
  readonly deletes: ReturnType<typeof Y.createDeleteSetFromStructStore>;
  readonly view: View;
}

function instantOf(doc: Y.Doc): Instant {
  const clocks = new Map<number, number>();
  for (const client of doc.store.clients.keys()) clocks.set(client, Y.getState(doc.store, client));
  // Not what the updates name: integrating deletes more, the losers of concurrent map writes for example.
  const deletes = Y.createDeleteSetFromStructStore(doc.store);
  const view: View = ({ id }) => id.clock < (clocks.get(id.client) ?? 0) && !Y.isDeleted(deletes, id);
  return { clocks, deletes, view };
}

function splitAt(transaction: Y.Transaction, { clocks, deletes }: Instant): void {
  const { store } = transaction.doc;
  for (const [client, clock] of clocks) {
    if (clock < Y.getState(store, client)) Y.getItemCleanStart(transaction, Y.createID(client, clock));
  }
  Y.iterateDeletedStructs(transaction, deletes, () => {});
}

interface Place {
  readonly left: Y.Item | null;
  readonly right: Y.Item | null;
}

class Reverter {
  readonly #transaction: Y.Transaction;
  /** What counted then, of the source. */
  readonly #then: View;

  constructor(transaction: Y.Transaction, then: View) {
    this.#transaction = transaction;
    this.#then = then;
  }

  /** Gives one type the content that another had; the two may be one. */
  revert(target: SharedType, source: SharedType): void {
    for (const gap of this.#gaps(target, source)) this.#close(target, gap);
    for (const key of new Set([...source._map.keys(), ...target._map.keys()])) this.#revertEntry(target, source, key);
  }

  /** What stands between items that stay. Those are reverted within on the way. */
  #gaps(target: SharedType, source: SharedType): Gap[] {
    if (target !== source) return [{ old: items(source, this.#then), fresh: items(target, isLive) }];
    const gaps: Gap[] = [];
    const stays: SharedType[] = [];
    let gap: { old: Y.Item[]; fresh: Y.Item[] } = { old: [], fresh: [] };
    for (let item = target._start; item !== null; item = item.right) {
      const was = this.#then(item);
      if (was && !item.deleted) {
        if (item.content instanceof Y.ContentType) stays.push(item.content.type as SharedType);
        gaps.push(gap);
        gap = { old: [], fresh: [] };
      } else if (was) gap.old.push(item);
      else if (!item.deleted) gap.fresh.push(item);
    }
    for (const type of stays) this.revert(type, type);
    return [...gaps, gap].filter(({ old, fresh }) => old.length > 0 || fresh.length > 0);
  }

  #close(target: SharedType, gap: Gap): void {
    const { old, fresh, before, after } = matchEnds(gap, this.#then);
    if (this.#morph(old, fresh)) return;
    const content = old.map((piece) => contentOf(piece));
    for (const piece of fresh) this.#delete(piece);
    if (old.length === 0) return;
    let place: Place = this.#placeOf(target, gap, before, after);
    for (const [index, { item }] of old.entries()) {
      const written = this.#write(target, null, place.left, place.right, content[index]!);
      if (item.content instanceof Y.ContentType) this.#fill(written, item);
      place = { left: written, right: written.right };
    }
  }

  /** Types of the same kinds one for one: they are given the content instead of being replaced. */
  #morph(old: readonly Piece[], fresh: readonly Piece[]): boolean {
    if (old.length !== fresh.length || old.length === 0) return false;
    const pairs = old.map(({ item }, index) => [typeOf(item), typeOf(fresh[index]!.item)] as const);
    for (const [was, is] of pairs) {
      if (was === undefined || is === undefined || typeName(was) !== typeName(is)) return false;
    }
    for (const [was, is] of pairs) this.revert(is!, was!);
    return true;
  }

  #revertEntry(target: SharedType, source: SharedType, key: string): void {
    const old = entryOf(source, key, this.#then);
    const fresh = entryOf(target, key, isLive);
    const [was, is] = [typeOf(old), typeOf(fresh)];
    if (old === undefined) return fresh?.delete(this.#transaction);
    if (was !== undefined && is !== undefined && typeName(was) === typeName(is)) return this.revert(is, was);
    if (old === fresh) return;
    const text = unitTexts(old.content, this.#then).join("");
    if (fresh !== undefined && unitTexts(fresh.content, isLive).join("") === text) return;
    const written = this.#write(target, key, target._map.get(key) ?? null, null, old.content.copy());
    this.#fill(written, old);
  }

  /** Where what is missing belongs: behind what stays at the gap's start, before what stays at its end, else where it was. */
  #placeOf(target: SharedType, { old }: Gap, before: Y.ID | undefined, after: Y.ID | undefined): Place {
    if (before !== undefined) {
      const left = Y.getItemCleanEnd(this.#transaction, this.#transaction.doc.store, before);
      return { left, right: left.right };
    }
    const next = after === undefined ? old[0] : Y.getItemCleanStart(this.#transaction, after);
    if (next !== undefined && next.parent === target) return { left: next.left, right: next };
    let last = target._start;
    while (last !== null && last.right !== null) last = last.right;
    return { left: last, right: null };
  }

  #write(
    target: SharedType,
    key: string | null,
    left: Y.Item | null,
    right: Y.Item | null,
    content: Y.Item["content"],
  ): Y.Item {
    const { doc } = this.#transaction;
    const id = Y.createID(doc.clientID, Y.getState(doc.store, doc.clientID));
    const item = new Y.Item(id, left, left?.lastId ?? null, right, right?.id ?? null, target, key, content);
    item.integrate(this.#transaction, 0);
    return item;
  }

  #fill(written: Y.Item, old: Y.Item): void {
    const [empty, full] = [typeOf(written), typeOf(old)];
    if (empty !== undefined && full !== undefined) this.revert(empty, full);
  }

  #delete({ item, from, to }: Piece): void {
    const { client, clock } = item.id;
    if (to < item.length) Y.getItemCleanStart(this.#transaction, Y.createID(client, clock + to));
    const piece = Y.getItemCleanStart(this.#transaction, Y.createID(client, clock + from));
    piece.delete(this.#transaction);
  }
}

function items(type: SharedType, view: View): Y.Item[] {
  const found: Y.Item[] = [];
  for (let item = type._start; item !== null; item = item.right) if (view(item)) found.push(item);
  return found;
}

function typeOf(item: Y.Item | undefined): SharedType | undefined {
  return item?.content instanceof Y.ContentType ? (item.content.type as SharedType) : undefined;
}
