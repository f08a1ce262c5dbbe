/**
 * Documents in which damage was found. What survives stands in their record from the moment the damage is seen, so their
 * fingerprint tells every other peer that something is missing; equal roots with any peer mean that it is back.
 */
import { YarrowError } from "@yarrow/protocol";
import type { Catalog } from "./catalog/catalog.ts";
import { encodeFence } from "./document/fence.ts";
import type { Effect } from "./effect.ts";
import type { Isolation } from "./isolation.ts";
import type { Link } from "./links/link.ts";
import type { Store } from "./store.ts";

/** Documents of which it is remembered since when they are damaged, and why. */
const FOUND_MAX = 1_000;

export interface RepairsParts {
  readonly store: Store;
  readonly catalog: Catalog;
  readonly isolation: Isolation;
  readonly suspect: (now: number) => void;
  /** Lets go of those who look at it: they may hold what was lost, and give it back when they return. */
  readonly evict: (name: string, detail: string) => void;
  readonly emit: (effect: Effect) => void;
}

export class Repairs {
  readonly #parts: RepairsParts;
  #equalAt: number | undefined;
  /** What was found damaged since the start and is not yet whole, oldest first. */
  readonly found = new Map<string, { readonly sinceMs: number; readonly detail: string }>();

  constructor(parts: RepairsParts) {
    this.#parts = parts;
  }

  /** Our set is equal to that of another peer. */
  equal(_link: Link, now: number): void {
    if (this.#parts.catalog.quarantined.size > 0) this.#equalAt = now;
  }

  /** Damage may be found by a reader between two steps. */
  nextDeadline(): number {
    const { catalog, isolation } = this.#parts;
    return catalog.damaged.size > 0 || isolation.hasUntold ? 0 : Number.POSITIVE_INFINITY;
  }

  /** Call when nothing is staged. */
  wake(now: number): void {
    const { catalog, isolation, emit, suspect, evict } = this.#parts;
    for (const [name, detail] of isolation.takeUntold()) {
      evict(name, detail);
      emit({ type: "observe", fact: { kind: "document-failed", name, detail } });
    }
    for (const [name, detail] of catalog.damaged) {
      this.#note(name, detail, now);
      evict(name, `${detail} is damaged`);
      emit({ type: "observe", fact: { kind: "quarantined", name, detail } });
      suspect(now);
    }
    catalog.damaged.clear();
    if (this.#equalAt === undefined) return;
    this.#equalAt = undefined;
    for (const name of [...catalog.quarantined]) isolation.guard(name, now, () => void this.release(name, now));
  }

  /** Takes the mark from a document that is known to be whole, or taken for it. Returns whether it is gone. */
  release(name: string, now: number): boolean {
    const { store, catalog, emit } = this.#parts;
    const entry = catalog.entry(name, now);
    if (entry.row === undefined || catalog.damaged.has(name)) return false;
    const unrecorded = catalog.unrecorded.get(name);
    if (unrecorded !== undefined) {
      // Whole in memory, and damaged on the disk all the same: that comes first, and is over with the next equality.
      catalog.rebuild(entry, unrecorded);
      return false;
    }
    const row = { ...entry.row, fence: encodeFence(entry.fence), quarantined: false };
    try {
      store.transaction(() => store.writeDocument(row));
    } catch (error) {
      // With no room the flag stays until the next time; it only tells people.
      if (error instanceof YarrowError && error.code === "YARROW_STORE_FULL") return false;
      throw error;
    }
    entry.row = row;
    catalog.quarantined.delete(name);
    this.found.delete(name);
    emit({ type: "observe", fact: { kind: "repaired", name } });
    return true;
  }

  #note(name: string, detail: string, now: number): void {
    const sinceMs = this.found.get(name)?.sinceMs ?? now;
    this.found.set(name, { sinceMs, detail });
    for (const oldest of this.found.keys()) {
      if (this.found.size <= FOUND_MAX) return;
      this.found.delete(oldest);
    }
  }
}
