/**
 * Reads every document once a day, a few a second, so that damage to what nobody opens is found while other peers still have it;
 * then what is kept of the past.
 */
import type { DocumentKey } from "@yarrow/protocol";
import type { Catalog } from "../catalog/catalog.ts";
import type { ReplicaConfig } from "../config.ts";
import type { SetTree } from "../set-tree/set-tree.ts";
import type { Store } from "../store.ts";
import { checkPage } from "./local-check.ts";
import type { PastCheck, PastWalk } from "./past-check.ts";

export interface ScrubberParts {
  readonly config: ReplicaConfig;
  readonly store: Store;
  readonly catalog: Catalog;
  readonly tree: SetTree;
  readonly past: PastCheck;
}

const PAGE = 32;
const PAGE_INTERVAL_MS = 1_000;

export class Scrubber {
  readonly #parts: ScrubberParts;
  #after: DocumentKey | "" = "";
  /** Undefined while documents are read. */
  #walk: PastWalk | undefined;
  #roundAt: number;
  #dueAt: number;

  constructor(parts: ScrubberParts, now: number) {
    this.#parts = parts;
    this.#roundAt = now + parts.config.scrubIntervalMs;
    this.#dueAt = this.#roundAt;
  }

  nextDeadline(): number {
    return this.#dueAt;
  }

  /** Call when nothing is staged. What it finds damaged is reported by the catalog like any other damage. */
  wake(now: number): void {
    if (now < this.#dueAt) return;
    if (this.#walk === undefined) {
      this.#after = checkPage(this.#parts, this.#after, PAGE, now).next;
      if (this.#after === "") this.#walk = this.#parts.past.walk();
    } else this.#walk.step();
    this.#dueAt = now + PAGE_INTERVAL_MS;
    if (this.#walk?.done !== true) return;
    this.#walk = undefined;
    this.#roundAt = Math.max(this.#roundAt + this.#parts.config.scrubIntervalMs, now);
    this.#dueAt = this.#roundAt;
  }
}
