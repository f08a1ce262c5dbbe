/**
 * Documents that are written again and again are kept open, so that a change costs what the change holds and not what the
 * document does. A cache only: whatever is not here is read from its rows.
 */
import { ReadableDocument } from "@yarrow/replica";
import type { ArrivalSequence, DocumentId } from "@yarrow/replica";
import { OPEN_BYTES_MAX, OPEN_BYTES_MIN, OPEN_DOCUMENTS_MAX } from "./query-limits.ts";
import type { SourceDocument } from "./replica-source.ts";

interface OpenDocument {
  readonly document: ReadableDocument;
  readonly incarnation: number;
  readonly sequence: ArrivalSequence;
  readonly bytes: number;
}

export class OpenDocuments {
  /** Used last, last. */
  readonly #open = new Map<DocumentId, OpenDocument>();
  #bytes = 0;

  /** The sequence after which a document's updates are wanted; undefined: all of them. */
  sequenceOf({ id, incarnation }: SourceDocument, prunedThrough: ArrivalSequence): ArrivalSequence | undefined {
    const open = this.#open.get(id);
    return open?.incarnation === incarnation && open.sequence >= prunedThrough ? open.sequence : undefined;
  }

  /** The document with these updates; `after` says which of them they are. Throws whatever Yjs throws. */
  take(source: SourceDocument, parts: readonly Uint8Array[], after: ArrivalSequence | undefined): ReadableDocument {
    const open = after === undefined ? undefined : this.#open.get(source.id);
    this.drop(source.id);
    const document = open?.document ?? new ReadableDocument(parts);
    if (open !== undefined) document.apply(parts);
    return document;
  }

  keep({ id, incarnation, lastSequence, bytes }: SourceDocument, document: ReadableDocument): void {
    if (bytes < OPEN_BYTES_MIN) return;
    this.drop(id);
    this.#open.set(id, { document, incarnation, sequence: lastSequence, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#open.keys()) {
      if (this.#bytes <= OPEN_BYTES_MAX && this.#open.size <= OPEN_DOCUMENTS_MAX) break;
      this.drop(oldest);
    }
  }

  clear(): void {
    this.#open.clear();
    this.#bytes = 0;
  }

  drop(id: DocumentId): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    this.#open.delete(id);
    this.#bytes -= open.bytes;
  }
}
