/**
 * Which parts of the key space are being streamed over which links. A replica that lacks most of a set fetches it in slices, each
 * over one link: so several links share the work, and nothing is fetched twice. What no link has claimed, or whose link is gone, is
 * found by the next round, because it is still empty here: nothing is remembered.
 */
import type { DocumentKey, NodePath, Stream } from "@yarrow/protocol";
import type { ReplicaConfig } from "../config.ts";
import type { LinkId } from "../event.ts";
import type { SetTree } from "../set-tree/set-tree.ts";

const KEY_DIGITS = 16;
/** A node is streamed where we hold less than this share of what the other side should hold there. */
const SPARSE_SHARE = 1 / 16;
/** What of the configuration counts here. */
export type SliceLimits = Pick<ReplicaConfig, "sliceDocumentsMin" | "sliceDocumentsMax">;

export class Slices {
  readonly #links = new Map<NodePath, LinkId>();

  /** Reserves a part of the key space for a link, unless some of it is reserved for another. */
  claim(link: LinkId, path: NodePath): boolean {
    for (const [other, id] of this.#links) {
      if (id !== link && (path.startsWith(other) || other.startsWith(path))) return false;
    }
    this.#links.set(path, link);
    return true;
  }

  /** A part is streamed. */
  done(link: LinkId, path: NodePath): void {
    if (this.#links.get(path) === link) this.#links.delete(path);
  }

  /** Gives free all that a link had. */
  release(link: LinkId): void {
    for (const [path, id] of this.#links) if (id === link) this.#links.delete(path);
  }

  /** True where another link is streaming all that lies below a path. */
  isElsewhere(link: LinkId, path: NodePath): boolean {
    for (const [other, id] of this.#links) if (id !== link && path.startsWith(other)) return true;
    return false;
  }
}

/** True where we hold next to nothing of so many documents that they are better streamed than compared. */
export function isSparse(limits: SliceLimits, tree: SetTree, path: NodePath, theirDocuments: number): boolean {
  if (path === "" && tree.documents === 0) return true;
  return theirDocuments / 16 ** path.length >= limits.sliceDocumentsMin && isBare(tree, path, theirDocuments);
}

/** True where we hold next to nothing. Keys are hashes, so of all documents of the other side each node has about its share. */
export function isBare(tree: SetTree, path: NodePath, theirDocuments: number): boolean {
  const documents = tree.count(path);
  return documents === 0 || documents < (theirDocuments / 16 ** path.length) * SPARSE_SHARE;
}

/** A sparse node, in the pieces in which it is streamed. */
export function slicesOf(limits: SliceLimits, path: NodePath, theirDocuments: number): NodePath[] {
  if (theirDocuments / 16 ** path.length <= limits.sliceDocumentsMax || path.length === KEY_DIGITS) return [path];
  return Array.from({ length: 16 }, (_, digit) => path + digit.toString(16));
}

/** The keys below a path: after the first and through the second. "" = from the start, to the end. */
export function boundsOf(path: NodePath): { readonly after: DocumentKey | ""; readonly through: DocumentKey | "" } {
  if (path === "") return { after: "", through: "" };
  return { after: keyBefore(path), through: path.padEnd(KEY_DIGITS, "f") as DocumentKey };
}

/** True for the last batch of a part. */
export function isLast({ next }: Stream, through: DocumentKey | ""): boolean {
  return next === "" || (through !== "" && next >= through);
}

/** The greatest key that sorts before all keys below a path; "" where there is none. */
function keyBefore(path: NodePath): DocumentKey | "" {
  const digits = path.replace(/0+$/, "");
  if (digits === "") return "";
  const last = Number.parseInt(digits[digits.length - 1]!, 16);
  return (digits.slice(0, -1) + (last - 1).toString(16)).padEnd(KEY_DIGITS, "f") as DocumentKey;
}
