/** An instant of which nothing is known any more. */
import { YarrowError } from "@yarrow/protocol";

export class HistoryGoneError extends YarrowError {
  override readonly name = "HistoryGoneError";
  /** The oldest instant that can be told; an invalid date where none can. */
  readonly since: Date;
  constructor(atMs: number, sinceMs: number) {
    const since = new Date(sinceMs);
    super(
      "YARROW_HISTORY_GONE",
      `${formatInstant(atMs)} is before what is kept: the past can be told from ${formatInstant(sinceMs)} on`,
      {
        hint: "Keep a longer window with --history (option historyMs), here or on a follower, or look into a backup of that time.",
      },
    );
    this.since = since;
  }
}

export function formatInstant(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? "no instant" : date.toISOString();
}
