/**
 * Queries over the documents, whole: the projection they are asked of, and the processes that answer them. Nothing of it exists
 * until it is wanted: by option, by the first query, or because a query was asked before on this folder.
 */
import path from "node:path";
import { performance } from "node:perf_hooks";
import { YarrowError } from "@yarrow/protocol";
import type { ArrivalSequence, Fact, Store } from "@yarrow/replica";
import type { Counters } from "../counters.ts";
import type { LogLine, Peer, QueryOptions, QueryResult, QueryStatus } from "../peer-api.ts";
import { checkQuery, invalid } from "./check-sql.ts";
import type { QueryParams } from "./check-sql.ts";
import { Projection } from "./projection.ts";
import { PROJECTION_FILE } from "./projection-schema.ts";
import { hasProjection, removeProjection } from "./projection-table.ts";
import { tooLarge } from "./query-child.ts";
import type { QueryReply } from "./query-child.ts";
import { QueryLine } from "./query-line.ts";
import { SharedReplies } from "./shared-replies.ts";
import {
  QUERY_ANSWER_BYTES_MAX,
  QUERY_ROWS,
  QUERY_ROWS_MAX,
  QUERY_TIMEOUT_MAX_MS,
  QUERY_TIMEOUT_MS,
} from "./query-limits.ts";

export interface QueriesOptions {
  readonly folder: string;
  /** See `PeerOptions.query`. */
  readonly enabled: boolean | undefined;
  readonly peer: Pick<Peer, "status" | "waitFor">;
  readonly store: Pick<Store, "lastSequence">;
  readonly counters: Counters;
  readonly log: (line: LogLine) => void;
}

/** An answer whose rows are JSON already: whoever passes them on need not read them. */
export interface QueryAnswer extends Omit<QueryResult, "rows"> {
  /** The text of a JSON array of arrays. */
  readonly rows: Buffer;
}

/** A process whose peer is gone ends its query this much after the longest that any may take. */
const GRACE_MS = 1_000;

export class Queries {
  readonly #options: QueriesOptions;
  readonly #line = new QueryLine();
  readonly #shared = new SharedReplies();
  readonly #file: string;
  #projection: Projection | undefined;
  #closedBy: Error | undefined;

  constructor(options: QueriesOptions) {
    this.#options = options;
    this.#file = path.join(options.folder, PROJECTION_FILE);
  }

  /** Called once, when the store is open and nothing else of this process has the projection open. */
  start(): void {
    const { folder, enabled } = this.#options;
    if (enabled === false) removeProjection(folder);
    else if (enabled === true || hasProjection(folder)) this.#open();
  }

  get status(): QueryStatus {
    const { enabled } = this.#options;
    if (enabled === false) return { state: "off", lagMs: undefined, progress: undefined };
    const projection = this.#projection;
    if (projection === undefined) return { state: "idle", lagMs: undefined, progress: undefined };
    const { state } = projection;
    const progress = state.state === "building" ? state.through / Math.max(1, state.last) : undefined;
    return {
      state: state.state,
      lagMs: state.state === "ready" ? Math.round(projection.lagMs()) : undefined,
      progress,
    };
  }

  /** Called after every batch. */
  committed(): void {
    this.#projection?.committed(this.#options.store.lastSequence());
  }

  observe(fact: Fact): void {
    if (fact.kind === "quarantined" || fact.kind === "repaired") this.#projection?.touch(fact.name);
  }

  /** Errors: see `Peer.query`. */
  async query(sql: string, params?: QueryParams, options?: QueryOptions): Promise<QueryResult> {
    const { rows, ...answer } = await this.ask(sql, params, options);
    return { ...answer, rows: JSON.parse(rows.toString()) as QueryResult["rows"] };
  }

  /** As {@link query}, for those who have not checked what they were given. */
  async ask(sql: unknown, params?: unknown, options: QueryOptions = {}): Promise<QueryAnswer> {
    const { counters } = this.#options;
    const started = performance.now();
    counters.queries += 1;
    try {
      return await this.#ask(sql, params, options);
    } catch (error) {
      counters.queriesFailed += 1;
      throw error;
    } finally {
      counters.queryMsTotal += performance.now() - started;
    }
  }

