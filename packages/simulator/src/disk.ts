/**
 * The disk of a simulated peer: a memory store, its transactions counted, and the documents they write noted.
 */
import { MemoryStore } from "@yarrow/replica";
import type { PeerId } from "@yarrow/protocol";

/** How many of the last transactions a power loss can take. */
const KEPT_TRANSACTIONS = 64;

export class Disk {
  readonly store: MemoryStore;
  /** Transactions committed since the last call of `takeTransactions`. */
  #transactions = 0;
  /** Documents written since the last call of `takeWritten`. */
  readonly #written = new Set<string>();

  constructor(store: MemoryStore) {
    this.store = store;
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

  static blank(peerId: PeerId): Disk {
    return new Disk(new MemoryStore({ peerId, keepTransactions: KEPT_TRANSACTIONS }));
  }

  /** A second disk with the same bytes. */
  copy(): Disk {
    return new Disk(this.store.clone());
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
