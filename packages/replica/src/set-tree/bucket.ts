/** The documents of one leaf, packed: 24 bytes each (8 of key, 16 of digest), sorted by key. */
import type { DocumentKey, TreeItem } from "@yarrow/protocol";
import { assert, toHex } from "@yarrow/protocol";
import { digitAt } from "./tree-node.ts";

export const ITEM_BYTES = 24;
const KEY_BYTES = 8;

export function itemCount(items: Uint8Array): number {
  return items.length / ITEM_BYTES;
}

export function keyAt(items: Uint8Array, index: number): DocumentKey {
  return toHex(items.subarray(index * ITEM_BYTES, index * ITEM_BYTES + KEY_BYTES)) as DocumentKey;
}

function digestAt(items: Uint8Array, index: number): Uint8Array {
  return items.subarray(index * ITEM_BYTES + KEY_BYTES, (index + 1) * ITEM_BYTES);
}

export function unpackItems(items: Uint8Array): TreeItem[] {
  return Array.from({ length: itemCount(items) }, (_, i) => ({ key: keyAt(items, i), digest: digestAt(items, i) }));
}

/**
 * Puts or replaces items, each key once. Returns new bytes, and tells of every item that goes (−1) and every one that comes (+1) where
 * it stands.
 */
export function putItems(
  items: Uint8Array,
  changes: readonly TreeItem[],
  tell: (items: Uint8Array, at: number, sign: 1 | -1) => void,
): Uint8Array {
  const sorted = changes.length === 1 ? changes : changes.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  const places = sorted.map(({ key }) => search(items, key));
  const grown = places.reduce((count, place) => count + (place.found ? 0 : 1), 0);
  const result = new Uint8Array(items.length + grown * ITEM_BYTES);
  let from = 0;
  let to = 0;
  for (const [i, { key, digest }] of sorted.entries()) {
    const { index, found } = places[i]!;
    assert(i === 0 || sorted[i - 1]!.key !== key, "a document is put once");
    const at = index * ITEM_BYTES;
    result.set(items.subarray(from, at), to);
    to += at - from;
    from = found ? at + ITEM_BYTES : at;
    if (found) tell(items, at, -1);
    writeKey(result, to, key);
    result.set(digest, to + KEY_BYTES);
    tell(result, to, 1);
    to += ITEM_BYTES;
  }
  result.set(items.subarray(from), to);
  return result;
}

/** Where a key stands, or would. */
function search(items: Uint8Array, key: DocumentKey): { readonly index: number; readonly found: boolean } {
  let low = 0;
  let high = itemCount(items);
  while (low < high) {
    const middle = (low + high) >> 1;
    const order = compareKey(items, middle * ITEM_BYTES, key);
    if (order === 0) return { index: middle, found: true };
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return { index: low, found: false };
}

function compareKey(items: Uint8Array, at: number, key: DocumentKey): number {
  for (let i = 0; i < KEY_BYTES; i++) {
    const difference = items[at + i]! - byteAt(key, i);
    if (difference !== 0) return difference;
  }
  return 0;
}

function writeKey(bytes: Uint8Array, at: number, key: DocumentKey): void {
  for (let i = 0; i < KEY_BYTES; i++) bytes[at + i] = byteAt(key, i);
}

function byteAt(key: DocumentKey, at: number): number {
  return (digitAt(key, 2 * at) << 4) | digitAt(key, 2 * at + 1);
}