  /** Begins the projection anew; queries wait for it. */
  rebuild(): void {
    this.#assertOn();
    if (this.#projection === undefined) this.#open();
    else this.#projection.rebuild();
  }

  async close(reason: Error): Promise<void> {
    this.#closedBy = reason;
    this.#line.close(reason);
    await this.#projection?.close();
  }

  async #ask(sql: unknown, params: unknown, options: QueryOptions): Promise<QueryAnswer> {
    this.#assertOn();
    const checked = checkQuery(sql, params);
    const timeoutMs = within(options.timeoutMs ?? QUERY_TIMEOUT_MS, 1, QUERY_TIMEOUT_MAX_MS, "timeoutMs");
    const rowsMax = within(options.maxRows ?? QUERY_ROWS, 1, QUERY_ROWS_MAX, "maxRows");
    options.signal?.throwIfAborted();
    const ended = new AbortController();
    const timer = setTimeout(() => ended.abort(timedOut(timeoutMs)), timeoutMs);
    const onAbort = (): void => ended.abort(options.signal?.reason);
    options.signal?.addEventListener("abort", onAbort, { once: true });
    try {
      if (options.after !== undefined) {
        await this.#options.peer.waitFor(options.after, { timeoutMs, signal: ended.signal });
      }
      const sequence = options.after === undefined ? 0 : this.#options.store.lastSequence();
      for (;;) {
        const projection = await this.#whole(sequence, ended.signal);
        const askedMs = performance.now();
        const job = { file: this.#file, ...checked, rowsMax, bytesMax: QUERY_ANSWER_BYTES_MAX };
        const key = JSON.stringify([projection.version, job]);
        const grace = { timeoutMs: QUERY_TIMEOUT_MAX_MS + GRACE_MS };
        const { reply, shared } = await this.#shared.reply(key, ended.signal, (nobodyWaits) =>
          this.#line.run({ ...job, ...grace }, nobodyWaits),
        );
        // It was begun anew meanwhile, and what was read is a part of it.
        if (reply.outcome.kind === "rows" && reply.outcome.building) continue;
        const replicaLagMs = this.#options.peer.status().lag.lagMs;
        return { ...answerOf(reply, projection, shared ? askedMs : undefined), replicaLagMs };
      }
    } finally {
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", onAbort);
    }
  }

  /** The projection, once it is whole and holds everything through a sequence. */
  async #whole(sequence: ArrivalSequence, ended: AbortSignal): Promise<Projection> {
    const projection = this.#projection ?? this.#open();
    while (projection.state.state !== "ready" || projection.sequence < sequence) {
      await projection.changed(ended);
      if (this.#closedBy !== undefined) throw this.#closedBy;
      if (ended.aborted) throw ended.reason instanceof YarrowError ? notReady(projection) : ended.reason;
    }
    return projection;
  }

  #open(): Projection {
    const { folder, store, counters, log } = this.#options;
    this.#projection = new Projection({
      folder,
      lastSequence: store.lastSequence(),
      log,
      onProgress: (documents, ms) => {
        counters.projectedDocuments += documents;
        counters.projectionMsTotal += ms;
      },
    });
    return this.#projection;
  }

  #assertOn(): void {
    if (this.#closedBy !== undefined) throw this.#closedBy;
    if (this.#options.enabled !== false) return;
    throw new YarrowError("YARROW_QUERY_OFF", "queries are switched off on this peer", {
      hint: "Start it without --no-query (option query: false), or ask another peer.",
    });
  }
}

/** `askedMs`: when it was asked, where the answer is of an earlier moment. */
function answerOf(
  { outcome, rows }: QueryReply,
  projection: Projection,
  askedMs: number | undefined,
): Omit<QueryAnswer, "replicaLagMs"> {
  switch (outcome.kind) {
    case "rows": {
      const { columns, truncated, sequence, ms } = outcome;
      projection.seen(sequence);
      const projectionLagMs = Math.round(projection.lagMs(sequence, askedMs ?? performance.now() - ms));
      return { columns, rows, truncated, projectionLagMs, ms: Math.round(ms) };
    }
    case "invalid":
      throw invalid(outcome.detail);
    case "too large":
      throw tooLarge(outcome.detail);
    case "failed":
      throw new YarrowError("YARROW_QUERY_FAILED", `the projection cannot be read: ${outcome.detail}`, {
        hint: "If it happens again: yarrow query --rebuild",
      });
  }
}

function within(value: number, min: number, max: number, name: string): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new YarrowError("YARROW_CONFIG_INVALID", `${name} must be a whole number from ${min} to ${max}, not ${value}`);
}

function timedOut(timeoutMs: number): YarrowError {
  return new YarrowError("YARROW_QUERY_TIMEOUT", `the query took longer than ${timeoutMs} ms and was ended`, {
    hint: "Narrow it, or allow it more time.",
  });
}

function notReady({ state }: Projection): YarrowError {
  const detail =
    state.state === "building"
      ? `the projection is being built: document ${state.through} of ${state.last || "all"}`
      : `the projection is ${state.state}${state.state === "failing" ? `: ${state.detail}` : ""}`;
  return new YarrowError("YARROW_QUERY_NOT_READY", detail, { hint: "Ask again in a while." });
}
