/** How fast an operator lets this peer send on its links, by peer id or address. Kept for the life of the process. */
import { assert } from "@yarrow/protocol";

/** Peers and addresses with a limit at once; beyond it, none is added. */
const NAMES_MAX = 1_024;
/** Bytes per second. A slower link would spend what it may send on keeping itself alive. */
export const LINK_RATE_MIN = 4 * 1024;

export class RateLimits {
  readonly #byName = new Map<string, number>();

  /** Undefined = no limit. `names`: all that the peer of that name is called, so that what was said before under another goes. */
  set(name: string, bytesPerSecond: number | undefined, names: readonly string[]): void {
    for (const other of [name, ...names]) this.#byName.delete(other);
    if (bytesPerSecond === undefined || !this.mayAdd(name)) return;
    assert(bytesPerSecond >= LINK_RATE_MIN, `a link needs ${LINK_RATE_MIN} bytes per second`);
    this.#byName.set(name, bytesPerSecond);
  }

  /** False when no further peer can be limited by name. */
  mayAdd(name: string): boolean {
    return this.#byName.has(name) || this.#byName.size < NAMES_MAX;
  }

  /** The lowest that any of the names has. */
  of(names: readonly (string | undefined)[]): number | undefined {
    const rates = names.flatMap((name) => (name === undefined ? [] : (this.#byName.get(name) ?? [])));
    return rates.length === 0 ? undefined : Math.min(...rates);
  }
}
