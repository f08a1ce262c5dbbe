/**
 * The disk of a simulated peer: a memory store, its transactions counted, and the documents they write noted.
 */
import { MemoryStore } from "@yarrow/replica";
import type { DocumentRow } from "@yarrow/replica";
import type { ClusterId, PeerId } from "@yarrow/protocol";
import { Inspection } from "./inspection.ts";

/** How many of the last transactions a power loss can take. */
const KEPT_TRANSACTIONS = 64;

export class Disk {
  readonly store: MemoryStore;
  /** For checkers: what is on the disk, whatever the peer on it believes. */
  readonly inspector: Inspection;
  /** Documents of which something was spoiled and is not yet repaired. */
  readonly spoiled = new Set<string>();
  /** Rows through this one were seen by the checker of origins. */
  seenSequence = 0;
  readonly #clusterId: ClusterId;
  /** Transactions committed since the last call of `takeTransactions`. */
  #transactions = 0;
  /** Documents written since the last call of `takeWritten`. */
  readonly #written = new Set<string>();

  constructor(store: MemoryStore, clusterId: ClusterId) {
    this.store = store;
    this.inspector = new Inspection(store, clusterId);
    this.#clusterId = clusterId;
    const transaction = store.transaction.bind(store);
    store.transaction = <T>(body: () => T): T => {
      const result = transaction(body);
      this.#transactions++;
      return result;
    };
    const writeDocument = store.writeDocument.bind(store);
    store.writeDocument = (row) => {
      this.#written.add(row.name);
      writeDocument(row);
    };
  }

  static blank(peerId: PeerId, clusterId: ClusterId): Disk {
    return new Disk(new MemoryStore({ peerId, keepTransactions: KEPT_TRANSACTIONS }), clusterId);
  }

  /** A second disk with the same bytes, and with room: what fills this one does not fill that. */
  copy(): Disk {
    const copy = new Disk(this.store.clone(), this.#clusterId);
    copy.store.setCapacityBytes(Number.POSITIVE_INFINITY);
    for (const name of this.spoiled) copy.spoiled.add(name);
    copy.seenSequence = this.seenSequence;
    return copy;
  }

  /** What a backup of this disk is restored to: the same, under another peer's id, and without what is this peer's alone. */
  restored(peerId: PeerId): Disk {
    const store = this.store.clone(peerId);
    store.setCapacityBytes(Number.POSITIVE_INFINITY);
    store.transaction(() => store.writeStandings([]));
    return new Disk(store, this.#clusterId);
  }

  /** As a power loss does to a disk that was never told to sync; returns how many transactions were lost. */
  loseTail(count: number, options: { readonly forgetSequence: boolean }): number {
    const lost = this.store.loseTail(count, options);
    this.seenSequence = Math.min(this.seenSequence, this.store.lastSequence());
    // A repair may be among them, and then the damaged row is back; or the damaged row itself, and then nothing is wrong.
    this.spoiled.clear();
    for (const row of this.store.listDocuments({ limit: Number.MAX_SAFE_INTEGER, include: "all" })) {
      if (row.quarantined || isDamaged(this.store, row)) this.spoiled.add(row.name);
    }
    return lost;
  }

  takeTransactions(): number {
    const count = this.#transactions;
    this.#transactions = 0;
    return count;
  }

  takeWritten(): string[] {
    const names = [...this.#written];
    this.#written.clear();
    return names;
  }
}

/** True when a row of the living incarnation cannot be read. Waiting updates do not count: whoever has taken them in has them. */
function isDamaged(store: MemoryStore, { id, incarnation, fence }: DocumentRow): boolean {
  const checkpoint = store.readCheckpoint(id);
  const head = store.readSnapshot(id, incarnation, "head");
  return (
    fence === undefined ||
    (checkpoint !== undefined && checkpoint.lattice === undefined) ||
    (head !== undefined && head.update === undefined) ||
    store.readLog(id, incarnation, 0, Number.MAX_SAFE_INTEGER).some(({ segments }) => segments === undefined)
  );
}
