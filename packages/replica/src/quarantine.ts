/**
 * Documents that are out of use, for people: which, since when and why, what heals them, and trying again by hand.
 *
 * `damaged`: rows were set aside; what survives is served, and equal sets with any peer prove that nothing is missing (`repairs.ts`).
 * `failed`: something threw over it; it is closed, and tried again after a while (`isolation.ts`).
 */
import type { Catalog } from "./catalog/catalog.ts";
import type { Effect } from "./effect.ts";
import type { ReleaseDocument } from "./event.ts";
import type { Isolation } from "./isolation.ts";
import type { Links } from "./links/links.ts";
import type { Repairs } from "./repairs.ts";
import type { SetTree } from "./set-tree/set-tree.ts";
import type { Store } from "./store.ts";
import { checkDocument } from "./verification/local-check.ts";

/** Documents that are listed; there are counts of the rest. */
const QUARANTINE_LISTED_MAX = 1_000;

export interface QuarantinedDocument {
  readonly name: string;
  readonly reason: "damaged" | "failed";
  /** Undefined: it was found before this process started. */
  readonly sinceMs: number | undefined;
  /** What is damaged, or what was thrown. */
  readonly detail: string;
  /** `comparing`: with a linked peer, until the sets are equal. `waiting`: for a link to a peer. `retrying`: at `retryAtMs`. */
  readonly healing: "comparing" | "waiting" | "retrying";
  readonly retryAtMs: number | undefined;
}

export interface QuarantineParts {
  readonly store: Store;
  readonly tree: SetTree;
  readonly catalog: Catalog;
  readonly isolation: Isolation;
  readonly repairs: Repairs;
  readonly links: Links;
  readonly emit: (effect: Effect) => void;
}

export class Quarantine {
  readonly #parts: QuarantineParts;

  constructor(parts: QuarantineParts) {
    this.#parts = parts;
  }

  list(now: number): QuarantinedDocument[] {
    const { store, isolation, repairs, links } = this.#parts;
    const failed = isolation.list(now);
    const names = new Set(failed.map(({ name }) => name));
    const healing = links.open().some(({ feedsUs }) => feedsUs) ? "comparing" : "waiting";
    const damaged = store.listQuarantined(QUARANTINE_LISTED_MAX).filter((name) => !names.has(name));
    return [
      ...failed.map(
        ({ name, sinceMs, untilMs, detail }) =>
          ({ name, reason: "failed", sinceMs, detail, healing: "retrying", retryAtMs: untilMs }) as const,
      ),
      ...damaged.map((name) => {
        const { sinceMs, detail = "a damaged row was set aside" } = repairs.found.get(name) ?? {};
        return { name, reason: "damaged", sinceMs, detail, healing, retryAtMs: undefined } as const;
      }),
    ];
  }

  /** Documents that are closed and not counted by the store. */
  failed(now: number): number {
    return this.#parts.isolation.list(now).length;
  }

  /** Call when nothing is staged. */
  release({ request, name }: ReleaseDocument, now: number): void {
    this.#parts.emit({ type: "released", request, ...this.#release(name, now) });
  }

  #release(name: string, now: number): { readonly outcome: "released" | "kept" | "none"; readonly detail: string } {
    const { store, isolation, catalog } = this.#parts;
    const wasClosed = isolation.closed(name, now) !== undefined;
    const known = store.readDocument(name);
    if (!wasClosed && known?.quarantined !== true) return { outcome: "none", detail: "it is not in quarantine" };
    isolation.open(name);
    // What memory holds of it may be what is wrong: everything is read anew.
    catalog.evict(name);
    let fault: string | undefined;
    const opened = isolation.guard(name, now, () => (fault = this.#mend(name, now)));
    if (!opened) fault = isolation.closed(name, now)?.detail ?? "it failed again";
    if (fault !== undefined) return { outcome: "kept", detail: fault };
    return { outcome: "released", detail: wasClosed ? "its rows are sound" : "what survives is sound" };
  }

  /** Reads a document anew and takes the mark from it. Returns what stands against that. */
  #mend(name: string, now: number): string | undefined {
    const { store, tree, catalog, repairs } = this.#parts;
    const entry = catalog.entry(name, now);
    const fault = (): string | undefined => {
      const row = store.readDocument(name);
      return row === undefined
        ? undefined
        : checkDocument(store, tree, catalog.key, { ...row, quarantined: false })?.what;
    };
    const damage = fault();
    if (damage !== undefined) {
      if (!catalog.rebuild(entry, damage)) return `${damage}; there is no room to record what survives`;
      const left = fault();
      if (left !== undefined) return left;
    }
    if (store.readDocument(name)?.quarantined !== true) return undefined;
    return repairs.release(name, now) ? undefined : "there is no room to record that it is whole";
  }
}
