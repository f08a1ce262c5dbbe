/** The documents of one leaf, packed: 24 bytes each (8 of key, 16 of digest), sorted by key. */
import type { DocumentKey, TreeItem } from "@yarrow/protocol";
import { fromHex, toHex } from "@yarrow/protocol";

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

/** Puts or replaces one item. Returns new bytes, and the digest that stood there before. */
export function putItem(
  items: Uint8Array,
  key: DocumentKey,
  digest: Uint8Array,
): { items: Uint8Array; previous: Uint8Array | undefined } {
  const keyBytes = fromHex(key);
  const { index, found } = search(items, keyBytes);
  const at = index * ITEM_BYTES;
  if (found) {
    const previous = items.slice(at + KEY_BYTES, at + ITEM_BYTES);
    const replaced = items.slice();
    replaced.set(digest, at + KEY_BYTES);
    return { items: replaced, previous };
  }
  const grown = new Uint8Array(items.length + ITEM_BYTES);
  grown.set(items.subarray(0, at), 0);
  grown.set(keyBytes, at);
  grown.set(digest, at + KEY_BYTES);
  grown.set(items.subarray(at), at + ITEM_BYTES);
  return { items: grown, previous: undefined };
}

function search(items: Uint8Array, key: Uint8Array): { index: number; found: boolean } {
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

function compareKey(items: Uint8Array, at: number, key: Uint8Array): number {
  for (let i = 0; i < KEY_BYTES; i++) {
    const difference = items[at + i]! - key[i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
