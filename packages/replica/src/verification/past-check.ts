/**
 * Reads what serves the past alone: log rows that a head snapshot covers, rows and snapshots of incarnations that ended, and bases. No
 * reader of a document comes by there, so damage would show only on the day somebody asks for that past.
 *
 * 1. What is damaged stays in its place, unreadable: that is how the past knows of its gap. Nothing of today is read from there, so
 *    the document is neither rebuilt nor quarantined, and its fingerprint stays. It goes when it leaves the history window.
 * 2. It is told once; again after a restart, or when more is damaged than is remembered.
 * 3. A step reads a bounded number of bytes, and one row or snapshot more.
 */
import type { DocumentKey, Incarnation } from "@yarrow/protocol";
import type { Effect } from "../effect.ts";
import type { ArrivalSequence, ChangeRow, SnapshotKind, Store } from "../store.ts";

/** What one step may read. */
const STEP_BYTES = 1024 * 1024;
/** What looking at a row costs beside its bytes; bounds the number of rows of a step. */
const ROW_BYTES = 1024;
const ROWS_PER_READ = 64;
const DOCUMENTS_PER_READ = 64;
/** Rows and snapshots whose damage is remembered as told. */
const TOLD_MAX = 10_000;

export interface PastDamage {
  readonly name: string;
  /** For people. */
  readonly what: string;
}

interface Looked {
  readonly bytes: number;
  readonly damage: PastDamage | undefined;
}

/** One walk through the past of all documents, as it was when the walk began. */
export class PastWalk {
  readonly #steps: Iterator<Looked>;
  readonly #tell: (damage: PastDamage) => void;
  readonly found: PastDamage[] = [];
  done = false;

  constructor(store: Store, tell: (damage: PastDamage) => void) {
    this.#steps = walk(store);
    this.#tell = tell;
  }

  /** Reads on. Call when nothing is staged. */
  step(): void {
    for (let bytes = 0; bytes < STEP_BYTES;) {
      const next = this.#steps.next();
      if (next.done === true) {
        this.done = true;
        return;
      }
      const { damage } = next.value;
      bytes += next.value.bytes + ROW_BYTES;
      if (damage === undefined) continue;
      this.found.push(damage);
      this.#tell(damage);
    }
  }
}

/** Starts walks, and tells each damage once. */
export class PastCheck {
  readonly #store: Store;
  readonly #emit: (effect: Effect) => void;
  readonly #told = new Set<string>();

  constructor(store: Store, emit: (effect: Effect) => void) {
    this.#store = store;
    this.#emit = emit;
  }

  walk(): PastWalk {
    return new PastWalk(this.#store, ({ name, what }) => {
      const key = `${what} ${name}`;
      if (this.#told.has(key)) return;
      if (this.#told.size >= TOLD_MAX) this.#told.clear();
      this.#told.add(key);
      this.#emit({ type: "observe", fact: { kind: "past-damaged", name, detail: what } });
    });
  }
}

/** Nothing is held between two reads but a place, so that rows may come and go meanwhile. */
function* walk(store: Store): Generator<Looked, void, undefined> {
  yield* walkLog(store, store.lastSequence());
  yield* walkSnapshots(store);
}

function* walkLog(store: Store, through: ArrivalSequence): Generator<Looked, void, undefined> {
  for (let after: ArrivalSequence = 0; ;) {
    const rows = store.readChanges(after, ROWS_PER_READ);
    for (const row of rows) {
      if (row.sequence > through) return;
      const damaged = row.segments === undefined && isPast(store, row);
      const damage = damaged ? { name: row.name, what: `log row ${row.sequence}` } : undefined;
      let bytes = 0;
      for (const { update } of row.segments ?? []) bytes += update.length;
      yield { bytes, damage };
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < ROWS_PER_READ) return;
    after = last.sequence;
  }
}

/** False for what is read with the living document, and checked with it. */
function isPast(store: Store, { name, incarnation, sequence }: ChangeRow): boolean {
  const row = store.readDocument(name);
  if (row === undefined || row.incarnation !== incarnation) return true;
  const head = store.readSnapshot(row.id, incarnation, "head");
  return head !== undefined && head.sequence >= sequence;
}

function* walkSnapshots(store: Store): Generator<Looked, void, undefined> {
  for (let after: DocumentKey | "" = ""; ;) {
    const page = store.listDocumentsByKey(after, DOCUMENTS_PER_READ);
    for (const row of page) {
      yield look(store, row.id, row.name, row.incarnation, "base");
      let incarnation = store.incarnationBefore(row.id, row.incarnation);
      for (; incarnation > 0; incarnation = store.incarnationBefore(row.id, incarnation)) {
        yield look(store, row.id, row.name, incarnation, "base");
        yield look(store, row.id, row.name, incarnation, "head");
      }
    }
    const last = page.at(-1);
    if (last === undefined || page.length < DOCUMENTS_PER_READ) return;
    after = last.key;
  }
}

function look(store: Store, document: number, name: string, incarnation: Incarnation, kind: SnapshotKind): Looked {
  const snapshot = store.readSnapshot(document, incarnation, kind);
  if (snapshot === undefined) return { bytes: 0, damage: undefined };
  const sound = snapshot.update !== undefined && snapshot.stateVector !== undefined;
  const what = `${kind} snapshot of incarnation ${incarnation}, through row ${snapshot.sequence}`;
  return { bytes: snapshot.update?.length ?? 0, damage: sound ? undefined : { name, what } };
}
