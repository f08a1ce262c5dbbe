/**
 * The local order of arrival as a feed. A cursor is `epoch.sequence`: the random name of the start of the peer that wrote
 * the row, and the row's place. The pair detects a store that was put back in time: its sequences are given out anew, but
 * under another epoch. Cursors mean nothing on another peer.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { YarrowError, isAlive } from "@yarrow/protocol";
import type { ArrivalSequence, BootRow, ChangeRow, Store } from "@yarrow/replica";
import { FEED_PAGE_ROWS } from "./limits.ts";
import type { Change } from "./peer-api.ts";

export type FeedStore = Pick<Store, "readChanges" | "listBoots" | "lastSequence" | "prunedThrough">;

export class ChangeFeed {
  readonly #store: FeedStore;
  /** Feeds that have seen everything, each with the last sequence that it saw. */
  readonly #waiting = new Map<() => void, ArrivalSequence>();
  #closedBy: Error | undefined;

  constructor(store: FeedStore) {
    this.#store = store;
  }

  /** The cursor of now: a feed that starts from it sees everything that arrives later. */
  cursor(): string {
    const sequence = this.#store.lastSequence();
    return formatCursor(this.#store.listBoots(), sequence);
  }

  /** See `Peer.changes`. The place to start from is taken at the call, not at the first `next`. */
  changes(options: { readonly since?: string; readonly signal?: AbortSignal } = {}): AsyncIterable<Change> {
    const { since, signal } = options;
    const start = since === undefined ? this.#store.lastSequence() : parseCursor(since, this.#store);
    return { [Symbol.asyncIterator]: () => this.#iterate(start, signal) };
  }

  /** Called after every batch; wakes those who wait if anything arrived. */
  wake(): void {
    if (this.#waiting.size === 0) return;
    const last = this.#store.lastSequence();
    for (const [wake, seen] of [...this.#waiting]) if (seen < last) wake();
  }

  close(reason: Error): void {
    this.#closedBy = reason;
    for (const wake of [...this.#waiting.keys()]) wake();
  }

  async *#iterate(start: ArrivalSequence | YarrowError, signal: AbortSignal | undefined): AsyncGenerator<Change, void> {
    if (typeof start !== "number") throw start;
    let after = start;
    for (;;) {
      signal?.throwIfAborted();
      if (this.#closedBy !== undefined) throw this.#closedBy;
      const pruned = this.#store.prunedThrough();
      if (after < pruned) throw cursorLost(formatCursor(this.#store.listBoots(), after), prunedDetail(pruned));
      const rows = this.#store.readChanges(after, FEED_PAGE_ROWS);
      if (rows.length === 0) {
        await this.#arrival(after, signal);
        continue;
      }
      const boots = this.#store.listBoots();
      for (const row of rows) {
        after = row.sequence;
        // A damaged row is skipped: what it held comes again, as a new arrival, from the other peers.
        if (row.segments === undefined) continue;
        yield changeOf(row, boots);
        signal?.throwIfAborted();
      }
      // Neither reading nor, perhaps, the reader waits for anything: without this a long backlog would hold up the whole peer.
      if (rows.length === FEED_PAGE_ROWS) await nextTurn();
    }
  }

  #arrival(after: ArrivalSequence, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      this.#waiting.set(wake, after);
      signal?.addEventListener("abort", wake, { once: true });
    });
  }
}

function changeOf(row: ChangeRow, boots: readonly BootRow[]): Change {
  const segments = row.segments ?? [];
  return {
    cursor: formatCursor(boots, row.sequence),
    name: row.name,
    kind: isAlive(row.incarnation) ? "update" : "delete",
    incarnation: row.incarnation,
    at: new Date(row.arrivedMs),
    updates: segments.map(({ update, principal, source }) => ({ update, principal, source })),
  };
}

/** Boots are listed oldest first. A sequence belongs to the last boot that began at or before it. */
export function formatCursor(boots: readonly BootRow[], sequence: ArrivalSequence): string {
  const boot = boots.findLast(({ firstSequence }) => firstSequence <= sequence) ?? boots[0];
  return `${boot?.epoch ?? ""}.${sequence}`;
}

/** The place of a cursor in this store, or the YARROW_CURSOR_LOST that says why it has none. */
export function parseCursor(cursor: string, store: Omit<FeedStore, "readChanges">): ArrivalSequence | YarrowError {
  const match = /^([0-9a-f]{1,32})\.([0-9]{1,15})$/.exec(cursor);
  const sequence = Number(match?.[2]);
  const boots = store.listBoots();
  const index = boots.findIndex(({ epoch }) => epoch === match?.[1]);
  const boot = boots[index];
  if (match === null || boot === undefined) return cursorLost(cursor, "this store does not know where it comes from");
  // The first boot's cursor may stand before its first row; a later one's belongs to the boot before.
  if (sequence < boot.firstSequence - 1) return cursorLost(cursor, `its epoch began with ${boot.firstSequence}`);
  const next = boots[index + 1];
  const end = next === undefined ? store.lastSequence() : next.firstSequence - 1;
  if (sequence > end)
    return cursorLost(cursor, `its epoch ended with ${end}: the store was put back to an earlier state`);
  const pruned = store.prunedThrough();
  return sequence < pruned ? cursorLost(cursor, prunedDetail(pruned)) : sequence;
}

function prunedDetail(pruned: ArrivalSequence): string {
  return `changes up to ${pruned} have left the history window`;
}

function cursorLost(cursor: string, detail: string): YarrowError {
  return new YarrowError("YARROW_CURSOR_LOST", `cursor ${cursor} cannot be resumed: ${detail}`, {
    hint: "Read all documents again, then follow the changes from a new cursor.",
  });
}
