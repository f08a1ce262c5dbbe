/**
 * Queries in the order in which they came, on a few processes. The first process starts with the first query and stays a while
 * after the last; another starts only while queries wait, so that one that runs away does not hold up all others.
 */
import { YarrowError } from "@yarrow/protocol";
import { QueryChild } from "./query-child.ts";
import type { QueryReply } from "./query-child.ts";
import { QUERIES_WAITING_MAX, QUERY_IDLE_MS, QUERY_PROCESSES_MAX } from "./query-limits.ts";
import type { QueryJob } from "./run-query.ts";

interface Waiting {
  readonly job: QueryJob;
  readonly signal: AbortSignal;
  readonly onAbort: () => void;
  readonly resolve: (reply: QueryReply) => void;
  readonly reject: (reason: unknown) => void;
}

export class QueryLine {
  readonly #children = new Set<QueryChild>();
  readonly #waiting = new Set<Waiting>();
  #idle: NodeJS.Timeout | undefined;
  #closedBy: Error | undefined;

  /**
   * Rejects with the signal's reason when aborted, which also ends a query that runs. Errors: YARROW_QUERY_BUSY, and those of
   * `QueryChild.run`.
   */
  run(job: QueryJob, signal: AbortSignal): Promise<QueryReply> {
    if (this.#closedBy !== undefined) return Promise.reject(this.#closedBy);
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#waiting.size >= QUERIES_WAITING_MAX) {
      const message = `${this.#waiting.size} queries wait already`;
      const hint = "Ask again later, or ask less at once.";
      return Promise.reject(new YarrowError("YARROW_QUERY_BUSY", message, { hint }));
    }
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.delete(waiting);
        reject(signal.reason);
      };
      const waiting: Waiting = { job, signal, onAbort, resolve, reject };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiting.add(waiting);
      this.#next();
    });
  }

  /** Rejects whatever waits or runs, now and later. */
  close(reason: Error): void {
    this.#closedBy = reason;
    clearTimeout(this.#idle);
    for (const { reject } of this.#waiting) reject(reason);
    this.#waiting.clear();
    for (const child of [...this.#children]) child.kill(reason);
  }

  #next(): void {
    clearTimeout(this.#idle);
    for (const waiting of this.#waiting) {
      const child = this.#freeChild();
      if (child === undefined) return;
      this.#waiting.delete(waiting);
      void this.#start(child, waiting);
    }
    if (this.#children.size > 0) this.#idle = setTimeout(() => this.#endIdle(), QUERY_IDLE_MS).unref();
  }

  async #start(child: QueryChild, { job, signal, onAbort, resolve, reject }: Waiting): Promise<void> {
    signal.removeEventListener("abort", onAbort);
    const kill = (): void => child.kill(signal.reason);
    signal.addEventListener("abort", kill, { once: true });
    try {
      resolve(await child.run(job));
    } catch (error) {
      reject(error);
    } finally {
      signal.removeEventListener("abort", kill);
      if (this.#closedBy === undefined) this.#next();
    }
  }

  #freeChild(): QueryChild | undefined {
    for (const child of this.#children) if (child.isFree) return child;
    if (this.#children.size >= QUERY_PROCESSES_MAX) return undefined;
    const child: QueryChild = new QueryChild(() => this.#children.delete(child));
    this.#children.add(child);
    return child;
  }

  #endIdle(): void {
    for (const child of [...this.#children]) if (child.isFree) child.kill(undefined);
  }
}
