/**
 * Keeps the failure of one document from being the failure of the peer: what throws while a document is staged, committed or shown
 * closes that document for a while, and nothing else. Its staged change is dropped, its memory is let go, and its rows are the
 * truth when it is opened again. (Why this is safe, and where it ends: docs/decisions/0014-isolation.md.)
 *
 * Invariants
 * 1. A closed document stages nothing and answers nobody.
 * 2. A failed disk is no document's failure, and neither is what fails in many documents at once: those end the process.
 */
import { YarrowError } from "@yarrow/protocol";
import type { Catalog } from "./catalog/catalog.ts";
import { StoreFailedError } from "./store.ts";

/** How long a document stays closed before it is tried again. */
export const FAILED_RETRY_MS = 60_000;
/** Documents that may be closed at once. When one more fails, it is not the documents that are to blame. */
export const FAILED_DOCUMENTS_MAX = 16;
const DETAIL_LENGTH_MAX = 300;

export interface FailedDocument {
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly detail: string;
}

export class Isolation {
  readonly #catalog: Catalog;
  readonly #failed = new Map<string, FailedDocument>();
  readonly #untold = new Map<string, string>();

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  /** Does what concerns this document alone. Returns false when it is closed, or has just been. */
  guard(name: string, now: number, task: () => void): boolean {
    if (this.closed(name, now) !== undefined) return false;
    try {
      task();
      return true;
    } catch (error) {
      this.close(name, error, now);
      return false;
    }
  }

  /** Why nothing may be done with a document; undefined when it is open. */
  closed(name: string, now: number): FailedDocument | undefined {
    const failed = this.#failed.get(name);
    if (failed === undefined || now < failed.untilMs) return failed;
    this.#failed.delete(name);
    return undefined;
  }

  /** Something of this document has thrown. Throws it on where that is not the document's fault. */
  close(name: string, error: unknown, now: number): void {
    if (error instanceof StoreFailedError) throw error;
    for (const other of [...this.#failed.keys()]) this.closed(other, now);
    if (this.#failed.size >= FAILED_DOCUMENTS_MAX) throw error;
    const detail = describe(error);
    this.#failed.set(name, { sinceMs: now, untilMs: now + FAILED_RETRY_MS, detail });
    this.#untold.set(name, detail);
    this.#catalog.fail(name, asRefusal(name, error));
  }

  /** Opens a document again before its time. */
  open(name: string): void {
    this.#failed.delete(name);
  }

  list(now: number): (FailedDocument & { readonly name: string })[] {
    return [...this.#failed.keys()].flatMap((name) => {
      const failed = this.closed(name, now);
      return failed === undefined ? [] : [{ name, ...failed }];
    });
  }

  /** Those who look at such documents are still to be let go. */
  get hasUntold(): boolean {
    return this.#untold.size > 0;
  }

  /** What was closed since the last call. */
  takeUntold(): ReadonlyMap<string, string> {
    const untold = new Map(this.#untold);
    this.#untold.clear();
    return untold;
  }
}

/** How a failure that is no operating error reaches those who wrote. */
export function asRefusal(name: string, error: unknown): YarrowError {
  return new YarrowError("YARROW_DOCUMENT_QUARANTINED", `${JSON.stringify(name)} failed: ${describe(error)}`, {
    cause: error,
  });
}

function describe(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.slice(0, DETAIL_LENGTH_MAX);
}
