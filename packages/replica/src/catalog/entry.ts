/**
 * What memory holds of one document: a cache of its rows. Changed only while a batch is staged, published when the batch
 * commits, thrown away when it does not.
 */
import type { DocumentKey, Incarnation } from "@yarrow/protocol";
import { FENCE_IDS_MAX, isAlive } from "@yarrow/protocol";
import { fenceDigest } from "../document/fence.ts";
import type { FingerprintKey } from "../document/fingerprint.ts";
import { digestDocument } from "../document/fingerprint.ts";
import type { Lattice } from "../document/lattice.ts";
import type { ArrivalSequence, DocumentRow, LogSegment } from "../store.ts";

/** A remainder that waits for what it refers to. `id` is its row; undefined until the batch is written. */
export interface PendingSegment {
  readonly id: number | undefined;
  readonly segment: LogSegment;
}

/** Rough bytes of an entry beside its lattice: strings, maps, the object itself. */
const ENTRY_BYTES = 1024;

export class Entry {
  readonly name: string;
  readonly key: DocumentKey;
  /** Undefined while nothing of this name was ever written. */
  row: DocumentRow | undefined;
  incarnation: Incarnation;
  readonly fence: Set<number>;
  lattice: Lattice;
  checkpointSequence: ArrivalSequence = 0;
  /** Bytes of rows that came after the checkpoint. */
  uncheckedBytes = 0;
  pending: PendingSegment[] = [];
  pendingBytes = 0;
  /** Last use, for eviction. */
  touchedAt = 0;
  /** Last committed change, so that anti-entropy leaves busy documents to live push. */
  changedAt = Number.NEGATIVE_INFINITY;
  compacting = false;
  /** What the catalog last counted for this entry. */
  accountedBytes = 0;
  #fenceDigest: Uint8Array | undefined;

  constructor(options: {
    readonly name: string;
    readonly key: DocumentKey;
    readonly row: DocumentRow | undefined;
    readonly incarnation: Incarnation;
    readonly fence: Set<number>;
    readonly lattice: Lattice;
  }) {
    this.name = options.name;
    this.key = options.key;
    this.row = options.row;
    this.incarnation = options.incarnation;
    this.fence = options.fence;
    this.lattice = options.lattice;
  }

  get alive(): boolean {
    return isAlive(this.incarnation);
  }

  /** Changes with every committed row: names one version of the content within this process. */
  get version(): string {
    return `${this.incarnation}.${this.row?.lastSequence ?? 0}`;
  }

  /** What the document contributes to the set tree; undefined when it never existed. */
  digest(key: FingerprintKey): Uint8Array | undefined {
    if (this.incarnation === 0) return undefined;
    this.#fenceDigest ??= fenceDigest(key, this.fence);
    return digestDocument(key, this.incarnation, this.#fenceDigest, this.lattice.fingerprint);
  }

  /**
   * Adds dead client ids; says whether the fence changed. Beyond its limit the largest ids are left out, on every peer the
   * same ones in whatever order they come, so that full fences stay equal.
   */
  joinFence(clients: Iterable<number>): boolean {
    const added = new Set<number>();
    for (const client of clients) if (!this.fence.has(client)) added.add(client);
    if (added.size === 0) return false;
    for (const client of added) this.fence.add(client);
    if (this.fence.size > FENCE_IDS_MAX) {
      const largest = [...this.fence].sort((a, b) => a - b).slice(FENCE_IDS_MAX);
      for (const client of largest) {
        this.fence.delete(client);
        added.delete(client);
      }
    }
    this.#fenceDigest = undefined;
    return added.size > 0;
  }

  /** True when a state vector names a client that died with an earlier incarnation and is not alive in this one. */
  isStale(stateVector: ReadonlyMap<number, number>): boolean {
    if (this.fence.size === 0) return false;
    for (const [client, clock] of stateVector) {
      if (clock > 0 && this.fence.has(client) && !this.lattice.stateVector.has(client)) return true;
    }
    return false;
  }

  /** Bytes this entry takes in memory, roughly. */
  get bytes(): number {
    return ENTRY_BYTES + this.lattice.byteSize + this.pendingBytes + this.fence.size * 16;
  }
}
