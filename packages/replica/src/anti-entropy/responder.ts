/**
 * Answers the questions of other peers' rounds. Keeps nothing between messages: whatever the asker needs to go on is in the
 * answer, so a lost link costs nothing here.
 */
import type {
  DocumentDifference,
  DocumentKey,
  DocumentsAsk,
  DocumentSummary,
  NodeContent,
  NodePath,
  NodesAsk,
  StreamAsk,
} from "@yarrow/protocol";
import {
  BATCH_BYTES,
  BATCH_DOCUMENTS_MAX,
  DOCUMENT_BYTES_MAX,
  equalBytes,
  NODES_PER_MESSAGE_MAX,
} from "@yarrow/protocol";
import type { Catalog } from "../catalog/catalog.ts";
import type { Encoder } from "../catalog/encoder.ts";
import { wholeDocument } from "../catalog/whole-document.ts";
import { decodeFence } from "../document/fence.ts";
import type { Effect } from "../effect.ts";
import type { Link } from "../links/link.ts";
import type { SetTree } from "../set-tree/set-tree.ts";
import type { DocumentRow, Store } from "../store.ts";
import type { Surplus } from "./surplus.ts";
import { differenceFor, nothingOf, summaryBytes } from "./difference.ts";

/** Rough bytes of a difference beside its update, for filling a batch. */
const DIFFERENCE_OVERHEAD_BYTES = 64;
/** Documents up to this size are streamed from their rows; larger ones take the way through the encoder and its workers. */
const WHOLE_BYTES_MAX = 64 * 1024;

export class Responder {
  readonly #store: Store;
  readonly #catalog: Catalog;
  readonly #encoder: Encoder;
  readonly #tree: SetTree;
  readonly #surplus: Surplus;
  readonly #emit: (effect: Effect) => void;

  constructor(parts: {
    readonly store: Store;
    readonly catalog: Catalog;
    readonly encoder: Encoder;
    readonly tree: SetTree;
    readonly surplus: Surplus;
    readonly emit: (effect: Effect) => void;
  }) {
    this.#store = parts.store;
    this.#catalog = parts.catalog;
    this.#encoder = parts.encoder;
    this.#tree = parts.tree;
    this.#surplus = parts.surplus;
    this.#emit = parts.emit;
  }

  nodes(link: Link, ask: NodesAsk): void {
    const nodes: NodeContent[] = [];
    let bytes = 0;
    let answered = 0;
    for (const [i, path] of ask.paths.entries()) {
      const contents = this.#contentsOf(path, ask.sums[i]);
      // Who gives no sums may be of a version that does not know of answers to a part of the question.
      const full = nodes.length + contents.length > NODES_PER_MESSAGE_MAX || bytes > BATCH_BYTES;
      if (answered > 0 && full && ask.sums.length > 0) break;
      nodes.push(...contents);
      for (const content of contents) bytes += contentBytes(content);
      answered++;
    }
    link.answer({ type: "nodes", round: ask.round, nodes, answered });
  }

  /** What lies below a node: of its children those that differ, where the asker has said what it holds. */
  #contentsOf(path: NodePath, theirs: readonly Uint8Array[] | undefined): NodeContent[] {
    const content = this.#contentOf(path);
    if (content.kind === "items" || theirs === undefined) return [content];
    const differing = content.sums.flatMap((sum, digit) => (equalBytes(sum, theirs[digit]!) ? [] : [digit]));
    return differing.map((digit) => this.#contentOf(path + digit.toString(16)));
  }

  #contentOf(path: NodePath): NodeContent {
    const items = this.#tree.items(path);
    return items === undefined
      ? { path, kind: "children", sums: this.#tree.children(path) }
      : { path, kind: "items", items };
  }

  documents(link: Link, ask: DocumentsAsk, now: number): void {
    const { round } = ask;
    // Who does not take our changes has no reason to ask, save a peer of version 1, which cannot know.
    if (!link.takesOurs) return link.answer({ type: "documents", round, reply: true, documents: [], omitted: [] });
    const summaries: DocumentSummary[] = [...ask.summaries];
    for (const key of ask.keys) {
      const row = this.#store.readDocumentByKey(key);
      if (row !== undefined) summaries.push(nothingOf(row.name));
    }
    this.collect(summaries, now, (differences, omitted) => {
      const documents = link.feedsUs ? differences : this.#oneWay(link, round, differences);
      link.answer({ type: "documents", round, reply: true, documents, omitted });
    });
  }

