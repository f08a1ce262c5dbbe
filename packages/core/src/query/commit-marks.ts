/**
 * When what was committed: tells how old a projection is, or was, that holds everything through a sequence.
 *
 * A mark says that the commits from its sequence up to the next mark's happened at its time or up to COMMIT_MARK_MS later. So the
 * age that is told is never less than the true one.
 */
import type { ArrivalSequence } from "@yarrow/replica";
import { COMMIT_MARKS_MAX, COMMIT_MARK_MS, QUERY_TIMEOUT_MAX_MS } from "./query-limits.ts";

interface Mark {
  readonly first: ArrivalSequence;
  readonly atMs: number;
}

export class CommitMarks {
  #marks: Mark[] = [];
  #last: ArrivalSequence;

  /** Everything through `projected` is in the projection; what came after, through `last`, counts as committed now. */
  constructor(last: ArrivalSequence, projected: ArrivalSequence, nowMs: number) {
    this.#last = last;
    if (projected < last) this.#marks.push({ first: projected + 1, atMs: nowMs });
  }

  /** Everything through `sequence` is committed. Says whether that is news. */
  committed(sequence: ArrivalSequence, nowMs: number): boolean {
    if (sequence <= this.#last) return false;
    const newest = this.#marks.at(-1);
    if (newest === undefined || nowMs - newest.atMs >= COMMIT_MARK_MS) {
      this.#marks.push({ first: this.#last + 1, atMs: nowMs });
      // Of two neighbours the earlier time holds for both.
      if (this.#marks.length > COMMIT_MARKS_MAX) this.#marks = this.#marks.filter((_, index) => index % 2 === 0);
    }
    this.#last = sequence;
    return true;
  }

  /** Everything through `sequence` is in the projection. What a query that runs may still ask about is kept. */
  projected(sequence: ArrivalSequence, nowMs: number): void {
    const kept = this.#marks.findIndex(({ first }, index) => {
      const next = this.#marks[index + 1];
      const isProjected = (next?.first ?? this.#last + 1) <= sequence + 1 && first <= sequence;
      return !isProjected || (next?.atMs ?? nowMs) > nowMs - QUERY_TIMEOUT_MAX_MS;
    });
    this.#marks = kept === -1 ? [] : this.#marks.slice(kept);
  }

  /** How long ago something was committed that a projection through `sequence` lacks; 0 when it lacks nothing. */
  lagMs(sequence: ArrivalSequence, nowMs: number): number {
    if (sequence >= this.#last) return 0;
    const mark = this.#marks.findLast(({ first }) => first <= sequence + 1) ?? this.#marks[0];
    return mark === undefined ? 0 : Math.max(0, nowMs - mark.atMs);
  }
}
