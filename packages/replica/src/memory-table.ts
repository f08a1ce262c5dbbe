/**
 * Tables of the memory store, and the journal that takes their changes back. Every change of a table leaves its inverse in
 * the journal; running the inverses backwards is a rollback, and keeping those of committed transactions lets a
 * simulated disk lose them later.
 */
import { assert } from "@yarrow/protocol";
import { StoreFullError } from "./store.ts";

export type Inverse = () => void;

/** Collects inverses while a transaction is open, and counts the bytes that the tables hold. */
export class Journal {
  /** Payload bytes of all tables, with {@link ROW_BYTES} for each row. */
  bytes = 0;
  /** Growing beyond this many bytes throws {@link StoreFullError}. */
  capacityBytes = Number.POSITIVE_INFINITY;
  #inverses: Inverse[] | undefined;
  #undoing = false;
  /** Why the transaction that is open can only be taken back, whatever its body makes of the throw. */
  #problem: StoreFullError | undefined;

  get open(): boolean {
    return this.#inverses !== undefined;
  }

  begin(): void {
    assert(this.#inverses === undefined, "transactions of a store do not nest");
    this.#inverses = [];
    this.#problem = undefined;
  }

  get problem(): StoreFullError | undefined {
    return this.#problem;
  }

  /** Ends the transaction and hands over what would take it back. */
  end(): Inverse[] {
    const inverses = this.#inverses;
    assert(inverses !== undefined, "there is a transaction to end");
    this.#inverses = undefined;
    return inverses;
  }

  record(inverse: Inverse): void {
    if (this.#undoing) return;
    assert(this.#inverses !== undefined, "a store is written inside a transaction only");
    this.#inverses.push(inverse);
  }

  charge(bytes: number): void {
    this.bytes += bytes;
    if (bytes > 0 && this.bytes > this.capacityBytes && !this.#undoing) {
      this.#problem = new StoreFullError(`the store is full: ${this.bytes} of ${this.capacityBytes} bytes`);
      throw this.#problem;
    }
  }

  undo(inverses: readonly Inverse[]): void {
    this.#undoing = true;
    for (const inverse of inverses.toReversed()) inverse();
    this.#undoing = false;
  }
}

/** What a row weighs beyond its payload, roughly as in SQLite. */
const ROW_BYTES = 32;

export interface TableOptions<K, V> {
  readonly compare: (a: K, b: K) => number;
  /** Payload bytes of a row. */
  readonly weigh: (value: V) => number;
}

/** A map whose keys can be walked in order and whose changes can be taken back. Values are never changed in place. */
export class MemoryTable<K, V> {
  readonly #journal: Journal;
  readonly #options: TableOptions<K, V>;
  readonly #values = new Map<K, V>();
  #sorted: K[] = [];

  constructor(journal: Journal, options: TableOptions<K, V>) {
    this.#journal = journal;
    this.#options = options;
  }

  get size(): number {
    return this.#values.size;
  }

  get(key: K): V | undefined {
    return this.#values.get(key);
  }

  set(key: K, value: V): void {
    const previous = this.#values.get(key);
    this.#journal.record(() => (previous === undefined ? this.delete(key) : this.set(key, previous)));
    if (previous === undefined) this.#insertKey(key);
    this.#values.set(key, value);
    this.#journal.charge(this.#weigh(value) - this.#weigh(previous));
  }

  delete(key: K): void {
    const previous = this.#values.get(key);
    if (previous === undefined) return;
    this.#journal.record(() => this.set(key, previous));
    this.#values.delete(key);
    this.#sorted.splice(this.#placeOf(key), 1);
    this.#journal.charge(-this.#weigh(previous));
  }

  /** Replaces a value outside any transaction, as a failing disk would. */
  spoil(key: K, value: V): void {
    assert(this.#values.has(key), "only a stored row can be damaged");
    this.#journal.bytes += this.#weigh(value) - this.#weigh(this.#values.get(key));
    this.#values.set(key, value);
  }

  /** The greatest key. */
  lastKey(): K | undefined {
    return this.#sorted.at(-1);
  }

  /** Keys in order, from the first that is not less than `from`. Do not change the table meanwhile. */
  *keysFrom(from: K): Generator<K> {
    for (let at = this.#placeOf(from); at < this.#sorted.length; at++) yield this.#sorted[at] as K;
  }

  /** Keys in order, from the first that is greater than `after` (undefined = from the first of all). Do not change the table meanwhile. */
  *keysAfter(after: K | undefined): Generator<K> {
    let at = after === undefined ? 0 : this.#placeOf(after);
    if (after !== undefined && at < this.#sorted.length && this.#compareAt(at, after) === 0) at++;
    for (; at < this.#sorted.length; at++) yield this.#sorted[at] as K;
  }

  *valuesAfter(after: K | undefined): Generator<V> {
    for (const key of this.keysAfter(after)) yield this.#values.get(key) as V;
  }

  /** Takes over all rows of another table. Rows are shared: they are never changed in place. */
  fill(other: MemoryTable<K, V>): void {
    assert(this.size === 0, "only an empty table is filled");
    this.#sorted = [...other.#sorted];
    for (const [key, value] of other.#values) {
      this.#values.set(key, value);
      this.#journal.bytes += this.#weigh(value);
    }
  }

  #weigh(value: V | undefined): number {
    return value === undefined ? 0 : ROW_BYTES + this.#options.weigh(value);
  }

  #insertKey(key: K): void {
    // Sequences and most ids only grow, so the end is tried first.
    const last = this.#sorted.length - 1;
    if (last < 0 || this.#compareAt(last, key) < 0) this.#sorted.push(key);
    else this.#sorted.splice(this.#placeOf(key), 0, key);
  }

  /** Index of the first key that is not less than `key`. */
  #placeOf(key: K): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compareAt(middle, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #compareAt(index: number, key: K): number {
    return this.#options.compare(this.#sorted[index] as K, key);
  }
}

/** What takes a transaction back, and the sequence before it. */
export interface Committed {
  readonly inverses: readonly Inverse[];
  readonly sequenceBefore: number;
}
