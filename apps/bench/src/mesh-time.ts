/** Simulated time: what happens next, in order of time and, at the same time, in the order in which it was put there. */

interface Happening {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export class MeshTime {
  now = 0;
  #order = 0;
  /** A binary heap. */
  readonly #heap: Happening[] = [];

  /** Whole milliseconds; not before now. */
  at(time: number, run: () => void): void {
    const happening = { at: Math.max(this.now, Math.round(time)), order: this.#order++, run };
    const heap = this.#heap;
    let index = heap.length;
    heap.push(happening);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isEarlier(happening, heap[parent] as Happening)) break;
      heap[index] = heap[parent] as Happening;
      index = parent;
    }
    heap[index] = happening;
  }

  /** Runs all that happens at the next moment, if that is not after `until`. Returns false when nothing does. */
  step(until: number): boolean {
    const first = this.#heap[0];
    if (first === undefined || first.at > until) {
      this.now = until;
      return false;
    }
    this.now = first.at;
    for (let next = this.#heap[0]; next !== undefined && next.at === this.now; next = this.#heap[0]) {
      this.#removeFirst();
      next.run();
    }
    return true;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop() as Happening;
    const { length } = heap;
    if (length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= length) break;
      if (child + 1 < length && isEarlier(heap[child + 1] as Happening, heap[child] as Happening)) child++;
      if (!isEarlier(heap[child] as Happening, last)) break;
      heap[index] = heap[child] as Happening;
      index = child;
    }
    heap[index] = last;
  }
}

function isEarlier(left: Happening, right: Happening): boolean {
  return left.at < right.at || (left.at === right.at && left.order < right.order);
}
