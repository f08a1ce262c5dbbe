/** What this replica knows of the tree of one origin: which links it pushes to, which push to it, and what has come. */
import type { Link } from "../links/link.ts";
import type { LinkId } from "../event.ts";
import { Window } from "./window.ts";

export class Tree {
  heard: Window;
  /** No broadcast beyond this one is known of. */
  highest: number;
  /** The link that was last the first to bring something: never pruned. */
  parent: LinkId | undefined;
  readonly #windowMax: number;
  /** Something has come, and not merely been told of. */
  #fed = false;
  /** When the last parent ended. */
  #orphanedAt = Number.NEGATIVE_INFINITY;
  /** Links whose other side has another way to this origin: told of what comes, not sent it. */
  readonly lazy = new Set<LinkId>();
  /** Links whose other side was asked to send no more, and when. */
  readonly pruned = new Map<LinkId, number>();
  /** When a link was last pruned, for as long as it may not be again. */
  readonly #prunedAt = new Map<LinkId, number>();

  constructor(first: number, windowMax: number) {
    this.#windowMax = windowMax;
    this.heard = new Window(first, windowMax);
    this.highest = first - 1;
  }

  /** Returns true the first time that an ordinal comes. What was merely told of, and may be no truth, makes nothing old. */
  take(ordinal: number): boolean {
    if (!this.#fed && this.heard.has(ordinal)) {
      this.heard = new Window(ordinal, this.#windowMax);
      this.highest = ordinal - 1;
    }
    this.#fed = true;
    return this.heard.add(ordinal);
  }

  /** A link was the first to bring something. What was under way when the link was pruned does not bring it back. */
  broughtBy({ id }: Link, pruneIntervalMs: number, now: number): void {
    const prunedAt = this.pruned.get(id);
    if (prunedAt !== undefined && now - prunedAt < pruneIntervalMs) return;
    this.pruned.delete(id);
    this.parent = id;
  }

  /** True for a link that has brought the origin, or was there when the one that did ended: what came before it opened is left to rounds. */
  isHeir({ id, openSince }: Link): boolean {
    return this.parent === id || (this.parent === undefined && openSince <= this.#orphanedAt);
  }

  /** Returns false while the link was pruned too lately. */
  prune({ id }: Link, intervalMs: number, now: number): boolean {
    if (now - (this.#prunedAt.get(id) ?? Number.NEGATIVE_INFINITY) < intervalMs) return false;
    this.pruned.set(id, now);
    this.#prunedAt.set(id, now);
    return true;
  }

  /** Returns true when that leaves nobody who is known to push. */
  linkEnded({ id }: Link, now: number): boolean {
    this.lazy.delete(id);
    this.pruned.delete(id);
    this.#prunedAt.delete(id);
    if (this.parent !== id) return false;
    this.parent = undefined;
    this.#orphanedAt = now;
    return true;
  }
}
