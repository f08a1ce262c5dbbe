/**
 * Document rows and their fences.
 *
 * A commit rewrites the row of each document it touches, so the usual write changes no indexed column and leaves the fence alone. It
 * goes through only where incarnation, quarantine and size of the fence are what they were; all else takes the long way, which
 * also keeps the totals.
 *
 * A created row goes to the disk with its first write, in the same transaction: that spares two of its indexes being written twice,
 * which is a third of what a new document costs. Nothing is read before it is there. That its key is free is what the index of keys says
 * then: to look before would cost as much again.
 */
import type { DocumentKey } from "@yarrow/protocol";
import { assert, isAlive } from "@yarrow/protocol";
import type { DocumentId, DocumentRow, DocumentsQuery } from "@yarrow/replica";
import { KeyTakenError, compareNames, endOfPrefix } from "@yarrow/replica";
import { checked, checksumOf, foldPlace, plain } from "./checksum.ts";
import type { Connection } from "./connection.ts";
import { DocumentStatements } from "./document-statements.ts";
import type { StoredDocument } from "./document-statements.ts";

const NO_BYTES = new Uint8Array(0);
const FINGERPRINT_BYTES = 16;

export class DocumentTable {
  readonly #connection: Connection;
  readonly #statements: DocumentStatements;
  /** Rows that were found damaged: the next write of one mends it, and the totals with it. */
  readonly #unsound = new Set<DocumentId>();
  /** Created in this transaction and not yet on the disk. */
  readonly #created = new Map<DocumentId, DocumentRow & { readonly fence: Uint8Array }>();
  /** The id given out last; undefined while it is not known. */
  #lastId: DocumentId | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#statements = new DocumentStatements(connection);
    connection.join({
      begun: () => {},
      beforeCommit: () => this.#settle(),
      rolledBack: () => {
        this.#created.clear();
        this.#lastId = undefined;
      },
    });
  }

  create(name: string, key: DocumentKey): DocumentRow {
    const statements = this.#statements;
    assert(this.#connection.open, "a store is written inside a transaction only");
    // Rows are written as they are created; several that are not are rare.
    if (this.#created.size > 0) this.#settle();
    const created = {
      name,
      key,
      incarnation: 0,
      fence: NO_BYTES,
      fingerprint: new Uint8Array(FINGERPRINT_BYTES),
      lastSequence: 0,
      lastArrivalMs: 0,
      tailBytes: 0,
      headBytes: 0,
      quarantined: false,
    };
    // The id is part of the row's place, but only the insert tells it: documents are never removed, so it is the next one.
    const row = { id: (this.#lastId ?? statements.lastId.get()?.[0] ?? 0) + 1, ...created };
    this.#lastId = row.id;
    this.#created.set(row.id, row);
    return row;
  }

  read(name: string): DocumentRow | undefined {
    this.#settle();
    const stored = this.#statements.readByName.get(name);
    return stored && this.#rowOf(stored);
  }

  readByKey(key: DocumentKey): DocumentRow | undefined {
    this.#settle();
    const stored = this.#statements.readByKey.get(Buffer.from(key, "hex"));
    return stored && this.#rowOf(stored);
  }

  write(row: DocumentRow & { readonly fence: Uint8Array }): void {
    if (this.#unsound.has(row.id)) return this.#writeAll(row);
    const created = this.#created.get(row.id);
    if (created !== undefined) return this.#insert({ ...row, name: created.name, key: created.key });
    const fenceBytes = row.fence.length;
    const changed = this.#statements.update.run(
      row.fingerprint,
      row.lastSequence,
      row.lastArrivalMs,
      row.tailBytes,
      row.headBytes,
      checksumOfRow(row, fenceBytes),
      row.id,
      row.incarnation,
      row.quarantined ? 1 : 0,
      fenceBytes,
    );
    if (changed === 0) this.#writeAll(row);
    else if (fenceBytes > 0) this.#writeFence(row.id, row.fence);
  }

  list(query: DocumentsQuery): DocumentRow[] {
    this.#settle();
    const prefix = query.prefix ?? "";
    // A page begins with the prefix itself, or after a name that lies within or behind it.
    const from = query.after !== undefined && compareNames(query.after, prefix) >= 0 ? query.after : undefined;
    const end = endOfPrefix(prefix);
    const statement = this.#statements.list(query.include, from === undefined ? "from" : "after", end !== undefined);
    const bounds = end === undefined ? [from ?? prefix] : [from ?? prefix, end];
    return statement.all(...bounds, query.limit).map((row) => this.#rowOf(row));
  }

  listByKey(after: DocumentKey | "", limit: number): DocumentRow[] {
    this.#settle();
    // Any key sorts after no bytes.
    const stored = this.#statements.listByKey.all(Buffer.from(after, "hex"), limit);
    return stored.map((row) => this.#rowOf(row));
  }

  listQuarantined(limit: number): string[] {
    return this.#statements.listQuarantined.all(limit).map(([name]) => name);
  }

  /** Puts a created row on the disk. */
  #insert(row: DocumentRow & { readonly fence: Uint8Array }): void {
    this.#created.delete(row.id);
    const fenceBytes = row.fence.length;
    this.#insertRow(row, fenceBytes);
    if (fenceBytes > 0) this.#writeFence(row.id, row.fence);
    this.#count(row, 1);
  }

  #insertRow(row: DocumentRow, fenceBytes: number): void {
    const inserted = this.#statements.insert.runUnlessTaken(
      row.id,
      row.name,
      Buffer.from(row.key, "hex"),
      row.incarnation,
      row.fingerprint,
      row.lastSequence,
      row.lastArrivalMs,
      row.tailBytes,
      row.headBytes,
      row.quarantined ? 1 : 0,
      fenceBytes,
      checksumOfRow(row, fenceBytes),
    );
    if (inserted) return;
    assert(this.#statements.readByName.get(row.name) === undefined, "a document is created once");
    throw new KeyTakenError(row.key);
  }

  /** Created rows that were not written go to the disk as they are. */
  #settle(): void {
    for (const row of this.#created.values()) this.#insert(row);
  }

  #writeAll(row: DocumentRow & { readonly fence: Uint8Array }): void {
    const { readById, updateAll, deleteFence, insertEnded } = this.#statements;
    const stored = readById.get(row.id);
    assert(stored !== undefined, "only a created document is written");
    const fenceBytes = row.fence.length;
    updateAll.run(
      row.fingerprint,
      row.lastSequence,
      row.lastArrivalMs,
      row.tailBytes,
      row.headBytes,
      checksumOfRow(row, fenceBytes),
      row.incarnation,
      row.quarantined ? 1 : 0,
      fenceBytes,
      row.id,
    );
    if (fenceBytes === 0) deleteFence.run(row.id);
    else this.#writeFence(row.id, row.fence);
    const before = toRow(stored, undefined);
    this.#unsound.delete(row.id);
    if (!isSound(before, stored)) return this.#connection.totals.recountDocuments();
    this.#count(before, -1);
    this.#count(row, 1);
    if (isAlive(before.incarnation) && row.incarnation > before.incarnation) {
      insertEnded.run(row.id, before.incarnation, row.lastArrivalMs);
    }
  }

  #count(row: DocumentRow, by: 1 | -1): void {
    const { totals } = this.#connection;
    // Incarnation 0 was never alive: it is neither.
    if (row.incarnation > 0) totals.add(isAlive(row.incarnation) ? "alive" : "deleted", by);
    if (row.quarantined) totals.add("quarantined", by);
  }

  #writeFence(document: DocumentId, ids: Uint8Array): void {
    const stored = this.#statements.readFence.get(document);
    if (stored !== undefined && Buffer.compare(stored[0], ids) === 0) return;
    this.#statements.writeFence.run(document, ids, checksumOf(ids, document));
  }

  #rowOf(stored: StoredDocument): DocumentRow {
    const [id, , , , , , , , , , fenceBytes] = stored;
    const row = toRow(stored, fenceBytes === 0 ? NO_BYTES : this.#readFence(id));
    return isSound(row, stored) ? row : this.#recover(row);
  }

  #readFence(document: DocumentId): Uint8Array | undefined {
    const stored = this.#statements.readFence.get(document);
    return stored && checked(stored[0], stored[1], document);
  }

  /**
   * A row whose own numbers cannot be believed. A wrong incarnation would spread and end the document everywhere, so it is
   * taken from the log and the snapshots; the fingerprint is zero, and the quarantine makes the replica compute it anew.
   */
  #recover(row: DocumentRow): DocumentRow {
    this.#unsound.add(row.id);
    const [incarnation, lastSequence, lastArrivalMs] = this.#statements.recover.get({ document: row.id }) ?? [0, 0, 0];
    const [tailBytes, headBytes] = this.#statements.recoverBytes.get({ document: row.id, incarnation }) ?? [0, 0];
    return {
      ...row,
      incarnation,
      fence: this.#readFence(row.id) ?? NO_BYTES,
      fingerprint: new Uint8Array(FINGERPRINT_BYTES),
      lastSequence,
      lastArrivalMs,
      tailBytes,
      headBytes,
      quarantined: true,
    };
  }
}

