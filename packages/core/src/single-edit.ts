/**
 * One edit of a document by somebody who holds no live copy of it: attaches with what the edit was made from, writes, and leaves. To
 * the replica it is a subscriber like any other.
 */
import { PRINCIPAL_BYTES_MAX, YarrowError } from "@yarrow/protocol";
import type { Incarnation } from "@yarrow/protocol";
import type { Answer, Evict, SubscriberId } from "@yarrow/replica";
import { CopiesMissingError } from "./document-handle.ts";
import type { HandleHost } from "./document-handle.ts";
import type { HandleLike } from "./handles.ts";
import { TIMER_MS_MAX } from "./loop.ts";
import { checkTimeout } from "./waits.ts";

export interface WriteOptions {
  /** Who writes, for the history, as far as is known. */
  readonly principal?: string | undefined;
  /** Milliseconds to wait until the edit is committed here, and on as many other peers as are wanted. Default: as long as it takes. */
  readonly timeoutMs?: number | undefined;
  /** Ends the waiting with its reason. What is committed by then stays. */
  readonly signal?: AbortSignal | undefined;
}

export interface Edit {
  readonly name: string;
  readonly update: Uint8Array;
  /** What it was made from; undefined = it is for the life that the replica finds its author to be of. */
  readonly incarnation: Incarnation | undefined;
  readonly stateVector: Uint8Array;
}

/** `moved`: the document is of another incarnation by now, or was while the edit waited for copies. */
export type Outcome = { readonly state: "kept" } | { readonly state: "moved"; readonly detail: string };

/** How far it is, for who gives up. */
type Progress = "attaching" | "written" | "committed";

interface Settle {
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (reason: unknown) => void;
}

/** Before anything is read or compared. Errors: YARROW_CONFIG_INVALID, YARROW_FOLLOWER, the signal's reason. */
export function checkWrite(host: HandleHost, name: string, options: WriteOptions): void {
  const { principal = "", timeoutMs, signal } = options;
  if (Buffer.byteLength(principal) > PRINCIPAL_BYTES_MAX) {
    throw new YarrowError("YARROW_CONFIG_INVALID", `principal may have ${PRINCIPAL_BYTES_MAX} bytes`);
  }
  if (timeoutMs !== undefined) checkTimeout(timeoutMs);
  signal?.throwIfAborted();
  const refusal = host.refusal();
  if (refusal !== undefined) throw new YarrowError(refusal.code, `${name}: ${refusal.detail}`);
}

export class SingleEdit implements HandleLike {
  readonly name: string;
  readonly #host: HandleHost;
  readonly #edit: Edit;
  readonly #options: WriteOptions;
  readonly #subscriber: SubscriberId;
  readonly #settle: Settle;
  readonly #timer: NodeJS.Timeout | undefined;
  #progress: Progress = "attaching";
  readonly #onAbort = (): void => this.#giveUp(this.#options.signal?.reason);

  private constructor(host: HandleHost, edit: Edit, options: WriteOptions, settle: Settle) {
    this.name = edit.name;
    this.#host = host;
    this.#edit = edit;
    this.#options = options;
    this.#settle = settle;
    this.#subscriber = host.nextSubscriber();
    host.register(this, this.#subscriber);
    const { name, stateVector } = edit;
    host.submit({ type: "attach", subscriber: this.#subscriber, name, stateVector });
    const { timeoutMs, signal } = options;
    signal?.addEventListener("abort", this.#onAbort, { once: true });
    if (timeoutMs === undefined) return;
    this.#timer = setTimeout(() => this.#giveUp(this.#late(timeoutMs)), Math.min(timeoutMs, TIMER_MS_MAX));
  }

  /**
   * Resolves once the edit is committed here, and on as many other peers as the peer's policy wants. Errors: those of `saved`;
   * YARROW_TIMEOUT where it is not known to be committed here in time, YARROW_COPIES_MISSING where it is, but not elsewhere.
   */
  static write(host: HandleHost, edit: Edit, options: WriteOptions): Promise<Outcome> {
    return new Promise((resolve, reject) => new SingleEdit(host, edit, options, { resolve, reject }));
  }

  answered(answer: Answer): void {
    const { update, incarnation } = this.#edit;
    if (incarnation !== undefined && answer.incarnation !== incarnation) {
      return this.#leave({ state: "moved", detail: "it is of another life by now" });
    }
    this.#progress = "written";
    const { principal = "" } = this.#options;
    this.#host.submit({ type: "edit", subscriber: this.#subscriber, update, principal });
  }

  /** `waits`: not yet on as many other peers as the peer's policy wants. */
  committed(_edits: number, waits: boolean): void {
    this.#progress = "committed";
    if (!waits) this.#leave({ state: "kept" });
  }

  confirmed(): void {
    this.#leave({ state: "kept" });
  }

  evicted({ reason, code, detail }: Evict): void {
    this.#end();
    if (reason === "deleted" || reason === "stale") this.#settle.resolve({ state: "moved", detail });
    else this.#settle.reject(new YarrowError(code, `${this.name}: ${detail}`));
  }

  end(reason: Error): void {
    this.#end();
    this.#settle.reject(reason);
  }

  /** What the edit refers to and the replica lacks, its author has no more of: it waits for it to come from another peer. */
  asked(): void {}

  delivered(): void {}

  rebound(): void {}

  #leave(outcome: Outcome): void {
    this.#detach();
    this.#settle.resolve(outcome);
  }

  #giveUp(reason: unknown): void {
    this.#detach();
    this.#settle.reject(reason);
  }

  #detach(): void {
    this.#end();
    this.#host.submit({ type: "detach", subscriber: this.#subscriber });
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#host.unregister(this, this.#subscriber);
  }

  #late(timeoutMs: number): YarrowError {
    const { copiesWanted: wanted } = this.#host;
    switch (this.#progress) {
      case "committed": {
        const where = `${wanted} other ${wanted === 1 ? "peer" : "peers"}`;
        const message = `${this.name}: committed here, and not on ${where} within ${timeoutMs} ms`;
        return new CopiesMissingError(message, wanted, []);
      }
      case "written":
        return new YarrowError("YARROW_TIMEOUT", `${this.name}: not known to be committed within ${timeoutMs} ms`, {
          hint: "It may be yet: look at the document before you try again.",
        });
      case "attaching":
        return new YarrowError("YARROW_TIMEOUT", `${this.name}: nothing was written within ${timeoutMs} ms`);
    }
  }
}
