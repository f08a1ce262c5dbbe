/**
 * Documents in which damage was found. What survives stands in their record from the moment the damage is seen, so their
 * fingerprint tells every other peer that something is missing; equal roots with any peer mean that it is back.
 */
import { YarrowError } from "@yarrow/protocol";
import type { Catalog } from "./catalog/catalog.ts";
import { encodeFence } from "./document/fence.ts";
import type { Effect } from "./effect.ts";
import type { Link } from "./links/link.ts";
import type { Store } from "./store.ts";

export interface RepairsParts {
  readonly store: Store;
  readonly catalog: Catalog;
  readonly suspect: (now: number) => void;
  /** Lets go of those who look at it: they may hold what was lost, and give it back when they return. */
  readonly evict: (name: string, detail: string) => void;
  readonly emit: (effect: Effect) => void;
}

export class Repairs {
  readonly #parts: RepairsParts;
  #equalAt: number | undefined;

  constructor(parts: RepairsParts) {
    this.#parts = parts;
  }

  /** Our set is equal to that of another peer. */
  equal(_link: Link, now: number): void {
    if (this.#parts.catalog.quarantined.size > 0) this.#equalAt = now;
  }

  /** Damage may be found by a reader between two steps. */
  nextDeadline(): number {
    return this.#parts.catalog.damaged.size > 0 ? 0 : Number.POSITIVE_INFINITY;
  }

  /** Call when nothing is staged. */
  wake(now: number): void {
    const { catalog, emit, suspect, evict } = this.#parts;
    for (const [name, detail] of catalog.damaged) {
      evict(name, detail);
      emit({ type: "observe", fact: { kind: "quarantined", name, detail } });
      suspect(now);
    }
    catalog.damaged.clear();
    if (this.#equalAt === undefined) return;
    this.#equalAt = undefined;
    for (const name of [...catalog.quarantined]) this.#release(name, now);
  }

  #release(name: string, now: number): void {
    const { store, catalog, emit } = this.#parts;
    const entry = catalog.entry(name, now);
    if (entry.row === undefined || catalog.damaged.has(name)) return;
    const unrecorded = catalog.unrecorded.get(name);
    // Whole in memory, and damaged on the disk all the same: that comes first, and is over with the next equality.
    if (unrecorded !== undefined) return void catalog.rebuild(entry, unrecorded);
    const row = { ...entry.row, fence: encodeFence(entry.fence), quarantined: false };
    try {
      store.transaction(() => store.writeDocument(row));
    } catch (error) {
      // With no room the flag stays until the next time; it only tells people.
      if (error instanceof YarrowError && error.code === "YARROW_STORE_FULL") return;
      throw error;
    }
    entry.row = row;
    catalog.quarantined.delete(name);
    emit({ type: "observe", fact: { kind: "repaired", name } });
  }
}
