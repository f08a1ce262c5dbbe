/** Which numbers of a sequence have been here: all up to a contiguous mark, and a bounded set beyond it. */

export class Window {
  readonly #max: number;
  /** Every number up to this one was here, or was given up on. */
  #mark: number;
  readonly #beyond = new Set<number>();

  /** What is met first need not be the first: messages of one batch may overtake each other on the way. */
  constructor(first: number, max: number) {
    this.#max = max;
    this.#mark = Math.max(0, first - 1 - Math.floor(max / 2));
  }

  has(number: number): boolean {
    return number <= this.#mark || this.#beyond.has(number);
  }

  /** Returns true the first time a number is given. */
  add(number: number): boolean {
    if (this.has(number)) return false;
    this.#beyond.add(number);
    if (this.#beyond.size > this.#max) this.#mark = Math.min(...this.#beyond) - 1;
    while (this.#beyond.delete(this.#mark + 1)) this.#mark++;
    return true;
  }
}
