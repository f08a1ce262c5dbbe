/** Which messages of each origin have been here, whatever their type. */
import type { ProcessId } from "@yarrow/protocol";
import type { ReplicaConfig } from "../config.ts";
import { ByOrigin } from "./by-origin.ts";
import { Window } from "./window.ts";

export class Seen {
  readonly #origins: ByOrigin<Window>;

  constructor(config: ReplicaConfig) {
    this.#origins = new ByOrigin(config, (first) => new Window(first, config.seenWindowMax));
  }

  get size(): number {
    return this.#origins.size;
  }

  /** Returns true the first time an id is given. */
  add(origin: ProcessId, sequence: number, now: number): boolean {
    return this.#origins.use(origin, sequence, now).add(sequence);
  }
}
