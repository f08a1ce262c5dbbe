/** Snapshots and lattice checkpoints: what a document is loaded from before its log tail is folded in. */
import type { Incarnation } from "@yarrow/protocol";
import type { ArrivalSequence, Checkpoint, DocumentId, SnapshotKind, SnapshotRow } from "@yarrow/replica";
import { checked, checksumOf, foldPlace } from "./checksum.ts";
import type { Command, Connection, Query } from "./connection.ts";
import type { DamagedTable } from "./damaged-table.ts";

type StoredSnapshot = [
  sequence: number,
  stateVectorChecksum: number,
  stateVector: Buffer,
  contentChecksum: number,
  content: Buffer,
];

export class SnapshotTable {
  readonly #damaged: DamagedTable;
  readonly #read: Query<StoredSnapshot>;
  readonly #write: Command;
  readonly #delete: Command;
  readonly #readCheckpoint: Query<[sequence: number, lattice: Buffer, checksum: number]>;
  readonly #writeCheckpoint: Command;
  readonly #deleteCheckpoint: Command;

  constructor(connection: Connection, damaged: DamagedTable) {
    this.#damaged = damaged;
    const where = "WHERE document = ? AND incarnation = ? AND kind = ?";
    this.#read = connection.query(
      `SELECT sequence, state_vector_checksum, state_vector, content_checksum, content FROM snapshot ${where}`,
    );
    this.#write = connection.command(
      `INSERT OR REPLACE INTO snapshot
         (document, incarnation, kind, sequence, state_vector_checksum, state_vector, content_checksum, content)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#delete = connection.command(`DELETE FROM snapshot ${where}`);
    this.#readCheckpoint = connection.query("SELECT sequence, lattice, checksum FROM checkpoint WHERE document = ?");
    this.#writeCheckpoint = connection.command(
      "INSERT OR REPLACE INTO checkpoint (document, sequence, lattice, checksum) VALUES (?, ?, ?, ?)",
    );
    this.#deleteCheckpoint = connection.command("DELETE FROM checkpoint WHERE document = ?");
  }

  read(document: DocumentId, incarnation: Incarnation, kind: SnapshotKind): SnapshotRow | undefined {
    const stored = this.#read.get(document, incarnation, kind);
    if (stored === undefined) return undefined;
    const [sequence, stateVectorChecksum, stateVector, contentChecksum, content] = stored;
    const place = snapshotPlace(document, incarnation, sequence);
    return {
      document,
      incarnation,
      kind,
      sequence,
      stateVector: checked(stateVector, stateVectorChecksum, place),
      update: checked(content, contentChecksum, place),
    };
  }

  write(row: SnapshotRow & { readonly update: Uint8Array; readonly stateVector: Uint8Array }): void {
    const { document, incarnation, kind, sequence, stateVector, update } = row;
    const place = snapshotPlace(document, incarnation, sequence);
    const checksums = [checksumOf(stateVector, place), checksumOf(update, place)] as const;
    this.#write.run(document, incarnation, kind, sequence, checksums[0], stateVector, checksums[1], update);
  }

  delete(document: DocumentId, incarnation: Incarnation, kind: SnapshotKind): void {
    this.#delete.run(document, incarnation, kind);
  }

  quarantine(document: DocumentId, incarnation: Incarnation, kind: SnapshotKind): void {
    const stored = this.#read.get(document, incarnation, kind);
    if (stored === undefined) return;
    const [sequence, , , , content] = stored;
    this.#damaged.keep({ kind: `snapshot ${kind}`, document, incarnation, sequence, content });
    this.delete(document, incarnation, kind);
  }

  readCheckpoint(document: DocumentId): Checkpoint | undefined {
    const stored = this.#readCheckpoint.get(document);
    if (stored === undefined) return undefined;
    const [sequence, lattice, checksum] = stored;
    return { sequence, lattice: checked(lattice, checksum, checkpointPlace(document, sequence)) };
  }

  writeCheckpoint(document: DocumentId, sequence: ArrivalSequence, lattice: Uint8Array): void {
    this.#writeCheckpoint.run(document, sequence, lattice, checksumOf(lattice, checkpointPlace(document, sequence)));
  }

  deleteCheckpoint(document: DocumentId): void {
    this.#deleteCheckpoint.run(document);
  }
}

/** What the checksums of a snapshot are seeded with. */
export function snapshotPlace(document: DocumentId, incarnation: Incarnation, sequence: ArrivalSequence): number {
  return foldPlace(foldPlace(document, incarnation), sequence);
}

/** What the checksum of a lattice checkpoint is seeded with. */
export function checkpointPlace(document: DocumentId, sequence: ArrivalSequence): number {
  return foldPlace(document, sequence);
}
