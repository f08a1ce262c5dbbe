/**
 * Documents that are written again and again are kept open, so that a change costs what the change holds and not what the
 * document does. A cache only: whatever is not here is read from its rows.
 */
import type { ArrivalSequence, DocumentId, ReadableDocument } from "@yarrow/replica";
import { OPEN_BYTES_MAX, OPEN_BYTES_MIN, OPEN_DOCUMENTS_MAX } from "./query-limits.ts";
import type { SourceDocument } from "./replica-source.ts";

export interface OpenDocument {
  readonly document: ReadableDocument;
  readonly incarnation: number;
  readonly sequence: ArrivalSequence;
  readonly bytes: number;
}

export class OpenDocuments {
  readonly #documentsMax: number;
  /** Used last, last. */
  readonly #open = new Map<DocumentId, OpenDocument>();
  #bytes = 0;

  constructor(documentsMax: number = OPEN_DOCUMENTS_MAX) {
    this.#documentsMax = documentsMax;
  }

  /**
   * The document as it was last projected, to be brought up to date with what came after its sequence; undefined: read all of it.
   * Whoever has it holds it: it may leave this cache before it is used.
   */
  find({ id, incarnation }: SourceDocument, prunedThrough: ArrivalSequence): OpenDocument | undefined {
    const open = this.#open.get(id);
    return open?.incarnation === incarnation && open.sequence >= prunedThrough ? open : undefined;
  }

  keep({ id, incarnation, lastSequence, bytes }: SourceDocument, document: ReadableDocument): void {
    if (bytes < OPEN_BYTES_MIN) return;
    this.drop(id);
    this.#open.set(id, { document, incarnation, sequence: lastSequence, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#open.keys()) {
      if (this.#bytes <= OPEN_BYTES_MAX && this.#open.size <= this.#documentsMax) break;
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
