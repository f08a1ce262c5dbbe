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
import { addPackedContribution, digestDocument, fromBytes } from "../document/fingerprint.ts";
import { decodeFence, fenceDigest } from "../document/fence.ts";
import type { Store } from "../store.ts";
import { StoreFullError } from "../store.ts";
import { ITEM_BYTES, itemCount, keyAt, putItems, unpackItems } from "./bucket.ts";
import type { Sum } from "./tree-node.ts";
import { addSum, digitAt, sumBytes, TreeNode, zeroSum } from "./tree-node.ts";

const KEY_DIGITS = 16;
const PAGE = 1024;
const CHANGES_AT_ONCE = 256;
const HEX_DIGITS = "0123456789abcdef";

/** A node as it was, to be put back. */
interface Saved {
  readonly node: TreeNode;
  readonly sum: Sum;
  readonly count: number;
  readonly children: (TreeNode | undefined)[] | undefined;
}

/** The changes of one batch below one leaf. */
interface LeafChanges {
  readonly path: NodePath;
  /** From the root to the leaf. */
  readonly nodes: readonly TreeNode[];
  readonly items: TreeItem[];
}

export class SetTree {
  readonly #store: Store;
  readonly #leafDocumentsMax: number;
  #key: FingerprintKey;
  #root = new TreeNode();
  #size = 1;
  /** Counts the calls of `begin`; a node that carries the number has been saved since. */
  #epoch = 1;
  /** Nodes as they were at `begin`, for those touched since, and the places where there was none. */
  #saved: Saved[] = [];
  #added: { readonly children: (TreeNode | undefined)[]; readonly digit: number }[] = [];
  #sizeBefore = 1;

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
    this.#root = new TreeNode();
    this.#size = 1;
    this.begin();
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
    return this.#root.count;
  }

  /** The whole set in 16 bytes. */
  root(): Uint8Array {
    return sumBytes(this.#root.sum);
  }

  begin(): void {
    this.#epoch++;
    this.#saved = [];
    this.#added = [];
    this.#sizeBefore = this.#size;
  }

  rollback(): void {
    for (const { node, sum, count, children } of this.#saved) {
      node.sum = sum;
      node.count = count;
      node.children = children;
    }
    for (const { children, digit } of this.#added) children[digit] = undefined;
    this.#size = this.#sizeBefore;
    this.begin();
  }

  /** Puts a document's digest in, in place of the one it had. Call inside the store's transaction. */
  replace(key: DocumentKey, digest: Uint8Array): void {
    this.replaceAll([{ key, digest }]);
  }

  /** Puts many digests in, one for each document; each leaf is read and written once. Call inside the store's transaction. */
  replaceAll(changes: readonly TreeItem[]): void {
    // A leaf splits only after what goes into it at once, and each of those moves the ones behind it.
    for (let from = 0; from < changes.length; from += CHANGES_AT_ONCE) {
      this.#replaceSome(changes.slice(from, from + CHANGES_AT_ONCE));
    }
  }

  #replaceSome(changes: readonly TreeItem[]): void {
    const byLeaf = new Map<TreeNode, LeafChanges>();
    for (const change of changes) {
      const nodes = this.#descendToLeaf(change.key);
      const leaf = nodes[nodes.length - 1]!;
      const others = byLeaf.get(leaf);
      if (others !== undefined) others.items.push(change);
      else byLeaf.set(leaf, { path: change.key.slice(0, nodes.length - 1), nodes, items: [change] });
    }
    for (const leaf of byLeaf.values()) this.#replaceInLeaf(leaf);
  }

  #replaceInLeaf({ path, nodes, items: changes }: LeafChanges): void {
    const row = this.#store.readBucket(path);
    const before = row === undefined ? new Uint8Array(0) : (row.items ?? this.#itemsFromDocuments(path));
    const sum = zeroSum();
    const items = putItems(before, changes, (bytes, at, sign) =>
      addPackedContribution(sum, this.#key, bytes, at, sign),
    );
    const grown = itemCount(items) - itemCount(before);
    for (const node of nodes) {
      this.#save(node);
      node.add(sum);
      node.count += grown;
    }
    if (this.#mustSplit(path, items)) this.#split(path, nodes[nodes.length - 1]!, items);
    else this.#store.writeBucket({ path, items });
  }

  /** The sums of the 16 children of a node, whether or not it is split here. */
  children(path: NodePath): Uint8Array[] {
    const { node, leaf } = this.#find(path);
    const sums = Array.from(HEX_DIGITS, zeroSum);
    if (leaf === undefined) node?.children?.forEach((child, digit) => child && addSum(sums[digit]!, child.sum));
    else {
      const items = this.#bytesOfLeaf(leaf);
      for (let i = 0; i < itemCount(items); i++) {
        const key = keyAt(items, i);
        if (!key.startsWith(path)) continue;
        const digit = path.length < KEY_DIGITS ? digitAt(key, path.length) : 0;
        addPackedContribution(sums[digit]!, this.#key, items, i * ITEM_BYTES, 1);
      }
    }
    return sums.map(sumBytes);
  }

  /** Number of documents below a path. Costs a read of the store where a leaf lies above it. */
  count(path: NodePath): number {
    const { node, leaf } = this.#find(path);
    return leaf === undefined || leaf === path ? (node?.count ?? 0) : this.#itemsOfLeaf(leaf, path).length;
  }

  /** True for an inner node. */
  isSplit(path: NodePath): boolean {
    return this.#find(path).leaf === undefined;
  }

  /** The documents below a path, where it lies at or below a leaf; undefined where the path is split further. */
  items(path: NodePath): TreeItem[] | undefined {
    const { leaf } = this.#find(path);
    return leaf === undefined ? undefined : this.#itemsOfLeaf(leaf, path);
  }

  /** The digest that stands in the tree for one document. */
  itemOf(key: DocumentKey): Uint8Array | undefined {
    return this.items(key)?.find((item) => item.key === key)?.digest;
  }

  /** Number of nodes in memory, for tests and metrics. */
  get size(): number {
    return this.#size;
  }

  #itemsOfLeaf(leaf: NodePath, path: NodePath): TreeItem[] {
    return unpackItems(this.#bytesOfLeaf(leaf)).filter((item) => item.key.startsWith(path));
  }

  #bytesOfLeaf(leaf: NodePath): Uint8Array {
    const row = this.#store.readBucket(leaf);
    return row === undefined ? new Uint8Array(0) : (row.items ?? this.#itemsFromDocuments(leaf));
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
      const digest = digestDocument(this.#key, row.incarnation, fence, fromBytes(row.fingerprint));
      items = putItems(items, [{ key: row.key, digest }], () => {});
    }
    return items;
  }

  /** What lies at a path: its leaf is the one at or above it, undefined for an inner node. An empty leaf has no node. */
  #find(path: NodePath): { readonly node: TreeNode | undefined; readonly leaf: NodePath | undefined } {
    let node: TreeNode | undefined = this.#root;
    for (let depth = 0; ; depth++) {
      if (node?.children === undefined) {
        return { node: depth === path.length ? node : undefined, leaf: path.slice(0, depth) };
      }
      if (depth === path.length) return { node, leaf: undefined };
      node = node.children[digitAt(path, depth)];
    }
  }

  /** The nodes from the root to the leaf of a key. That something is put into it is certain: where it is empty, it is made. */
  #descendToLeaf(key: DocumentKey): TreeNode[] {
    const nodes = [this.#root];
    let node = this.#root;
    for (let depth = 0; node.children !== undefined; depth++) {
      const digit = digitAt(key, depth);
      node = node.children[digit] ?? this.#addChild(node.children, digit);
      nodes.push(node);
    }
    return nodes;
  }

  #addChild(children: (TreeNode | undefined)[], digit: number): TreeNode {
    const node = new TreeNode();
    children[digit] = node;
    this.#added.push({ children, digit });
    this.#size++;
    return node;
  }

  #mustSplit(path: NodePath, items: Uint8Array): boolean {
    return itemCount(items) > this.#leafDocumentsMax && path.length < KEY_DIGITS;
  }

  /** Makes an inner node of a leaf that has been saved or is new; what it sums up stays the same. */
  #split(path: NodePath, node: TreeNode, items: Uint8Array): void {
    this.#store.deleteBucket(path);
    node.children = emptyChildren();
    let start = 0;
    for (let digit = 0; digit < HEX_DIGITS.length; digit++) {
      let end = start;
      while (end < itemCount(items) && digitAt(keyAt(items, end), path.length) === digit) end++;
      if (end > start) {
        const part = items.slice(start * ITEM_BYTES, end * ITEM_BYTES);
        this.#writeLeaf(path + HEX_DIGITS[digit]!, this.#addChild(node.children, digit), part);
      }
      start = end;
    }
  }

  #writeLeaf(path: NodePath, node: TreeNode, items: Uint8Array): void {
    node.add(sumOf(this.#key, items));
    node.count = itemCount(items);
    if (this.#mustSplit(path, items)) this.#split(path, node, items);
    else this.#store.writeBucket({ path, items });
  }

  #loadLeaf(path: NodePath, items: Uint8Array): void {
    const sum = sumOf(this.#key, items);
    const count = itemCount(items);
    let node = this.#root;
    for (let depth = 0; ; depth++) {
      node.add(sum);
      node.count += count;
      if (depth === path.length) return;
      node.children ??= emptyChildren();
      const digit = digitAt(path, depth);
      let child = node.children[digit];
      if (child === undefined) {
        node.children[digit] = child = new TreeNode();
        this.#size++;
      }
      node = child;
    }
  }

  #save(node: TreeNode): void {
    if (node.savedIn === this.#epoch) return;
    node.savedIn = this.#epoch;
    this.#saved.push({ node, sum: node.sum, count: node.count, children: node.children });
  }
}

function emptyChildren(): (TreeNode | undefined)[] {
  return Array.from<TreeNode | undefined>({ length: HEX_DIGITS.length });
}

function sumOf(key: FingerprintKey, items: Uint8Array): Sum {
  const sum = zeroSum();
  for (let at = 0; at < items.length; at += ITEM_BYTES) addPackedContribution(sum, key, items, at, 1);
  return sum;
}
