/** How fast an operator lets this peer send on its links, by peer id or address. Kept for the life of the process. */
import { assert } from "@yarrow/protocol";

/** Peers and addresses with a limit at once; beyond it, none is added. */
const NAMES_MAX = 1_024;
/** Bytes per second. A slower link would spend what it may send on keeping itself alive. */
export const LINK_RATE_MIN = 4 * 1024;

interface RateLimit {
  readonly bytesPerSecond: number;
  readonly names: readonly string[];
}

export class RateLimits {
  readonly #byName = new Map<string, RateLimit>();

  /**
   * Undefined = no limit. `peers`: who goes by that name now, by id: the limit is theirs however they are linked next. `names`: all
   * that they are called, so that what was said before under another name goes.
   */
  set(
    name: string,
    bytesPerSecond: number | undefined,
    { peers, names }: { readonly peers: readonly string[]; readonly names: readonly string[] },
  ): void {
    for (const other of [name, ...names]) {
      for (const one of this.#byName.get(other)?.names ?? []) this.#byName.delete(one);
    }
    if (bytesPerSecond === undefined || !this.mayAdd(name)) return;
    assert(bytesPerSecond >= LINK_RATE_MIN, `a link needs ${LINK_RATE_MIN} bytes per second`);
    const limit = { bytesPerSecond, names: [name, ...peers] };
    for (const one of limit.names) this.#byName.set(one, limit);
  }

  /** False when no further peer can be limited by name. */
  mayAdd(name: string): boolean {
    return this.#byName.has(name) || this.#byName.size < NAMES_MAX;
  }

  /** The lowest that any of the names has. */
  of(names: readonly (string | undefined)[]): number | undefined {
    const rates = names.flatMap((name) => (name === undefined ? [] : (this.#byName.get(name)?.bytesPerSecond ?? [])));
    return rates.length === 0 ? undefined : Math.min(...rates);
  }
}