  stream(link: Link, ask: StreamAsk, now: number): void {
    if (!link.takesOurs) return link.answer({ type: "stream", round: ask.round, documents: [], next: "" });
    const listed = this.#store.listDocumentsByKey(ask.after, BATCH_DOCUMENTS_MAX);
    const rows = ask.through === "" ? listed : listed.filter(({ key }) => key <= ask.through);
    const wholes = this.#wholes(rows);
    const wanted = rows.map((row, i) => ({ ...nothingOf(row.name), whole: wholes[i] }));
    this.collect(wanted, now, (documents, omitted) => {
      const sent = rows.length - omitted.length;
      const complete = rows.length < BATCH_DOCUMENTS_MAX && omitted.length === 0;
      const next: DocumentKey | "" = complete ? "" : (rows[sent - 1]?.key ?? "");
      link.answer({ type: "stream", round: ask.round, documents, next });
    });
  }

  /**
   * Differences for the summarised documents, in order, until the batch is full; the names of the rest are `omitted`.
   * At least one document always goes. Large ones may take a while: `done` is called when all are encoded. What is given `whole` goes
   * as it is.
   */
  collect(
    summaries: readonly (DocumentSummary & { readonly whole?: DocumentDifference | undefined })[],
    now: number,
    done: (documents: DocumentDifference[], omitted: string[]) => void,
  ): void {
    const documents: DocumentDifference[] = [];
    let bytes = 0;
    const add = (difference: DocumentDifference | undefined): void => {
      if (difference === undefined) return;
      if (difference.update.length > DOCUMENT_BYTES_MAX) return this.#tooLarge(difference);
      documents.push(difference);
      bytes += difference.update.length + DIFFERENCE_OVERHEAD_BYTES;
      if (difference.summary !== undefined) bytes += summaryBytes(difference.summary);
    };
    const next = (index: number): void => {
      for (let i = index; i < summaries.length; i++) {
        if (bytes >= BATCH_BYTES) return done(documents, namesOf(summaries.slice(i)));
        const { whole } = summaries[i]!;
        if (whole !== undefined) {
          add(whole);
          continue;
        }
        let inPlace = true;
        let answered = false;
        differenceFor(this.#catalog.entry(summaries[i]!.name, now), summaries[i]!, this.#encoder, (difference) => {
          answered = true;
          add(difference);
          if (!inPlace) next(i + 1);
        });
        inPlace = false;
        if (!answered) return;
      }
      done(documents, []);
    };
    next(0);
  }

  /** What we lack ourselves is asked for only where we would take it; elsewhere it is noted. */
  #oneWay(link: Link, round: number, differences: readonly DocumentDifference[]): DocumentDifference[] {
    const ahead = differences.filter(({ summary }) => summary !== undefined);
    if (link.own.role === "writer") this.#surplus.found(link, round, ahead.map(nameOf));
    return differences.map((difference) => ({ ...difference, summary: undefined }));
  }

  /** Two halves of a cut network can grow a document beyond what one message carries. It stays different, and nothing else does. */
  #tooLarge({ name, update }: DocumentDifference): void {
    const detail = `what a peer lacks of it is ${update.length} bytes; the limit is ${DOCUMENT_BYTES_MAX}`;
    this.#emit({
      type: "observe",
      fact: { kind: "refused-update", name, code: "YARROW_DOCUMENT_TOO_LARGE", detail },
    });
  }

  /** Small documents, as many as fit a batch; in one transaction, which spares SQLite taking its locks for each row. */
  #wholes(rows: readonly DocumentRow[]): (DocumentDifference | undefined)[] {
    let bytes = 0;
    return this.#store.transaction(() =>
      rows.map((row) => {
        if (row.fence === undefined || bytes >= BATCH_BYTES) return undefined;
        const update = wholeDocument(this.#store, row, WHOLE_BYTES_MAX);
        if (update === undefined) return undefined;
        bytes += update.length;
        const { name, incarnation } = row;
        return { name, incarnation, fence: [...decodeFence(row.fence)], update, summary: undefined };
      }),
    );
  }
}

/** Bytes that it takes in a message, roughly. */
function contentBytes(content: NodeContent): number {
  return content.kind === "items" ? content.items.length * 24 : 16 * 16;
}

function namesOf(summaries: readonly DocumentSummary[]): string[] {
  return summaries.map(nameOf);
}

function nameOf({ name }: { readonly name: string }): string {
  return name;
}
