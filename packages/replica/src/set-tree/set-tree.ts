/**
 * A fixed-radix tree over document keys whose nodes hold sums, so that two replicas find what differs between them by
 * comparing 16 bytes, then the children of what differs, and so on down to single documents.
 *
 * A path is the hex digits of the keys below it; a node has 16 children. A leaf holds its documents in one row of the
 * store and splits when it grows beyond `leafDocumentsMax`, so the depth follows the number of documents by itself. Peers
 * may split at different sizes: sums by path mean the same whatever lies below.
 *
 * Invariants
 * 1. The sum of a node is the sum (per 32-bit lane) of the contributions of the documents whose keys begin with its path.
 * 2. Only leaves have rows; every document is in exactly one. Empty leaves below the root have no row and no node.
 * 3. Memory follows the store: `rollback` restores what `replace` changed since `begin`.
 *
 * After the additive trees of Riak's active anti-entropy; why sums over a fixed radix is argued in docs/decisions.
 */
import type { DocumentKey, NodePath, TreeItem } from "@yarrow/protocol";
import { assert } from "@yarrow/protocol";
import type { FingerprintKey } from "../document/fingerprint.ts";
import { addPackedContribution, digestDocument, fromBytes, sumContribution } from "../document/fingerprint.ts";
import { decodeFence, fenceDigest } from "../document/fence.ts";
import type { Store } from "../store.ts";
import { StoreFullError } from "../store.ts";
import { ITEM_BYTES, itemCount, keyAt, putItem, unpackItems } from "./bucket.ts";

/** Four 32-bit lanes, wrapping. Kept as small integers, so that a million of them stay small. */
type Sum = [number, number, number, number];

interface TreeNode {
  readonly sum: Sum;
  count: number;
  readonly leaf: boolean;
}

const KEY_DIGITS = 16;
const PAGE = 1024;
const CHANGES_AT_ONCE = 256;
const EMPTY: Readonly<TreeNode> = { sum: [0, 0, 0, 0], count: 0, leaf: true };
const HEX_DIGITS = "0123456789abcdef";

export class SetTree {
  readonly #store: Store;
  readonly #leafDocumentsMax: number;
  #key: FingerprintKey;
  readonly #nodes = new Map<NodePath, TreeNode>();
  /** Nodes as they were at `begin`, for those touched since. */
  readonly #before = new Map<NodePath, TreeNode | undefined>();

  constructor(store: Store, key: FingerprintKey, leafDocumentsMax: number) {
    this.#store = store;
    this.#key = key;
    this.#leafDocumentsMax = leafDocumentsMax;
    this.reload();
  }

  /** Replaces the key of an empty tree (a blank peer has adopted its cluster). */
  rekey(key: FingerprintKey): void {
    assert(this.documents === 0, "only an empty set can change its key");
    this.#key = key;
  }

  /** Rebuilds all sums from the rows of the store; a damaged row is made anew from the documents below it. */
  reload(): void {
    this.#nodes.clear();
    this.#before.clear();
    let after: NodePath | undefined;
    for (;;) {
      const rows = this.#store.listBuckets(after, PAGE);
      for (const row of rows) this.#loadLeaf(row.path, row.items ?? this.#remakeLeaf(row.path));
      if (rows.length < PAGE) return;
      after = rows[rows.length - 1]!.path;
    }
  }

  /** Number of documents, tombstones included. */
  get documents(): number {
    return this.#node("").count;
  }

  /** The whole set in 16 bytes. */
  root(): Uint8Array {
    return sumBytes(this.#node("").sum);
  }

  begin(): void {
    this.#before.clear();
  }

  rollback(): void {
    for (const [path, node] of this.#before) {
      if (node === undefined) this.#nodes.delete(path);
      else this.#nodes.set(path, node);
    }
    this.#before.clear();
  }

  /** Puts a document's digest in, in place of the one it had. Call inside the store's transaction. */
  replace(key: DocumentKey, digest: Uint8Array): void {
    this.replaceAll([{ key, digest }]);
  }

  /** Puts many digests in; each leaf is read and written once. Call inside the store's transaction. */
  replaceAll(changes: readonly TreeItem[]): void {
    // A leaf splits only after what goes into it at once, and each of those moves the ones behind it.
    for (let from = 0; from < changes.length; from += CHANGES_AT_ONCE) {
      this.#replaceSome(changes.slice(from, from + CHANGES_AT_ONCE));
    }
  }

  #replaceSome(changes: readonly TreeItem[]): void {
    const byLeaf = new Map<NodePath, TreeItem[]>();
    for (const change of changes) {
      const leaf = this.#leafOf(change.key);
      const others = byLeaf.get(leaf);
      if (others === undefined) byLeaf.set(leaf, [change]);
      else others.push(change);
    }
    for (const [leaf, items] of byLeaf) this.#replaceInLeaf(leaf, items);
  }

