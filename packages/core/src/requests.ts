/** Questions put to the replica that somebody waits for: each is an event out, and one effect back. */
import type {
  Compacted,
  Copies,
  Deleted,
  Event,
  Released,
  RequestId,
  RoleSet,
  Verified,
  Waited,
} from "@yarrow/replica";

export type Response = Deleted | Copies | Compacted | Verified | RoleSet | Released | Waited;

interface Waiting {
  readonly resolve: (response: Response) => void;
  readonly reject: (reason: unknown) => void;
}

export class Requests {
  readonly #submit: (event: Event) => void;
  readonly #waiting = new Map<RequestId, Waiting>();
  #nextRequest: RequestId = 1;
  #closedBy: Error | undefined;

  constructor(submit: (event: Event) => void) {
    this.#submit = submit;
  }

  /**
   * Submits the event that `build` makes for a fresh id. Rejects with the signal's reason when aborted; `onStart` learns the
   * id, for {@link fail}.
   */
  ask<R extends Response>(
    build: (request: RequestId) => Event,
    options: { readonly signal?: AbortSignal | undefined; readonly onStart?: (request: RequestId) => void } = {},
  ): Promise<R> {
    if (this.#closedBy !== undefined) return Promise.reject(this.#closedBy);
    const { signal } = options;
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    const request = this.#nextRequest++;
    const response = new Promise<R>((resolve, reject) => {
      const onAbort = (): void => this.fail(request, signal?.reason);
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiting.set(request, {
        resolve: (value) => {
          signal?.removeEventListener("abort", onAbort);
          resolve(value as R);
        },
        reject: (reason) => {
          signal?.removeEventListener("abort", onAbort);
          reject(reason);
        },
      });
    });
    options.onStart?.(request);
    this.#submit(build(request));
    return response;
  }

  /** The replica has answered. Answers to what nobody waits for any more are dropped. */
  settle(response: Response): void {
    const waiting = this.#waiting.get(response.request);
    this.#waiting.delete(response.request);
    waiting?.resolve(response);
  }

  /** Gives a request up. */
  fail(request: RequestId, reason: unknown): void {
    const waiting = this.#waiting.get(request);
    if (waiting === undefined) return;
    this.#waiting.delete(request);
    this.#submit({ type: "cancel", request });
    waiting.reject(reason);
  }

  /** Rejects whatever waits, now and later. */
  close(reason: Error): void {
    this.#closedBy = reason;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(reason);
  }
}
