/**
 * Equal questions that are asked of an equal projection are answered once: a page that everybody looks at asks the same of every
 * visitor.
 *
 * 1. The version of the projection is part of the question: nobody is told of an older state than somebody was told before.
 * 2. A reply is shared for QUERY_SHARED_MS at most, because a question may be about the time.
 * 3. A query is ended when nobody waits for it any more, and not before, whoever asked first.
 */
import { performance } from "node:perf_hooks";
import { unlessAborted } from "../unless-aborted.ts";
import type { QueryReply } from "./query-child.ts";
import { QUERY_SHARED_BYTES_MAX, QUERY_SHARED_MAX, QUERY_SHARED_MS } from "./query-limits.ts";

interface Flight {
  readonly askedMs: number;
  readonly ended: AbortController;
  readonly reply: Promise<QueryReply>;
  askers: number;
}

export class SharedReplies {
  readonly #flights = new Map<string, Flight>();

  /**
   * The reply to the question that `key` stands for; `ask` is called when nobody else has just asked it. Rejects with the signal's
   * reason when aborted.
   */
  async reply(
    key: string,
    signal: AbortSignal,
    ask: (ended: AbortSignal) => Promise<QueryReply>,
  ): Promise<{ readonly reply: QueryReply; readonly shared: boolean }> {
    signal.throwIfAborted();
    const found = this.#flights.get(key);
    const shared = found !== undefined && performance.now() - found.askedMs <= QUERY_SHARED_MS;
    const flight = shared ? found : this.#start(key, ask);
    flight.askers++;
    try {
      return { reply: await unlessAborted(flight.reply, signal), shared };
    } finally {
      flight.askers--;
      if (flight.askers === 0 && signal.aborted) this.#end(key, flight, signal.reason);
    }
  }

  #start(key: string, ask: (ended: AbortSignal) => Promise<QueryReply>): Flight {
    const ended = new AbortController();
    const flight: Flight = { askedMs: performance.now(), ended, reply: ask(ended.signal), askers: 0 };
    this.#flights.set(key, flight);
    const [oldest] = this.#flights.keys();
    if (oldest !== undefined && this.#flights.size > QUERY_SHARED_MAX) this.#flights.delete(oldest);
    flight.reply.then(
      ({ rows }) => {
        const left = flight.askedMs + QUERY_SHARED_MS - performance.now();
        if (rows.length > QUERY_SHARED_BYTES_MAX || left <= 0) this.#forget(key, flight);
        else setTimeout(() => this.#forget(key, flight), left).unref();
      },
      () => this.#forget(key, flight),
    );
    return flight;
  }

  #end(key: string, flight: Flight, reason: unknown): void {
    this.#forget(key, flight);
    flight.ended.abort(reason);
  }

  #forget(key: string, flight: Flight): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
  }
}
