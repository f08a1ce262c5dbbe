/** Which links an operator has cut: all of them, or those to some peers, named by id or address. */
import type { Link } from "./link.ts";

/** What the other side is told. */
export const LINKS_PAUSED = "links of this peer are paused";

/** Peers and addresses that are paused by name at once; more than a mesh has peers to name. Beyond it, none is added. */
const NAMES_MAX = 1_024;

export class Pauses {
  #all = false;
  readonly #names = new Set<string>();

  get all(): boolean {
    return this.#all;
  }

  /** `name` undefined = all links. Healing all heals those that were cut by name. */
  set(name: string | undefined, paused: boolean): void {
    if (name === undefined) this.#all = paused;
    else if (paused && this.mayAdd(name)) this.#names.add(name);
    else if (!paused) this.#names.delete(name);
    if (name === undefined && !paused) this.#names.clear();
  }

  /** False when no further peer can be paused by name. */
  mayAdd(name: string): boolean {
    return this.#names.has(name) || this.#names.size < NAMES_MAX;
  }

  has(name: string | undefined): boolean {
    return name !== undefined && this.#names.has(name);
  }

  covers(link: Link): boolean {
    return this.#all || link.names.some((name) => this.has(name));
  }
}
