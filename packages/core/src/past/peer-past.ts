/** The past of a running peer: asked of a worker that reads the store beside it, and gone back to by an edit like any other. */
import { YarrowError } from "@yarrow/protocol";
import { checkName } from "@yarrow/replica";
import type { HistoryEntry, RevertEdit } from "@yarrow/replica";
import * as Y from "yjs";
import { randomClientId } from "../client-id.ts";
import type { HandleHost } from "../document-handle.ts";
import { DOCUMENTS_PAGE, DOCUMENTS_PAGE_MAX, HISTORY_PAGE, HISTORY_PAGE_MAX, TOGETHER_MS } from "../limits.ts";
import type { ListOptions } from "../peer-api.ts";
import { SingleEdit, checkWrite } from "../single-edit.ts";
import { WorkerPool } from "../worker-pool.ts";
import { HistoryGoneError, formatInstant } from "./history-gone.ts";
import type {
  DocumentHistory,
  HistoryOptions,
  Instant,
  PastDocument,
  PastDocumentInfo,
  PastOptions,
  PeerPast,
  RevertOptions,
  RevertResult,
} from "./past-api.ts";
import type { PastAnswer, PastQuestion, ShownPast } from "./past-work.ts";

/** How often a revert is made anew when the document was deleted or came back meanwhile. */
const REVERT_ATTEMPTS = 5;

export interface PastParts {
  readonly folder: string;
  readonly clock: () => number;
  readonly host: HandleHost;
  readonly assertOpen: () => void;
}

export class Past {
  readonly #parts: PastParts;
  /** Apart from the replica's own, whose work must not wait for somebody who leafs through the past. */
  readonly #pool = new WorkerPool();

  constructor(parts: PastParts) {
    this.#parts = parts;
  }

  /** Errors: YARROW_CONFIG_INVALID. */
  at(instant: Instant): PeerPast {
    this.#parts.assertOpen();
    const timeMs = this.#check(instant);
    return {
      at: new Date(timeMs),
      open: (name, options) => this.#open(name, timeMs, options),
      documents: (options) => this.#list(timeMs, options),
    };
  }

  async history(name: string, options: HistoryOptions = {}): Promise<DocumentHistory | undefined> {
    checkName(name);
    const { limit = HISTORY_PAGE, before, togetherMs = TOGETHER_MS } = options;
    checkWhole("limit", limit, 1, HISTORY_PAGE_MAX);
    checkWhole("togetherMs", togetherMs, 0, Number.MAX_SAFE_INTEGER);
    if (before !== undefined) checkWhole("before", before, 0, Number.MAX_SAFE_INTEGER);
    const answer = await this.#ask({ ask: "history", name, query: { limit, before, togetherMs } });
    if (answer.state !== "told") throw unexpected(answer);
    if (answer.history === undefined) return undefined;
    const { entries, next, oldestMs } = answer.history;
    return { entries: entries.map(describeChange), next, since: oldestMs === 0 ? undefined : new Date(oldestMs) };
  }

  async revert(name: string, instant: Instant, options: RevertOptions = {}): Promise<RevertResult> {
    this.#parts.assertOpen();
    checkName(name);
    const timeMs = this.#check(instant);
    checkWrite(this.#parts.host, name, options);
    for (let attempt = 1; attempt <= REVERT_ATTEMPTS; attempt++) {
      const answer = await this.#ask({ ask: "revert", name, timeMs, clientId: randomClientId() });
      options.signal?.throwIfAborted();
      if (answer.state === "same") return { changed: false, recreated: false };
      if (answer.state !== "edit") throw refusal(name, timeMs, answer);
      const { update, incarnation, stateVector }: RevertEdit = answer;
      const edit = { name, update, incarnation, stateVector };
      const outcome = await SingleEdit.write(this.#parts.host, edit, options);
      if (outcome.state === "kept") return { changed: true, recreated: incarnation % 2 === 0 };
    }
    throw new YarrowError("YARROW_DOCUMENT_DELETED", `${name} was deleted or created anew again and again meanwhile`, {
      hint: "Try again once it stays.",
    });
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  async #open(name: string, timeMs: number, { as }: PastOptions = {}): Promise<PastDocument> {
    checkName(name);
    const answer = await this.#ask({ ask: "show", name, timeMs, as });
    if (answer.state === "absent") return absentDocument(name, timeMs, answer.firstMs);
    if (answer.state !== "shown") throw refusal(name, timeMs, answer);
    return pastDocument(name, timeMs, answer);
  }

  async #list(timeMs: number, options: ListOptions = {}): Promise<PastDocumentInfo[]> {
    const { limit = DOCUMENTS_PAGE, deleted = false, prefix, after } = options;
    checkWhole("limit", limit, 1, DOCUMENTS_PAGE_MAX);
    const place = { ...(prefix === undefined ? {} : { prefix }), ...(after === undefined ? {} : { after }) };
    const answer = await this.#ask({ ask: "list", timeMs, query: { ...place, limit, deleted } });
    if (answer.state === "gone") throw new HistoryGoneError(timeMs, answer.oldestMs);
    if (answer.state !== "listed") throw unexpected(answer);
    return answer.documents.map(({ changedMs, ...info }) => ({ ...info, changedAt: dateOf(changedMs) }));
  }

  async #ask(question: PastQuestion): Promise<PastAnswer> {
    this.#parts.assertOpen();
    const result = await this.#pool.run({ kind: "past", folder: this.#parts.folder, question });
    this.#parts.assertOpen();
    if (result.kind === "past") return result.answer;
    const what = "name" in question ? question.name : "the past";
    const detail = result.kind === "failed" ? result.detail : `unexpected ${result.kind} result`;
    throw new YarrowError("YARROW_DOCUMENT_QUARANTINED", `${what} cannot be read: ${detail}`);
  }