  #replaceInLeaf(path: NodePath, changes: readonly TreeItem[]): void {
    const row = this.#store.readBucket(path);
    let items = row === undefined ? new Uint8Array(0) : (row.items ?? this.#itemsFromDocuments(path));
    const change: Sum = [0, 0, 0, 0];
    let grown = 0;
    for (const { key, digest } of changes) {
      const put = putItem(items, key, digest);
      items = put.items;
      add(change, contribution(this.#key, key, digest));
      if (put.previous === undefined) grown++;
      else subtract(change, contribution(this.#key, key, put.previous));
    }
    for (let depth = 0; depth <= path.length; depth++) {
      const at = path.slice(0, depth);
      const node = this.#node(at);
      this.#set(at, { sum: added(node.sum, change), count: node.count + grown, leaf: depth === path.length });
    }
    if (itemCount(items) > this.#leafDocumentsMax && path.length < KEY_DIGITS) this.#split(path, items);
    else this.#store.writeBucket({ path, items });
  }

  /** The sums of the 16 children of a node, whether or not it is split here. */
  children(path: NodePath): Uint8Array[] {
    const leaf = this.#leafAbove(path);
    if (leaf === undefined) return Array.from(HEX_DIGITS, (digit) => sumBytes(this.#node(path + digit).sum));
    const sums: Sum[] = Array.from(HEX_DIGITS, () => [0, 0, 0, 0]);
    for (const item of this.#itemsOfLeaf(leaf, path)) {
      const digit = HEX_DIGITS.indexOf(item.key[path.length] ?? "0");
      add(sums[digit]!, contribution(this.#key, item.key, item.digest));
    }
    return sums.map(sumBytes);
  }

  /** Number of documents below a path. Costs a read of the store where a leaf lies above it. */
  count(path: NodePath): number {
    const leaf = this.#leafAbove(path);
    return leaf === undefined || leaf === path ? this.#node(path).count : this.#itemsOfLeaf(leaf, path).length;
  }

  /** True for an inner node. */
  isSplit(path: NodePath): boolean {
    return this.#leafAbove(path) === undefined;
  }

  /** The documents below a path, where it lies at or below a leaf; undefined where the path is split further. */
  items(path: NodePath): TreeItem[] | undefined {
    const leaf = this.#leafAbove(path);
    return leaf === undefined ? undefined : this.#itemsOfLeaf(leaf, path);
  }

  /** The digest that stands in the tree for one document. */
  itemOf(key: DocumentKey): Uint8Array | undefined {
    return this.items(key)?.find((item) => item.key === key)?.digest;
  }

  /** Number of nodes in memory, for tests and metrics. */
  get size(): number {
    return this.#nodes.size;
  }

  #itemsOfLeaf(leaf: NodePath, path: NodePath): TreeItem[] {
    const row = this.#store.readBucket(leaf);
    if (row === undefined) return [];
    return unpackItems(row.items ?? this.#itemsFromDocuments(leaf)).filter((item) => item.key.startsWith(path));
  }

  #remakeLeaf(path: NodePath): Uint8Array {
    const items = this.#itemsFromDocuments(path);
    try {
      this.#store.transaction(() => this.#store.writeBucket({ path, items }));
    } catch (error) {
      // Without room the row is made anew each time it is read, and written with the next change below it.
      if (!(error instanceof StoreFullError)) throw error;
    }
    return items;
  }

  /** What a leaf must hold, from the records of its documents. */
  #itemsFromDocuments(path: NodePath): Uint8Array {
    let items: Uint8Array = new Uint8Array(0);
    const first = path.padEnd(KEY_DIGITS, "0") as DocumentKey;
    const rows = [this.#store.readDocumentByKey(first)].filter((row) => row !== undefined);
    for (let after = first; ;) {
      const page = this.#store.listDocumentsByKey(after, PAGE);
      rows.push(...page.filter((row) => row.key.startsWith(path)));
      if (page.length < PAGE || !page[page.length - 1]!.key.startsWith(path)) break;
      after = page[page.length - 1]!.key;
    }
    for (const row of rows) {
      if (row.incarnation === 0) continue;
      const fence = fenceDigest(this.#key, decodeFence(row.fence ?? new Uint8Array(0)));
      items = putItem(
        items,
        row.key,
        digestDocument(this.#key, row.incarnation, fence, fromBytes(row.fingerprint)),
      ).items;
    }
    return items;
  }

  /** The leaf at or above a path, or undefined when the path is an inner node. */
  #leafAbove(path: NodePath): NodePath | undefined {
    for (let depth = 0; depth <= path.length; depth++) {
      const at = path.slice(0, depth);
      if (this.#node(at).leaf) return at;
    }
    return undefined;
  }

  #leafOf(key: DocumentKey): NodePath {
    const leaf = this.#leafAbove(key);
    assert(leaf !== undefined, "every key ends in a leaf");
    return leaf;
  }

  #split(path: NodePath, items: Uint8Array): void {
    this.#store.deleteBucket(path);
    const node = this.#node(path);
    this.#set(path, { ...node, leaf: false });
    let start = 0;
    for (const digit of HEX_DIGITS) {
      let end = start;
      while (end < itemCount(items) && keyAt(items, end)[path.length] === digit) end++;
      if (end > start) this.#writeLeaf(path + digit, items.slice(start * ITEM_BYTES, end * ITEM_BYTES));
      start = end;
    }
  }

  #writeLeaf(path: NodePath, items: Uint8Array): void {
    this.#set(path, { sum: sumOf(this.#key, items), count: itemCount(items), leaf: true });
    if (itemCount(items) > this.#leafDocumentsMax && path.length < KEY_DIGITS) this.#split(path, items);
    else this.#store.writeBucket({ path, items });
  }

  /** Changes sums in place, which only nobody has seen yet: a million documents are loaded so, without garbage. */
  #loadLeaf(path: NodePath, items: Uint8Array): void {
    const sum = sumOf(this.#key, items);
    const count = itemCount(items);
    for (let depth = 0; depth < path.length; depth++) {
      const at = path.slice(0, depth);
      let node = this.#nodes.get(at);
      if (node === undefined) this.#nodes.set(at, (node = { sum: [0, 0, 0, 0], count: 0, leaf: false }));
      add(node.sum, sum);
      node.count += count;
    }
    this.#nodes.set(path, { sum, count, leaf: true });
  }

  #node(path: NodePath): Readonly<TreeNode> {
    return this.#nodes.get(path) ?? EMPTY;
  }

  #set(path: NodePath, node: TreeNode): void {
    if (!this.#before.has(path)) this.#before.set(path, this.#nodes.get(path));
    this.#nodes.set(path, node);
  }
}

function contribution(key: FingerprintKey, documentKey: DocumentKey, digest: Uint8Array): Sum {
  const [a, b, c, d] = sumContribution(key, documentKey, digest);
  return [a | 0, b | 0, c | 0, d | 0];
}

function sumOf(key: FingerprintKey, items: Uint8Array): Sum {
  const sum: Sum = [0, 0, 0, 0];
  for (let at = 0; at < items.length; at += ITEM_BYTES) addPackedContribution(sum, key, items, at);
  return sum;
}

function add(sum: Sum, other: Sum): void {
  for (let lane = 0; lane < 4; lane++) sum[lane] = (sum[lane]! + other[lane]!) | 0;
}

function subtract(sum: Sum, other: Sum): void {
  for (let lane = 0; lane < 4; lane++) sum[lane] = (sum[lane]! - other[lane]!) | 0;
}

function added(sum: Sum, change: Sum): Sum {
  const result: Sum = [...sum];
  add(result, change);
  return result;
}

/** The lanes as 16 bytes, each little-endian. */
function sumBytes(sum: Sum): Uint8Array {
  const bytes = new Uint8Array(16);
  for (let lane = 0; lane < 4; lane++) {
    for (let byte = 0; byte < 4; byte++) bytes[lane * 4 + byte] = (sum[lane]! >>> (8 * byte)) & 0xff;
  }
  return bytes;
}
