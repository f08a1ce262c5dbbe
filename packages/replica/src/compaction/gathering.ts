/**
 * Reads what a document consists of for its compaction, a bounded number of rows at a time: a long tail of small rows takes
 * longer to read than the loop may be held.
 *
 * What it reads stays true while it goes on: rows behind the head are only added to, as long as the document keeps its
 * incarnation and is not rebuilt.
 */
import { assert } from "@yarrow/protocol";
import type { Entry } from "../catalog/entry.ts";
import type { Lattice } from "../document/lattice.ts";
import type { ArrivalSequence, Store } from "../store.ts";

type Progress = "more" | "done" | "damaged";

export class Gathering {
  readonly entry: Entry;
  /** Tells the bytes stored before and after. */
  readonly done: (before: number, after: number) => void;
  readonly parts: Uint8Array[] = [];
  readonly #incarnation: number;
  readonly #lattice: Lattice;
  #through: ArrivalSequence | undefined;

  constructor(entry: Entry, done: (before: number, after: number) => void) {
    this.entry = entry;
    this.done = done;
    this.#incarnation = entry.incarnation;
    this.#lattice = entry.lattice;
  }

  /** False when the document died, was rebuilt, or was let go of by the cache: what was read is of no use then. */
  isOf(entry: Entry): boolean {
    return entry.incarnation === this.#incarnation && entry.lattice === this.#lattice;
  }

  /** Reads at most so many rows more. Call when nothing is staged. */
  read(store: Store, rowsMax: number): Progress {
    const { row } = this.entry;
    assert(row !== undefined, "only a stored document is compacted");
    if (this.#through === undefined) {
      const head = store.readSnapshot(row.id, this.#incarnation, "head");
      if (head !== undefined && (head.update === undefined || head.stateVector === undefined)) return "damaged";
      if (head?.update !== undefined) this.parts.push(head.update);
      this.#through = head?.sequence ?? 0;
    }
    const rows = store.readLog(row.id, this.#incarnation, this.#through, rowsMax);
    for (const { sequence, segments } of rows) {
      if (segments === undefined) return "damaged";
      for (const { update } of segments) this.parts.push(update);
      this.#through = sequence;
    }
    return rows.length < rowsMax ? "done" : "more";
  }
}