  #check(instant: Instant): number {
    const timeMs = Math.floor(instantMs(instant));
    if (!Number.isFinite(timeMs) || timeMs < 0) {
      throw new YarrowError(
        "YARROW_CONFIG_INVALID",
        `an instant must be a date, or milliseconds since 1970, not ${String(instant)}`,
      );
    }
    const nowMs = this.#parts.clock();
    if (timeMs <= nowMs) return timeMs;
    throw new YarrowError(
      "YARROW_CONFIG_INVALID",
      `${formatInstant(timeMs)} lies in the future; here it is ${formatInstant(nowMs)}`,
    );
  }
}

/** NaN for what is neither, as a caller without types may pass. */
function instantMs(instant: unknown): number {
  if (instant instanceof Date) return instant.getTime();
  return typeof instant === "number" ? instant : Number.NaN;
}

function pastDocument(name: string, timeMs: number, shown: ShownPast): PastDocument {
  const { alive, changedMs, ...content } = shown;
  return withDoc({
    ...content,
    state: alive ? "alive" : "deleted",
    name,
    at: new Date(timeMs),
    changedAt: dateOf(changedMs),
    firstAt: undefined,
  });
}

function absentDocument(name: string, timeMs: number, firstMs: number | undefined): PastDocument {
  return withDoc({
    name,
    at: new Date(timeMs),
    state: "absent",
    incarnation: 0,
    fingerprint: "",
    contentDigest: "",
    roots: {},
    update: Uint8Array.of(0, 0),
    whole: true,
    changedAt: undefined,
    firstAt: dateOf(firstMs),
  });
}

/** Most who ask want the content, not a document to work with: it is made when it is. */
function withDoc(past: Omit<PastDocument, "doc">): PastDocument {
  let doc: Y.Doc | undefined;
  const build = (): Y.Doc => {
    const made = new Y.Doc();
    Y.applyUpdate(made, past.update);
    return made;
  };
  return Object.defineProperty({ ...past }, "doc", { get: () => (doc ??= build()) }) as PastDocument;
}

function describeChange(entry: HistoryEntry): DocumentHistory["entries"][number] {
  const { atMs, firstMs, kind, incarnation, rows, updates, bytes, writers, damaged } = entry;
  const [at, from] = [new Date(atMs), new Date(firstMs)];
  return { at, from, kind, incarnation, batches: rows, updates, bytes, writers, damaged };
}

function refusal(name: string, timeMs: number, answer: PastAnswer): YarrowError {
  if (answer.state === "gone") return new HistoryGoneError(timeMs, answer.oldestMs);
  const hint = "To get rid of what is there now, delete the document: yarrow delete NAME.";
  if (answer.state === "deleted") {
    return new YarrowError("YARROW_DOCUMENT_DELETED", `${name} was deleted at ${formatInstant(timeMs)}`, { hint });
  }
  if (answer.state !== "absent") return unexpected(answer);
  const first = answer.firstMs === undefined ? "nor did it come later" : `it came at ${formatInstant(answer.firstMs)}`;
  return new YarrowError(
    "YARROW_DOCUMENT_NOT_FOUND",
    `nothing called ${name} was there at ${formatInstant(timeMs)}; ${first}`,
    {
      hint,
    },
  );
}

function unexpected(answer: PastAnswer): YarrowError {
  return new YarrowError("YARROW_DOCUMENT_QUARANTINED", `the past cannot be read: unexpected answer ${answer.state}`);
}

function checkWhole(option: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new YarrowError(
    "YARROW_CONFIG_INVALID",
    `${option} must be a whole number from ${min} to ${max}, not ${value}`,
  );
}

function dateOf(ms: number | undefined): Date | undefined {
  return ms === undefined ? undefined : new Date(ms);
}
