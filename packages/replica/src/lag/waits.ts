/**
 * Those who wait until this replica is good enough to read from: until it holds what a token stands for, or until it is fresh.
 * Looked at when a document of that name is committed, and when a beat came; never in between.
 */
import type { ClusterId, YarrowErrorCode } from "@yarrow/protocol";
import { YarrowError } from "@yarrow/protocol";
import type { Catalog } from "../catalog/catalog.ts";
import type { Entry } from "../catalog/entry.ts";
import type { ReplicaConfig } from "../config.ts";
import type { Effect } from "../effect.ts";
import type { AwaitFresh, AwaitToken, RequestId } from "../event.ts";
import { decodeToken } from "./token.ts";
import type { Token } from "./token.ts";

interface Wait {
  readonly deadline: number;
  readonly timeoutMs: number;
  readonly wanted: { readonly token: Token } | { readonly maxLagMs: number };
}

export interface WaitsParts {
  readonly config: ReplicaConfig;
  readonly catalog: Catalog;
  readonly clusterId: () => ClusterId | undefined;
  readonly lagMs: (now: number) => number | undefined;
  readonly emit: (effect: Effect) => void;
}

export class Waits {
  readonly #parts: WaitsParts;
  readonly #waits = new Map<RequestId, Wait>();
  readonly #byName = new Map<string, Set<RequestId>>();
  readonly #fresh = new Set<RequestId>();

  constructor(parts: WaitsParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#waits.size;
  }

  /** Call when nothing is staged. */
  startToken({ request, token: bytes, timeoutMs }: AwaitToken, now: number): void {
    let token: Token;
    try {
      token = decodeToken(bytes);
      const clusterId = this.#parts.clusterId();
      if (token.clusterId !== clusterId) {
        const own = clusterId ?? "none yet";
        throw new YarrowError(
          "YARROW_CLUSTER_MISMATCH",
          `the token is of cluster ${token.clusterId}, this peer of ${own}`,
        );
      }
    } catch (error) {
      if (!(error instanceof YarrowError)) throw error;
      return this.#answer(request, error.code, error.message);
    }
    if (holds(this.#parts.catalog.entry(token.name, now), token)) return this.#answer(request);
    if (!this.#add(request, { deadline: now + timeoutMs, timeoutMs, wanted: { token } })) return;
    this.#byName.set(token.name, (this.#byName.get(token.name) ?? new Set()).add(request));
  }

  startFresh({ request, maxLagMs, timeoutMs }: AwaitFresh, now: number): void {
    if (this.#isFresh(maxLagMs, now)) return this.#answer(request);
    if (this.#add(request, { deadline: now + timeoutMs, timeoutMs, wanted: { maxLagMs } })) this.#fresh.add(request);
  }

  cancel(request: RequestId): void {
    this.#take(request);
  }

  /** A change of this document is committed. */
  committed(entry: Entry): void {
    for (const request of [...(this.#byName.get(entry.name) ?? [])]) {
      const wait = this.#waits.get(request);
      if (wait === undefined || !("token" in wait.wanted) || !holds(entry, wait.wanted.token)) continue;
      this.#take(request);
      this.#answer(request);
    }
  }

  /** Call behind everything that may have made this replica fresher. */
  wake(now: number): void {
    for (const request of [...this.#fresh]) {
      const wanted = this.#waits.get(request)?.wanted;
      if (wanted === undefined || !("maxLagMs" in wanted) || !this.#isFresh(wanted.maxLagMs, now)) continue;
      this.#take(request);
      this.#answer(request);
    }
    for (const [request, wait] of this.#waits) {
      if (now < wait.deadline) continue;
      this.#take(request);
      this.#answer(request, "YARROW_TIMEOUT", this.#describe(wait, now));
    }
  }

  nextDeadline(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { deadline } of this.#waits.values()) next = Math.min(next, deadline);
    return next;
  }

  #isFresh(maxLagMs: number, now: number): boolean {
    const lagMs = this.#parts.lagMs(now);
    return lagMs !== undefined && lagMs <= maxLagMs;
  }

  #describe({ wanted, timeoutMs }: Wait, now: number): string {
    if ("token" in wanted) return `${JSON.stringify(wanted.token.name)} did not hold it within ${timeoutMs} ms`;
    const lagMs = this.#parts.lagMs(now);
    const lag = lagMs === undefined ? "it is not known how far this peer is behind" : `this peer is ${lagMs} ms behind`;
    return `${lag} after ${timeoutMs} ms; wanted is at most ${wanted.maxLagMs} ms`;
  }

  #add(request: RequestId, wait: Wait): boolean {
    if (this.#waits.size >= this.#parts.config.waitsMax) {
      this.#answer(request, "YARROW_TIMEOUT", `${this.#waits.size} others wait already`);
      return false;
    }
    this.#waits.set(request, wait);
    return true;
  }

  #take(request: RequestId): void {
    const wanted = this.#waits.get(request)?.wanted;
    this.#waits.delete(request);
    this.#fresh.delete(request);
    if (wanted === undefined || !("token" in wanted)) return;
    const { name } = wanted.token;
    const others = this.#byName.get(name);
    others?.delete(request);
    if (others?.size === 0) this.#byName.delete(name);
  }

  #answer(request: RequestId, code?: YarrowErrorCode, detail = ""): void {
    this.#parts.emit({ type: "waited", request, failure: code === undefined ? undefined : { code, detail } });
  }
}

/** A later incarnation is beyond whatever was written to an earlier one. */
function holds(entry: Entry, { incarnation, contribution }: Token): boolean {
  if (entry.incarnation !== incarnation) return entry.incarnation > incarnation;
  return entry.lattice.covers(contribution);
}
