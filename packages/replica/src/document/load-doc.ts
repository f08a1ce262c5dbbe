/**
 * A temporary Y.Doc with the content of stored updates. Throws whatever Yjs throws.
 */
import * as Y from "yjs";
import { updateOfDeletes } from "./merge.ts";

export interface LoadOptions {
  /** Replaces deleted content by its length. */
  readonly gc: boolean;
  readonly gcFilter?: (item: Y.Item) => boolean;
}

/**
 * Applies the parts, oldest first, and then a delete set (encoded as in an update), as one transaction: observers run
 * once, and garbage goes at the end.
 */
export function loadDoc(parts: readonly Uint8Array[], deleteSet: Uint8Array, options: LoadOptions): Y.Doc {
  // A name for each would be a quarter of what it costs to read a small document.
  const doc = new Y.Doc({ guid: "", ...options });
  applyParts(doc, deleteSet.length > 0 ? [...parts, updateOfDeletes(deleteSet)] : parts);
  return doc;
}

/** Applies updates as one transaction that adds nothing of its own. Throws whatever Yjs throws. */
export function applyParts(doc: Y.Doc, parts: readonly Uint8Array[]): void {
  doc.transact((transaction) => {
    for (const part of parts) Y.applyUpdate(doc, part);
    // A remote transaction would make rich text clean up its formatting marks: deletes that no lattice has.
    transaction.local = true;
  });
}
