/**
 * One edit of a document by somebody who holds no live copy of it: attaches with what the edit was made from, writes, and leaves. To
 * the replica it is a subscriber like any other.
 */
import { YarrowError } from "@yarrow/protocol";
import type { Incarnation } from "@yarrow/protocol";
import type { Answer, Evict, SubscriberId } from "@yarrow/replica";
import type { HandleHost } from "../document-handle.ts";
import type { HandleLike } from "../handles.ts";

export interface Edit {
  readonly name: string;
  readonly update: Uint8Array;
  /** What it was made from. */
  readonly incarnation: Incarnation;
  readonly stateVector: Uint8Array;
  readonly principal: string;
}

/** `moved`: the document is of another incarnation by now, and nothing was written. */
export type Outcome = "committed" | "moved";

export class SingleEdit implements HandleLike {
  readonly name: string;
  readonly #host: HandleHost;
  readonly #edit: Edit;
  readonly #subscriber: SubscriberId;
  readonly #resolve: (outcome: Outcome) => void;
  readonly #reject: (reason: Error) => void;

  private constructor(
    host: HandleHost,
    edit: Edit,
    settle: { readonly resolve: (outcome: Outcome) => void; readonly reject: (reason: Error) => void },
  ) {
    this.name = edit.name;
    this.#host = host;
    this.#edit = edit;
    this.#resolve = settle.resolve;
    this.#reject = settle.reject;
    this.#subscriber = host.nextSubscriber();
    host.register(this, this.#subscriber);
    const { name, stateVector } = edit;
    host.submit({ type: "attach", subscriber: this.#subscriber, name, stateVector });
  }

  /** Resolves once the edit is committed here. Errors: those of `saved`. */
  static write(host: HandleHost, edit: Edit): Promise<Outcome> {
    return new Promise((resolve, reject) => new SingleEdit(host, edit, { resolve, reject }));
  }

  answered(answer: Answer): void {
    if (answer.incarnation !== this.#edit.incarnation) return this.#leave("moved");
    const { update, principal } = this.#edit;
    this.#host.submit({ type: "edit", subscriber: this.#subscriber, update, principal });
  }

  /** `waits`: not yet on as many other peers as the peer's policy wants. */
  committed(_edits: number, waits: boolean): void {
    if (!waits) this.#leave("committed");
  }

  confirmed(): void {
    this.#leave("committed");
  }

  evicted({ reason, code, detail }: Evict): void {
    this.#host.unregister(this, this.#subscriber);
    if (reason === "deleted" || reason === "stale") this.#resolve("moved");
    else this.#reject(new YarrowError(code, `${this.name}: ${detail}`));
  }

  end(reason: Error): void {
    this.#host.unregister(this, this.#subscriber);
    this.#reject(reason);
  }

  /** The edit refers to nothing that its maker did not hold, so this never comes for it. */
  asked(): void {}

  delivered(): void {}

  rebound(): void {}

  #leave(outcome: Outcome): void {
    this.#host.unregister(this, this.#subscriber);
    this.#host.submit({ type: "detach", subscriber: this.#subscriber });
    this.#resolve(outcome);
  }
}
