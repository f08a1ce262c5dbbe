/**
 * Keeps opening a document cheap and the log within its window.
 *
 * A *head* snapshot holds everything through a sequence, so that opening reads it and the short tail after it. A *base*
 * snapshot holds what came before the oldest row that is kept, so that the past can be replayed. Rows go only after a
 * snapshot that covers them is committed.
 *
 * Snapshots are this replica's own business and change no fingerprint: the delete set of each is the lattice's.
 */
import { assert } from "@yarrow/protocol";
import type { ReplicaConfig } from "../config.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Encoder } from "../catalog/encoder.ts";
import type { Entry } from "../catalog/entry.ts";
import { readRows } from "../catalog/entry-loader.ts";
import { encodeFence } from "../document/fence.ts";
import type { Effect } from "../effect.ts";
import type { RequestId } from "../event.ts";
import type { ArrivalSequence, DocumentRow, SnapshotRow, Store } from "../store.ts";
import { StoreFullError } from "../store.ts";
import type { Workbench } from "../workbench.ts";
import { Gathering } from "./gathering.ts";
import { Retirement } from "./retirement.ts";

interface FullCompaction {
  readonly request: RequestId;
  after: string;
  documents: number;
  bytesBefore: number;
  bytesAfter: number;
  underway: number;
  listed: boolean;
}

export interface CompactorParts {
  readonly config: ReplicaConfig;
  readonly store: Store;
  readonly catalog: Catalog;
  readonly encoder: Encoder;
  readonly workbench: Workbench;
  readonly random: () => number;
  readonly emit: (effect: Effect) => void;
}

/** Documents of a full compaction that are under way at once. */
const AT_ONCE = 8;
/** How far apart the peers of a set begin, as a part of the bound: the same rows would make all of them busy at the same moment. */
const TAIL_SPREAD = 0.5;
/** Log rows read in one step: some milliseconds. */
const ROWS_PER_WAKE = 512;

export class Compactor {
  readonly #parts: CompactorParts;
  readonly #full: FullCompaction[] = [];
  /** Documents whose tail has outgrown their head, first come first; names only, for each holds its bytes while under way. */
  readonly #due = new Set<string>();
  /** Whose rows are being read, the first of them now. */
  readonly #gathering: Gathering[] = [];
  readonly #retirement: Retirement;
  readonly #tailBytesMax: number;
  #underway = 0;

