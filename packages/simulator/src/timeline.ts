/**
 * Simulated time: one queue of what happens, ordered by time and, at the same time, by when it was put there. Nothing in a
 * simulation happens outside of it. Times are whole milliseconds since the beginning.
 */
interface Entry {
  readonly at: number;
  readonly order: number;
  readonly action: () => void;
}

export class Timeline {
  now = 0;
  #nextOrder = 0;
  /** A binary heap. */
  readonly #entries: Entry[] = [];

  /** Not before now. */
  at(time: number, action: () => void): void {
    const entry = { at: Math.max(this.now, Math.ceil(time)), order: this.#nextOrder++, action };
    const entries = this.#entries;
    let index = entries.length;
    entries.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isEarlier(entry, entries[parent] as Entry)) break;
      entries[index] = entries[parent] as Entry;
      index = parent;
    }
    entries[index] = entry;
  }

  after(ms: number, action: () => void): void {
    this.at(this.now + ms, action);
  }

  /** Runs everything up to and including a time, and ends there. */
  runUntil(time: number): void {
    for (let next = this.#entries[0]; next !== undefined && next.at <= time; next = this.#entries[0]) {
      this.#removeFirst();
      this.now = next.at;
      next.action();
    }
    this.now = Math.max(this.now, time);
  }

  #removeFirst(): void {
    const entries = this.#entries;
    const last = entries.pop() as Entry;
    const { length } = entries;
    if (length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= length) break;
      if (child + 1 < length && isEarlier(entries[child + 1] as Entry, entries[child] as Entry)) child++;
      if (!isEarlier(entries[child] as Entry, last)) break;
      entries[index] = entries[child] as Entry;
      index = child;
    }
    entries[index] = last;
  }
}

function isEarlier(left: Entry, right: Entry): boolean {
  return left.at < right.at || (left.at === right.at && left.order < right.order);
}
