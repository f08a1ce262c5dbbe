/**
 * What stands between two items that stay: the items of then, and those of now in their place. Their content is compared from both
 * ends, a character or an element at a time, so that only what differs between the ends is replaced.
 */
import * as Y from "yjs";
import { isLive, unitTexts } from "./content-text.ts";
import type { View } from "./content-text.ts";

export interface Gap {
  readonly old: readonly Y.Item[];
  readonly fresh: readonly Y.Item[];
}

/** Some units of an item: from an offset to before another. */
export interface Piece {
  readonly item: Y.Item;
  readonly from: number;
  readonly to: number;
}

export interface Middle {
  readonly old: readonly Piece[];
  readonly fresh: readonly Piece[];
  /** The last unit of now that stays before the middle, and the first that stays after it; undefined = none of this gap. */
  readonly before: Y.ID | undefined;
  readonly after: Y.ID | undefined;
}

/** What one side holds: the units of each item, a text for each. A unit of a string is its character, which no other text is. */
interface Side {
  readonly items: readonly Y.Item[];
  readonly units: readonly ArrayLike<string>[];
  readonly total: number;
}

/** Cuts off what is equal at both ends. `then` says what counted in the old items. */
export function matchEnds(gap: Gap, then: View): Middle {
  const old = sideOf(gap.old, then);
  const fresh = sideOf(gap.fresh, isLive);
  const least = Math.min(old.total, fresh.total);
  let prefix = countEqual(forward(old), forward(fresh), least);
  if (isHighSurrogate(unitAt(fresh, prefix - 1))) prefix--;
  let suffix = countEqual(backward(old), backward(fresh), least - prefix);
  if (isLowSurrogate(unitAt(fresh, fresh.total - suffix))) suffix--;
  return {
    old: slice(old, prefix, old.total - suffix),
    fresh: slice(fresh, prefix, fresh.total - suffix),
    before: prefix === 0 ? undefined : idAt(fresh, prefix - 1),
    after: suffix === 0 ? undefined : idAt(fresh, fresh.total - suffix),
  };
}

/** The content of a piece, to be written anew. Types come empty. */
export function contentOf({ item, from, to }: Piece): Y.Item["content"] {
  const content = item.content.copy();
  if (to < item.length) content.splice(to);
  return from > 0 ? content.splice(from) : content;
}

function sideOf(items: readonly Y.Item[], view: View): Side {
  const units = items.map(({ content }) =>
    content instanceof Y.ContentString ? content.str : unitTexts(content, view),
  );
  return { items, units, total: units.reduce((sum, { length }) => sum + length, 0) };
}

function countEqual(left: Iterator<string>, right: Iterator<string>, max: number): number {
  let count = 0;
  while (count < max && left.next().value === right.next().value) count++;
  return count;
}

function* forward({ units }: Side): Generator<string, void, undefined> {
  for (const list of units) for (let at = 0; at < list.length; at++) yield list[at]!;
}

function* backward({ units }: Side): Generator<string, void, undefined> {
  for (const list of units.toReversed()) for (let at = list.length - 1; at >= 0; at--) yield list[at]!;
}

function slice(side: Side, from: number, to: number): Piece[] {
  const pieces: Piece[] = [];
  let start = 0;
  for (const [index, item] of side.items.entries()) {
    const { length } = side.units[index]!;
    const piece = { item, from: Math.max(0, from - start), to: Math.min(length, to - start) };
    if (piece.from < piece.to) pieces.push(piece);
    start += length;
  }
  return pieces;
}

function unitAt(side: Side, at: number): string {
  const [piece] = slice(side, at, at + 1);
  return piece === undefined ? "" : side.units[side.items.indexOf(piece.item)]![piece.from]!;
}

function idAt(side: Side, at: number): Y.ID | undefined {
  const [piece] = slice(side, at, at + 1);
  return piece === undefined ? undefined : Y.createID(piece.item.id.client, piece.item.id.clock + piece.from);
}

function isHighSurrogate(unit: string): boolean {
  return unit.length === 1 && unit >= "\ud800" && unit <= "\udbff";
}

function isLowSurrogate(unit: string): boolean {
  return unit.length === 1 && unit >= "\udc00" && unit <= "\udfff";
}