  constructor(parts: CompactorParts) {
    this.#parts = parts;
    this.#tailBytesMax = parts.config.compactTailBytes * (1 + TAIL_SPREAD * parts.random());
    this.#retirement = new Retirement({
      ...parts,
      compact: (entry) => this.compact(entry, () => {}),
      writeCheckpoint: (entry, row) => this.#writeCheckpoint(entry, row),
      attempt,
    });
  }

  /** Puts a document in line when its tail has outgrown its head. */
  consider(entry: Entry): void {
    if (this.#isDue(entry)) this.#due.add(entry.name);
  }

  /** Compacts one document; `done` tells its stored bytes before and after. Call when nothing is staged. */
  compact(entry: Entry, done: (before: number, after: number) => void): void {
    const { row } = entry;
    if (row === undefined || !entry.alive || entry.compacting || row.tailBytes === 0) return done(0, 0);
    entry.compacting = true;
    this.#underway++;
    this.#gathering.push(new Gathering(entry, done));
  }

  /** Compacts every document that has a tail, from the next `wake` on. */
  compactAll(request: RequestId): void {
    this.#full.push({
      request,
      after: "",
      documents: 0,
      bytesBefore: 0,
      bytesAfter: 0,
      underway: 0,
      listed: false,
    });
  }

  get busy(): boolean {
    return this.#full.length > 0;
  }

  /** At once, while there is something to read or to begin; what a worker does ends with an event. */
  nextDeadline(): number {
    const [full] = this.#full;
    const begins = full !== undefined && (full.listed ? full.underway === 0 : full.underway < AT_ONCE);
    return begins || this.#gathering.length > 0 ? 0 : Number.POSITIVE_INFINITY;
  }

  /** Goes on with what is in line, and with full compactions. Call when nothing is staged. */
  wake(now: number): void {
    for (const name of this.#due) {
      if (this.#underway >= AT_ONCE) break;
      this.#due.delete(name);
      const entry = this.#parts.catalog.entry(name, now);
      if (this.#isDue(entry)) this.compact(entry, () => {});
    }
    const [full] = this.#full;
    let rows = ROWS_PER_WAKE;
    for (let read = 1; read > 0 && rows > 0; rows -= read) read = this.#beginPage(full, now) + this.#gather(rows, now);
    if (full === undefined || !full.listed || full.underway > 0) return;
    this.#full.shift();
    const { request, documents, bytesBefore, bytesAfter } = full;
    this.#parts.emit({ type: "compacted", request, documents, bytesBefore, bytesAfter });
  }

  /** Reads for whoever is first in line; returns what that cost in rows, 0 when nobody waits. */
  #gather(rowsMax: number, now: number): number {
    const [gathering] = this.#gathering;
    if (gathering === undefined) return 0;
    const { catalog, encoder, store } = this.#parts;
    const entry = catalog.entry(gathering.entry.name, now);
    const before = gathering.parts.length;
    const progress = gathering.isOf(entry) ? gathering.read(store, rowsMax) : "lost";
    if (progress === "more") return rowsMax;
    this.#gathering.shift();
    if (progress === "done") this.#send(gathering);
    else {
      // Finds the damage again, and rebuilds the entry.
      if (progress === "damaged") encoder.parts(entry, { whole: true });
      this.#end(gathering.entry);
      gathering.done(0, 0);
    }
    return 1 + gathering.parts.length - before;
  }

  #send({ entry, parts, done }: Gathering): void {
    const { name, row, incarnation, lattice } = entry;
    assert(row !== undefined, "what was gathered is stored");
    const before = row.headBytes + row.tailBytes;
    const sequence = row.lastSequence;
    const stateVector = lattice.encodeStateVector();
    const deleteSet = lattice.encodeDeleteSet();
    this.#parts.workbench.run(
      () => ({ kind: "compact", parts, deleteSet }),
      (result, now) => {
        this.#end(entry);
        if (result.kind !== "compact") return done(before, before);
        const after = this.#install(name, incarnation, sequence, stateVector, result.snapshot, now);
        done(before, after ?? before);
      },
    );
  }

  #end(entry: Entry): void {
    entry.compacting = false;
    this.#underway--;
  }

  /** Returns how many documents were looked at; 0 while enough are under way, and when there are no more. */
  #beginPage(full: FullCompaction | undefined, now: number): number {
    if (full === undefined || full.listed || full.underway >= AT_ONCE) return 0;
    const rows = this.#parts.store.listDocuments({ after: full.after, limit: AT_ONCE, include: "alive" });
    full.listed = rows.length < AT_ONCE;
    for (const row of rows) {
      full.after = row.name;
      if (row.tailBytes === 0) continue;
      full.underway++;
      this.compact(this.#parts.catalog.entry(row.name, now), (before, after) => {
        full.underway--;
        full.bytesBefore += before;
        full.bytesAfter += after;
        if (before > 0) full.documents++;
      });
    }
    return rows.length;
  }

  /** Returns the stored bytes afterwards, or undefined when it came too late or found no room. */
  #install(
    name: string,
    incarnation: number,
    sequence: ArrivalSequence,
    stateVector: Uint8Array,
    snapshot: Uint8Array,
    now: number,
  ): number | undefined {
    const { store, catalog, emit } = this.#parts;
    const entry = catalog.entry(name, now);
    const { row } = entry;
    if (row === undefined || entry.incarnation !== incarnation) return undefined;
    // An older snapshot must not take the place of a newer one: rows between the two may be gone.
    const before = store.readSnapshot(row.id, incarnation, "head");
    if ((before?.sequence ?? 0) >= sequence) return undefined;
    let tailBytes = 0;
    for (const logRow of readRows(store, row, incarnation, sequence)) {
      for (const segment of logRow.segments ?? []) tailBytes += segment.update.length;
    }
    const written = { ...row, headBytes: snapshot.length, tailBytes };
    const saved = attempt(() =>
      store.transaction(() => {
        const head = { document: row.id, incarnation, kind: "head", sequence, stateVector, update: snapshot } as const;
        this.#keepPast(row, incarnation, sequence, before);
        store.writeSnapshot(head);
        this.#writeCheckpoint(entry, row);
        this.#writeRow(entry, written);
      }),
    );
    if (!saved) return undefined;
    entry.row = written;
    const bytesBefore = row.headBytes + row.tailBytes;
    emit({
      type: "observe",
      fact: { kind: "compacted", name, bytesBefore, bytesAfter: snapshot.length + tailBytes },
    });
    return snapshot.length + tailBytes;
  }

  /** Moves what has left the history window into the base snapshot: see {@link Retirement.retire}. */
  retire(entry: Entry, arrivedBeforeMs: number): boolean {
    return this.#retirement.retire(entry, arrivedBeforeMs);
  }

  /** Keeps the past whole when a head takes the place of another. */
  #keepPast(row: DocumentRow, incarnation: number, sequence: ArrivalSequence, before: SnapshotRow | undefined): void {
    const { store, config } = this.#parts;
    if (config.historyMs === 0) {
      // Rows go here, so that a base would be followed by a gap.
      store.deleteSnapshot(row.id, incarnation, "base");
      store.deleteLog(row.id, incarnation, sequence);
      return;
    }
    if (before?.update === undefined || before.stateVector === undefined) return;
    if (store.readSnapshot(row.id, incarnation, "base") !== undefined) return;
    const [oldest] = store.readLog(row.id, incarnation, 0, 1);
    // The rows of the old head were not kept, as long as there was no history: it is what the past begins with.
    const kept = oldest !== undefined && oldest.sequence <= before.sequence;
    if (!kept) store.writeSnapshot({ ...before, kind: "base", update: before.update, stateVector: before.stateVector });
  }

  #writeCheckpoint(entry: Entry, row: DocumentRow): void {
    this.#parts.store.writeCheckpoint(row.id, { sequence: row.lastSequence, lattice: entry.lattice.encode() });
    entry.checkpointSequence = row.lastSequence;
    entry.uncheckedBytes = 0;
  }

  #writeRow(entry: Entry, row: DocumentRow): void {
    this.#parts.store.writeDocument({ ...row, fence: encodeFence(entry.fence) });
  }

  #isDue({ row }: Entry): boolean {
    if (row === undefined) return false;
    return row.tailBytes > this.#tailBytesMax && row.tailBytes > row.headBytes / 2;
  }
}

/** Compaction can wait for room on the disk; everything else must not be hidden. */
function attempt(write: () => void): boolean {
  try {
    write();
    return true;
  } catch (error) {
    if (error instanceof StoreFullError) return false;
    throw error;
  }
}
