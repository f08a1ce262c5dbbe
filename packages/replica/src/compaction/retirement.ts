/**
 * Moves what has left the history window from the log into the *base* snapshot, from which the past is replayed.
 *
 * 1. Rows go in the transaction that writes the base which holds them, and only where a readable head covers them too.
 * 2. A base holds every row through its sequence, whole. One that was damaged is not rebuilt from less: the past then begins at
 *    the head, and the rows between the two are of no use to it.
 * 3. One retirement of a document is under way at a time. A large one is merged by a worker; what it brings back is kept only
 *    where the document stands as it stood: same incarnation, same base, its head still there.
 */
import type { Incarnation } from "@yarrow/protocol";
import type { Catalog } from "../catalog/catalog.ts";
import type { Entry } from "../catalog/entry.ts";
import type { ReplicaConfig } from "../config.ts";
import { doWork } from "../document/do-work.ts";
import { EMPTY_UPDATE } from "../document/merge.ts";
import type { ArrivalSequence, DocumentRow, SnapshotRow, Store } from "../store.ts";
import type { MergeWork, WorkResult } from "../work.ts";
import type { Workbench } from "../workbench.ts";

/** Rows that one retirement of a document moves: some milliseconds to read. */
const ROWS_AT_ONCE = 1_000;

export interface RetirementParts {
  readonly config: ReplicaConfig;
  readonly store: Store;
  readonly catalog: Catalog;
  readonly workbench: Workbench;
  /** Asks for a head that covers everything. */
  readonly compact: (entry: Entry) => void;
  /** Writes the lattice as it is, so that no row is needed for it. */
  readonly writeCheckpoint: (entry: Entry, row: DocumentRow) => void;
  /** Returns false when there was no room. */
  readonly attempt: (write: () => void) => boolean;
}

/** What is to be retired of one document. */
interface Task {
  readonly name: string;
  readonly row: DocumentRow;
  readonly incarnation: Incarnation;
  readonly after: ArrivalSequence;
  readonly through: ArrivalSequence;
}

export class Retirement {
  readonly #parts: RetirementParts;
  readonly #underway = new Set<string>();

  constructor(parts: RetirementParts) {
    this.#parts = parts;
  }

  /** Returns true when there is more to retire of it as soon as this is done. Call when nothing is staged. */
  retire(entry: Entry, arrivedBeforeMs: number): boolean {
    const { store, config, workbench } = this.#parts;
    const { row, incarnation, name } = entry;
    if (this.#underway.has(name)) return true;
    if (row === undefined || !entry.alive) return false;
    const due = store.lastSequenceBefore(row.id, incarnation, arrivedBeforeMs);
    if (due === 0) return false;
    const head = store.readSnapshot(row.id, incarnation, "head");
    if (head?.update === undefined || head.sequence < due) {
      this.#parts.compact(entry);
      return false;
    }
    const base = store.readSnapshot(row.id, incarnation, "base");
    const whole = { name, row, incarnation, after: base?.sequence ?? 0, through: due };
    if (whole.after >= due) {
      this.#cut(entry, whole);
      return false;
    }
    const gathered = this.#gather(whole, base);
    if (gathered === undefined) {
      const { sequence, update, stateVector = new Uint8Array([0]) } = head;
      this.#install(whole, sequence, { kind: "merge", update, stateVector }, entry);
      return false;
    }
    const { job, through } = gathered;
    const task = { ...whole, through };
    if (sizeOf(job) <= config.inlineWorkBytes) this.#install(task, through, doWork(job), entry);
    else {
      // A job that must wait in line holds no bytes: it reads them again when its turn comes.
      const held = workbench.hasRoom ? job : undefined;
      const again = (): MergeWork | undefined =>
        this.#gather(task, store.readSnapshot(row.id, incarnation, "base"))?.job;
      this.#underway.add(name);
      workbench.run(
        () => held ?? again() ?? { kind: "merge", parts: [] },
        (result, now) => {
          this.#underway.delete(name);
          this.#install(task, through, result, this.#parts.catalog.entry(name, now));
        },
      );
    }
    return through < due;
  }

  /** A bounded number of rows, and how far they reach. Undefined when some of it is damaged. */
  #gather(
    { row, incarnation, after, through }: Task,
    base: SnapshotRow | undefined,
  ): { readonly job: MergeWork; readonly through: ArrivalSequence } | undefined {
    if (base !== undefined && base.update === undefined) return undefined;
    const parts = base?.update === undefined ? [] : [base.update];
    const rows = this.#parts.store.readLog(row.id, incarnation, after, ROWS_AT_ONCE);
    for (const { sequence, segments } of rows) {
      if (sequence > through) break;
      if (segments === undefined) return undefined;
      for (const segment of segments) parts.push(segment.update);
    }
    const reached = rows.length < ROWS_AT_ONCE ? through : Math.min(through, rows.at(-1)?.sequence ?? through);
    return { job: { kind: "merge", parts }, through: reached };
  }

  #install(task: Task, sequence: ArrivalSequence, result: WorkResult, entry: Entry): void {
    const { store } = this.#parts;
    if (result.kind !== "merge" || result.update.length <= EMPTY_UPDATE.length) return;
    const { update, stateVector } = result;
    const { row } = entry;
    if (row === undefined || entry.incarnation !== task.incarnation) return;
    const head = store.readSnapshot(row.id, entry.incarnation, "head");
    if (head?.update === undefined || head.sequence < task.through) return;
    if ((store.readSnapshot(row.id, entry.incarnation, "base")?.sequence ?? 0) !== task.after) return;
    this.#cut(entry, task, () =>
      store.writeSnapshot({
        document: row.id,
        incarnation: task.incarnation,
        kind: "base",
        sequence,
        stateVector,
        update,
      }),
    );
  }

  #cut(entry: Entry, { row, incarnation, through }: Task, write: () => void = () => {}): void {
    const { store, attempt, writeCheckpoint } = this.#parts;
    attempt(() =>
      store.transaction(() => {
        write();
        writeCheckpoint(entry, entry.row ?? row);
        store.deleteLog(row.id, incarnation, through);
      }),
    );
  }
}

function sizeOf({ parts }: MergeWork): number {
  let bytes = 0;
  for (const part of parts) bytes += part.length;
  return bytes;
}
