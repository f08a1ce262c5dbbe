/**
 * Keeps a projection up to date with a replica, a pass at a time. Pure of threads and timers: `projection-thread.ts` calls it.
 *
 * 1. A pass reads at one moment of the replica, then writes what it read and how far it came in one transaction. So the
 *    projection is always that of a moment, document by document no older than its place says.
 * 2. All changes of a document that a pass sees cost one projection of it.
 * 3. The sweep goes through all documents, besides following the log: to build a projection, and after rows have left the log
 *    unseen. It leaves alone what is projected already, and goes on where it stood when it is interrupted.
 * 4. A document that cannot be projected is recorded with the reason, and stops no other.
 */
import { ReadableDocument } from "@yarrow/replica/content";
import type { ArrivalSequence, DocumentId, ReadableContent } from "@yarrow/replica";
import { formatCursor, parseCursor } from "../change-feed.ts";
import { OpenDocuments } from "./open-documents.ts";
import type { OpenDocument } from "./open-documents.ts";
import type { ProjectionError, ProjectionPlace, ProjectionTable } from "./projection-table.ts";
import {
  PASS_BYTES_MAX,
  PASS_DOCUMENTS_MAX,
  PASS_ROWS_MAX,
  PROJECTED_BODY_LENGTH_MAX,
  PROJECTED_DOCUMENT_BYTES_MAX,
} from "./query-limits.ts";
import type { ReplicaSource, SourceDocument } from "./replica-source.ts";

export interface Pass {
  readonly place: ProjectionPlace;
  /** There is more to do at once. */
  readonly more: boolean;
  /** Documents that this pass wrote or removed. */
  readonly documents: number;
  /** The id of the last document there is: how far a sweep has to go. */
  readonly lastDocument: DocumentId;
}

/** Told which document is worked on, 0 when none is: whoever watches knows which one to blame. */
type Announce = (id: DocumentId) => void;

interface Loaded {
  readonly document: SourceDocument;
  /** What the parts are to be added to; undefined: they are all of it. */
  readonly open: OpenDocument | undefined;
  readonly parts: readonly Uint8Array[] | ProjectionError | "gone";
}

interface Gathered {
  readonly loaded: Map<DocumentId, Loaded>;
  readonly place: ProjectionPlace;
  readonly more: boolean;
  readonly lastDocument: DocumentId;
}

export class Projector {
  readonly #source: ReplicaSource;
  readonly #table: ProjectionTable;
  readonly #open: OpenDocuments;
  /** Documents that have brought a projector down before. */
  readonly #unreadable: ReadonlySet<DocumentId>;
  readonly #announce: Announce;
  readonly #touched = new Set<string>();

  constructor(
    source: ReplicaSource,
    table: ProjectionTable,
    unreadable: Iterable<DocumentId> = [],
    announce: Announce = () => undefined,
    open: OpenDocuments = new OpenDocuments(),
  ) {
    this.#open = open;
    this.#source = source;
    this.#table = table;
    this.#unreadable = new Set(unreadable);
    this.#announce = announce;
  }

  /** A document whose rows changed although nothing arrived: it was repaired. */
  touch(name: string): void {
    this.#touched.add(name);
  }

  /** Begins anew, from the documents' bytes. */
  clear(): void {
    this.#open.clear();
    this.#table.transaction(() => this.#table.clear());
  }

