/**
 * Reads disks for checkers, who ask for the same documents again and again. A memory store never changes a row in place, so as long
 * as a document's rows are the very same objects, what was read of them still holds.
 */
import type { ClusterId } from "@yarrow/protocol";
import { Inspector } from "@yarrow/replica";
import type { InspectedDocument, MemoryStore } from "@yarrow/replica";

interface Remembered {
  readonly rows: readonly unknown[];
  readonly document: InspectedDocument | undefined;
}

export class Inspection {
  readonly #store: MemoryStore;
  readonly #inspector: Inspector;
  readonly #remembered = new Map<string, Remembered>();

  constructor(store: MemoryStore, clusterId: ClusterId) {
    this.#store = store;
    this.#inspector = new Inspector(store, clusterId);
  }

  /** Undefined when nothing of that name was ever written. The same object as long as the document's rows are. */
  document(name: string): InspectedDocument | undefined {
    const rows = this.#rowsOf(name);
    const known = this.#remembered.get(name);
    if (known !== undefined && areSame(known.rows, rows)) return known.document;
    const document = this.#inspector.document(name);
    this.#remembered.set(name, { rows, document });
    return document;
  }

  /** Reads every row, whatever is remembered. */
  complaints(): string[] {
    return this.#inspector.complaints();
  }

  sum(): Uint8Array {
    return this.#inspector.sum();
  }

  /** All that a document is read from, but for the head, which is only read when its bytes are asked for. */
  #rowsOf(name: string): unknown[] {
    const store = this.#store;
    const row = store.readDocument(name);
    if (row === undefined) return [];
    const checkpoint = store.readCheckpoint(row.id);
    const log = store.readLog(row.id, row.incarnation, checkpoint?.sequence ?? 0, Number.MAX_SAFE_INTEGER);
    return [row, checkpoint, ...store.readPending(row.id), ...log];
  }
}

function areSame(left: readonly unknown[], right: readonly unknown[]): boolean {
  if (left.length !== right.length) return false;
  for (let index = 0; index < left.length; index++) if (left[index] !== right[index]) return false;
  return true;
}
