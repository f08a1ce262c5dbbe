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
  const doc = new Y.Doc(options);
  doc.transact((transaction) => {
    for (const part of parts) Y.applyUpdate(doc, part);
    if (deleteSet.length > 0) Y.applyUpdate(doc, updateOfDeletes(deleteSet));
    // A remote transaction would make rich text clean up its formatting marks: deletes that no lattice has.
    transaction.local = true;
  });
  return doc;
}