  pass(): Pass {
    const before = this.#place();
    const { loaded, place, more, lastDocument } = this.#source.read(() => this.#gather(before));
    const moved = place.sequence !== before.sequence || place.sweptThrough !== before.sweptThrough;
    if (loaded.size > 0 || moved || before !== this.#table.place) {
      this.#table.transaction(() => {
        for (const each of loaded.values()) this.#project(each);
        this.#table.moveTo(place);
      });
    }
    this.#touched.clear();
    return { place, more, documents: loaded.size, lastDocument };
  }

  /** Where to go on. A place that the replica's history does not know belongs to something else: then from the beginning. */
  #place(): ProjectionPlace {
    const source = this.#source;
    const boots = source.listBoots();
    const sequence = source.lastSequence();
    const start = (): ProjectionPlace => ({ cursor: formatCursor(boots, sequence), sequence, sweptThrough: 0 });
    const { place } = this.#table;
    if (place === undefined) return start();
    const unpruned = {
      listBoots: () => boots,
      lastSequence: () => sequence,
      prunedThrough: () => 0,
    };
    if (typeof parseCursor(place.cursor, unpruned) !== "number") {
      this.clear();
      return start();
    }
    // Rows have left the log unseen: which documents they belonged to is told by the documents only.
    return place.sequence < source.prunedThrough() ? start() : place;
  }

  #gather(before: ProjectionPlace): Gathered {
    const source = this.#source;
    const loaded = new Map<DocumentId, Loaded>();
    const pruned = source.prunedThrough();
    let bytes = 0;
    const full = (): boolean => loaded.size >= PASS_DOCUMENTS_MAX || bytes >= PASS_BYTES_MAX;
    const add = (document: SourceDocument | undefined): void => {
      if (document === undefined || loaded.has(document.id)) return;
      const one = this.#load(document, pruned);
      if (typeof one.parts !== "string") for (const part of one.parts) bytes += part.length;
      loaded.set(document.id, one);
    };
    for (const name of this.#touched) add(source.documentByName(name));
    const changes = source.changes(before.sequence, PASS_ROWS_MAX);
    let sequence = before.sequence;
    let followed = true;
    for (const change of changes) {
      if (full() && !loaded.has(change.document)) {
        followed = false;
        break;
      }
      const document = loaded.has(change.document) ? undefined : source.document(change.document);
      if (document !== undefined && this.#table.sequenceOf(document.id) !== document.lastSequence) add(document);
      ({ sequence } = change);
    }
    if (followed && changes.length < PASS_ROWS_MAX) sequence = Math.max(sequence, source.lastSequence());
    else followed = false;
    const { sweptThrough } = before.sweptThrough === undefined ? before : this.#sweep(before.sweptThrough, full, add);
    const place = { cursor: formatCursor(source.listBoots(), sequence), sequence, sweptThrough };
    const lastDocument = sweptThrough === undefined ? 0 : source.lastDocumentId();
    return { loaded, place, more: !followed || sweptThrough !== undefined, lastDocument };
  }

  #sweep(
    after: DocumentId,
    full: () => boolean,
    add: (document: SourceDocument) => void,
  ): { readonly sweptThrough: DocumentId | undefined } {
    let sweptThrough = after;
    const documents = this.#source.documentsAfter(after, PASS_DOCUMENTS_MAX);
    for (const document of documents) {
      if (full()) return { sweptThrough };
      if (this.#table.sequenceOf(document.id) !== document.lastSequence) add(document);
      sweptThrough = document.id;
    }
    return { sweptThrough: documents.length < PASS_DOCUMENTS_MAX ? undefined : sweptThrough };
  }

  #load(document: SourceDocument, prunedThrough: ArrivalSequence): Loaded {
    // Even incarnations are dead, and 0 was never alive.
    if (document.incarnation % 2 === 0) return { document, open: undefined, parts: "gone" };
    if (this.#unreadable.has(document.id)) return { document, open: undefined, parts: "unreadable" };
    if (document.bytes > PROJECTED_DOCUMENT_BYTES_MAX) return { document, open: undefined, parts: "too large" };
    const open = this.#touched.has(document.name) ? undefined : this.#open.find(document, prunedThrough);
    return { document, open, parts: this.#source.parts(document, open?.sequence) ?? "damaged" };
  }

  #project({ document, open, parts }: Loaded): void {
    if (parts === "gone") {
      this.#open.drop(document.id);
      this.#table.remove(document.id);
    } else if (typeof parts === "string") {
      this.#open.drop(document.id);
      this.#table.write(document, parts);
    } else {
      this.#announce(document.id);
      this.#write(document, this.#read(document, parts, open));
      this.#announce(0);
    }
  }

  #read(
    document: SourceDocument,
    parts: readonly Uint8Array[],
    open: OpenDocument | undefined,
  ): ReadableContent | ProjectionError {
    // What fails in the middle is not used again.
    this.#open.drop(document.id);
    try {
      const readable = open?.document ?? new ReadableDocument(parts);
      if (open !== undefined) readable.apply(parts);
      const content = readable.read();
      this.#open.keep(document, readable);
      const tooLarge =
        content.body.length > PROJECTED_BODY_LENGTH_MAX || content.text.length > PROJECTED_BODY_LENGTH_MAX;
      return tooLarge ? "too large" : content;
    } catch {
      return "unreadable";
    }
  }

  #write(document: SourceDocument, content: ReadableContent | ProjectionError): void {
    try {
      this.#table.write(document, content);
    } catch (error) {
      if (!isConstraint(error)) throw error;
      this.#table.write(document, "unreadable");
    }
  }
}

function isConstraint(error: unknown): boolean {
  return error instanceof Error && "code" in error && String(error.code).startsWith("SQLITE_CONSTRAINT_CHECK");
}
