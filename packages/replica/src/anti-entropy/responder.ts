/**
 * Answers the questions of other peers' rounds. Keeps nothing between messages: whatever the asker needs to go on is in the
 * answer, so a lost link costs nothing here.
 */
import type {
  DocumentDifference,
  DocumentKey,
  DocumentsAsk,
  DocumentSummary,
  NodesAsk,
  StreamAsk,
} from "@yarrow/protocol";
import { BATCH_BYTES, BATCH_DOCUMENTS_MAX } from "@yarrow/protocol";
import type { Catalog } from "../catalog/catalog.ts";
import type { Encoder } from "../catalog/encoder.ts";
import type { Link } from "../links/link.ts";
import type { SetTree } from "../set-tree/set-tree.ts";
import type { Store } from "../store.ts";
import { differenceFor, nothingOf } from "./difference.ts";

export class Responder {
  readonly #store: Store;
  readonly #catalog: Catalog;
  readonly #encoder: Encoder;
  readonly #tree: SetTree;

  constructor(parts: {
    readonly store: Store;
    readonly catalog: Catalog;
    readonly encoder: Encoder;
    readonly tree: SetTree;
  }) {
    this.#store = parts.store;
    this.#catalog = parts.catalog;
    this.#encoder = parts.encoder;
    this.#tree = parts.tree;
  }

  nodes(link: Link, ask: NodesAsk): void {
    const nodes = ask.paths.map((path) => {
      const items = this.#tree.items(path);
      return items === undefined
        ? ({ path, kind: "children", sums: this.#tree.children(path) } as const)
        : ({ path, kind: "items", items } as const);
    });
    link.send({ type: "nodes", round: ask.round, nodes });
  }

  documents(link: Link, ask: DocumentsAsk, now: number): void {
    const summaries: DocumentSummary[] = [...ask.summaries];
    for (const key of ask.keys) {
      const row = this.#store.readDocumentByKey(key);
      if (row !== undefined) summaries.push(nothingOf(row.name));
    }
    this.collect(summaries, now, (documents, omitted) => {
      link.send({ type: "documents", round: ask.round, reply: true, documents, omitted });
    });
  }

  stream(link: Link, ask: StreamAsk, now: number): void {
    const rows = this.#store.listDocumentsByKey(ask.after, BATCH_DOCUMENTS_MAX);
    const keys = new Map(rows.map((row) => [row.name, row.key]));
    this.collect(
      rows.map((row) => nothingOf(row.name)),
      now,
      (documents, omitted) => {
        const sent = rows.filter((row) => !omitted.includes(row.name));
        const complete = rows.length < BATCH_DOCUMENTS_MAX && omitted.length === 0;
        const last = sent[sent.length - 1];
        const next: DocumentKey | "" = complete || last === undefined ? "" : (keys.get(last.name) ?? "");
        link.send({ type: "stream", round: ask.round, documents, next });
      },
    );
  }

  /**
   * Differences for the summarised documents, in order, until the batch is full; the names of the rest are `omitted`.
   * At least one document always goes. Large ones may take a while: `done` is called when all are encoded.
   */
  collect(
    summaries: readonly DocumentSummary[],
    now: number,
    done: (documents: DocumentDifference[], omitted: string[]) => void,
  ): void {
    const documents: DocumentDifference[] = [];
    let bytes = 0;
    const next = (index: number): void => {
      for (let i = index; i < summaries.length; i++) {
        if (bytes >= BATCH_BYTES) return done(documents, namesOf(summaries.slice(i)));
        let inPlace = true;
        let answered = false;
        differenceFor(this.#catalog.entry(summaries[i]!.name, now), summaries[i]!, this.#encoder, (difference) => {
          answered = true;
          if (difference !== undefined) {
            documents.push(difference);
            bytes += difference.update.length + 64;
          }
          if (!inPlace) next(i + 1);
        });
        inPlace = false;
        if (!answered) return;
      }
      done(documents, []);
    };
    next(0);
  }
}

function namesOf(summaries: readonly DocumentSummary[]): string[] {
  return summaries.map((summary) => summary.name);
}