function toRow(stored: StoredDocument, fence: Uint8Array | undefined): DocumentRow {
  const [id, name, key, incarnation, fingerprint, lastSequence, lastArrivalMs, tailBytes, headBytes, quarantined] =
    stored;
  return {
    id,
    name,
    key: key.toString("hex") as DocumentKey,
    incarnation,
    fence,
    fingerprint: plain(fingerprint),
    lastSequence,
    lastArrivalMs,
    tailBytes,
    headBytes,
    quarantined: quarantined !== 0,
  };
}

/** Whether a row's numbers and fingerprint are the ones that were written. */
export function isSoundDocument(stored: StoredDocument): boolean {
  return isSound(toRow(stored, undefined), stored);
}

function isSound(row: DocumentRow, stored: StoredDocument): boolean {
  const [, , , , , , , , , , fenceBytes, checksum] = stored;
  return checksumOfRow(row, fenceBytes) === checksum;
}

/** Over the whole row but name and key, of which one is the hash of the other. */
function checksumOfRow(row: DocumentRow, fenceBytes: number): number {
  let place = foldPlace(row.id, row.incarnation);
  place = foldPlace(place, row.lastSequence);
  place = foldPlace(place, row.lastArrivalMs);
  place = foldPlace(place, row.tailBytes);
  place = foldPlace(place, row.headBytes);
  place = foldPlace(place, fenceBytes * 2 + (row.quarantined ? 1 : 0));
  return checksumOf(row.fingerprint, place);
}
