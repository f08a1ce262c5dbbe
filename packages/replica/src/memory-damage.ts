/**
 * Spoils rows of a memory store, as flipped bits on a disk do. From then on a row reads as damaged, in the field that the
 * contract names; no transaction can take that back, only a new write of the row.
 */
import type { Incarnation, NodePath } from "@yarrow/protocol";
import { assert } from "@yarrow/protocol";
import type { MemoryRows } from "./memory-rows.ts";
import { snapshotKey } from "./memory-rows.ts";
import type { MemoryTable } from "./memory-table.ts";
import type { ArrivalSequence, DocumentId, SnapshotKind } from "./store.ts";

export class MemoryDamage {
  readonly #rows: MemoryRows;

  constructor(rows: MemoryRows) {
    this.#rows = rows;
  }

  fence(document: DocumentId): void {
    spoil(this.#rows.documents, document, (row) => ({ ...row, fence: undefined }));
  }

  checkpoint(document: DocumentId): void {
    spoil(this.#rows.checkpoints, document, (row) => ({ ...row, lattice: undefined }));
  }

  log(sequence: ArrivalSequence): void {
    spoil(this.#rows.log, sequence, (row) => ({ ...row, segments: undefined }));
  }

  snapshot(document: DocumentId, incarnation: Incarnation, kind: SnapshotKind): void {
    const key = snapshotKey(document, incarnation, kind);
    spoil(this.#rows.snapshots, key, (row) => ({ ...row, update: undefined, stateVector: undefined }));
  }

  /** Spoils every pending row of a document. */
  pending(document: DocumentId): void {
    spoil(this.#rows.pending, document, (rows) => rows.map((row) => ({ id: row.id, segment: undefined })));
  }

  bucket(path: NodePath): void {
    spoil(this.#rows.buckets, path, (row) => ({ ...row, items: undefined }));
  }
}

function spoil<K, V>(table: MemoryTable<K, V>, key: K, damaged: (row: V) => V): void {
  const row = table.get(key);
  assert(row !== undefined, "only a stored row can be damaged");
  table.spoil(key, damaged(row));
}
