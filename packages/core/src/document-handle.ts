/**
 * A live Y.Doc over the local replica. To the replica it is a subscriber like any browser: it attaches, edits, and is
 * delivered to. Yjs has no veto, so an edit that the replica refuses cannot be taken back; the whole Y.Doc is replaced.
 *
 * Invariants
 * 1. A client id is random, made for one Y.Doc instance and never used again: one that is reused after a lost commit is the
 *    one divergence that Yjs cannot heal.
 * 2. The `update` listener only queues. One that throws inside Yjs silences the document for good.
 * 3. Every attachment has a subscriber id of its own, so that what belongs to an earlier one is never mistaken.
 * 4. Every edit is reported once as lost or counted as committed; nothing in between is forgotten.
 */
import { YarrowError, assert } from "@yarrow/protocol";
import type { Incarnation, PeerId } from "@yarrow/protocol";
import type { Answer, Copies, Deliver, Event, Evict, Gap, RequestId, RoleRefusal, SubscriberId } from "@yarrow/replica";
import * as Y from "yjs";
import { randomClientId } from "./client-id.ts";
import { EditAccount } from "./edit-account.ts";
import { COPIES_TIMEOUT_MS, REATTACH_MAX_MS, REATTACH_MIN_MS } from "./limits.ts";
import type { HandleLike } from "./handles.ts";
import type { DocumentHandle } from "./peer-api.ts";
import type { Requests } from "./requests.ts";
import { checkTimeout } from "./waits.ts";

/** Fewer copies than asked for were reached in time. The edits themselves are committed here. */
export class CopiesMissingError extends YarrowError {
  override readonly name = "CopiesMissingError";
  readonly wanted: number;
  /** The peers that are known to hold the edits. */
  readonly reached: readonly PeerId[];
  constructor(message: string, wanted: number, reached: readonly PeerId[]) {
    super("YARROW_COPIES_MISSING", message, {
      hint: "The edits are safe on this peer and spread as soon as others can be reached.",
    });
    this.wanted = wanted;
    this.reached = reached;
  }
}

/** What a handle needs of the peer around it. */
export interface HandleHost {
  readonly requests: Requests;
  submit(event: Event): void;
  settled(): Promise<void>;
  nextSubscriber(): SubscriberId;
  /** What stands for all that this subscriber wrote. */
  token(subscriber: SubscriberId, name: string): string;
  /** Other peers that must have committed an edit before it is acknowledged. */
  readonly copiesWanted: number;
  /** Why the peer takes no writes of its own; undefined when its role lets it. */
  refusal(): RoleRefusal | undefined;
  /** The peer takes no local changes at the moment. */
  readOnly(): boolean;
  /** The handle listens under this id from now on. */
  register(handle: HandleLike, subscriber: SubscriberId): void;
  unregister(handle: HandleLike, subscriber: SubscriberId): void;
  /** Code of the embedder threw where it must not end the peer. */
  onListenerError(error: unknown, where: string): void;
}

type HandleState = "opening" | "attached" | "waiting" | "closed";

export class LiveDocument implements DocumentHandle {
  readonly name: string;
  readonly #host: HandleHost;
  readonly #listeners = new Set<(reason: Error) => void>();
  #doc: Y.Doc;
  #incarnation: Incarnation = 0;
  #state: HandleState = "opening";
  #subscriber: SubscriberId;
  #opened: { readonly resolve: () => void; readonly reject: (reason: unknown) => void } | undefined;
  /** Edits of the present attachment. */
  readonly #edits = new EditAccount();
  /** Edits made while nothing is attached, for when something is. */
  #held: Uint8Array[] = [];
  /** So many edits of the present attachment are known to be on so many other peers. */
  #confirmed = { edits: 0, copies: 0 };
  readonly #copyRequests = new Set<RequestId>();
  /** Edits were lost and nobody has been told: the next `saved` rejects with this. */
  #refusal: Error | undefined;
  /** Why the Y.Doc was replaced; told to the listeners once the new one is filled. */
  #replacement: Error | undefined;
  #applying = false;
  #fruitless = 0;
  #retry: NodeJS.Timeout | undefined;

  constructor(host: HandleHost, name: string) {
    this.#host = host;
    this.name = name;
    this.#doc = this.#createDoc();
    this.#subscriber = this.#attach();
  }

  get doc(): Y.Doc {
    return this.#doc;
  }

  get incarnation(): Incarnation {
    return this.#incarnation;
  }

  /** Resolves with the first answer; rejects when the document cannot be had. Called once, right after the constructor. */
  opened(signal: AbortSignal | undefined): Promise<void> {
    assert(this.#state === "opening" && this.#opened === undefined, "a handle opens once");
    return new Promise((resolve, reject) => {
      const onAbort = (): void => this.#giveUp(signal?.reason);
      const settle = (done: () => void): void => {
        signal?.removeEventListener("abort", onAbort);
        this.#opened = undefined;
        done();
      };
      this.#opened = { resolve: () => settle(resolve), reject: (reason) => settle(() => reject(reason)) };
      if (signal?.aborted === true) onAbort();
      else signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  async saved(
    options: { readonly copies?: number; readonly timeoutMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<string> {
    await this.#saved(options);
    return this.#host.token(this.#subscriber, this.name);
  }

  on(event: "replaced", listener: (reason: Error) => void): () => void {
    assert(event === "replaced", `a handle has no event ${event}`);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    if (this.#state === "closed") return;
    this.#host.submit({ type: "detach", subscriber: this.#subscriber });
    // Edits that were made before are in front of the detachment, so this also waits for their commit.
    await this.#host.settled();
    this.end(closedError(this.name));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The peer has stopped, or the handle is closed: nothing can be saved any more. */
  end(reason: Error): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    clearTimeout(this.#retry);
    this.#host.unregister(this, this.#subscriber);
    this.#rejectWaiters(reason);
    this.#doc.destroy();
    this.#opened?.reject(reason);
  }

  // Effects of the replica, in the order in which they come.

  answered(answer: Answer): void {
    this.#incarnation = answer.incarnation;
    this.#applyRemote(answer.update);
    if (this.#state === "closed") return;
    this.#fruitless = 0;
    this.#state = "attached";
    this.#opened?.resolve();
    const replacement = this.#replacement;
    this.#replacement = undefined;
    if (replacement !== undefined) this.#notify(replacement);
  }

  delivered(deliver: Deliver): void {
    this.#incarnation = deliver.incarnation;
    this.#applyRemote(deliver.update);
  }

  committed(edits: number, waits: boolean): void {
    this.#edits.committed(edits, waits);
  }

  confirmed(edits: number): void {
    this.#edits.confirmed(edits);
  }

  /** The replica lacks what an edit refers to. */
  asked(gap: Gap): void {
    this.#edit(Y.encodeStateAsUpdate(this.#doc, gap.stateVector));
  }

  rebound(incarnation: Incarnation): void {
    this.#incarnation = incarnation;
  }

  evicted(evict: Evict): void {
    if (this.#state === "opening" && evict.reason === "deleted") {
      // Deleted while the first answer was on its way: nobody has seen the document yet, so look again.
      this.#host.unregister(this, this.#subscriber);
      this.#retire();
      this.#subscriber = this.#attach();
      return;
    }
    this.#replace(new YarrowError(evict.code, `${this.name}: ${evict.detail}`));
  }

  // Private

  async #saved(options: {
    readonly copies?: number;
    readonly timeoutMs?: number;
    readonly signal?: AbortSignal;
  }): Promise<void> {
    const { copies, timeoutMs, signal } = options;
    if (copies !== undefined && !(Number.isInteger(copies) && copies >= 0)) {
      throw new YarrowError("YARROW_CONFIG_INVALID", `copies must be a whole number of at least 0, not ${copies}`);
    }
    if (timeoutMs !== undefined) checkTimeout(timeoutMs);
    signal?.throwIfAborted();
    this.#checkSilenced();
    if (this.#state === "closed") throw closedError(this.name);
    if (this.#refusal !== undefined) {
      const refusal = this.#refusal;
      this.#refusal = undefined;
      throw refusal;
    }
    if (copies === undefined) {
      const wanted = this.#host.copiesWanted;
      const where = `${wanted} other ${wanted === 1 ? "peer" : "peers"}`;
      const late = (): Error =>
        new CopiesMissingError(`${this.name}: not on ${where} within ${timeoutMs} ms`, wanted, []);
      return this.#edits.reach("kept", { signal, timeoutMs, late });
    }
    await this.#edits.reach("committed", { signal, late: () => closedError(this.name) });
    // What was copied once stays copied; what was never written needs no copies.
    const known = this.#edits.sent === this.#confirmed.edits ? this.#confirmed.copies : 0;
    if (this.#edits.sent > 0 && copies > known) await this.#copied(copies, timeoutMs ?? COPIES_TIMEOUT_MS, signal);
  }

  #createDoc(): Y.Doc {
    const doc = new Y.Doc();
    doc.clientID = randomClientId();
    doc.on("update", (update: Uint8Array, origin: unknown) => {
      if (origin !== this && !this.#isCleanup(update)) this.#edit(update);
    });
    return doc;
  }

  /**
   * Applying what came from elsewhere can make Yjs tidy superfluous formatting away, as an edit of its own. A peer that
   * takes no changes must not be asked to: it would refuse, the document would be loaded again, and Yjs would tidy again.
   */
  #isCleanup(update: Uint8Array): boolean {
    return this.#applying && this.#host.readOnly() && Y.decodeUpdate(update).structs.length === 0;
  }

  #edit(update: Uint8Array): void {
    this.#edits.add();
    if (this.#state === "waiting") this.#held.push(update);
    else this.#host.submit({ type: "edit", subscriber: this.#subscriber, update, principal: "" });
  }

  #attach(): SubscriberId {
    const subscriber = this.#host.nextSubscriber();
    this.#host.register(this, subscriber);
    const stateVector = Y.encodeStateVector(this.#doc);
    this.#host.submit({ type: "attach", subscriber, name: this.name, stateVector, countsCopies: true });
    return subscriber;
  }

  #applyRemote(update: Uint8Array): void {
    if (this.#checkSilenced()) return;
    this.#applying = true;
    try {
      Y.applyUpdate(this.#doc, update, this);
    } catch (error) {
      this.#host.onListenerError(error, `a listener of document ${this.name}`);
    } finally {
      this.#applying = false;
    }
    this.#checkSilenced();
  }

  /** True when a listener of the embedder threw inside Yjs, which then emits nothing any more; the Y.Doc is replaced. */
  #checkSilenced(): boolean {
    if (this.#state === "closed" || this.#doc._transaction !== null || this.#doc._transactionCleanups.length === 0)
      return false;
    const message = `an update listener of document ${this.name} threw, after which Yjs reports no more edits`;
    this.#host.submit({ type: "detach", subscriber: this.#subscriber });
    this.#refusal ??= new YarrowError("YARROW_UPDATE_INVALID", message);
    this.#replace(this.#refusal);
    return true;
  }

  #replace(reason: Error): void {
    if (this.#state === "closed") return;
    if (this.#state === "opening") {
      this.end(reason);
      return;
    }
    if (this.#edits.unheard) this.#refusal ??= reason;
    this.#rejectWaiters(reason);
    this.#host.unregister(this, this.#subscriber);
    this.#replacement = reason;
    this.#retire();
    this.#edits.restart();
    this.#confirmed = { edits: 0, copies: 0 };
    this.#held = [];
    // The first return is immediate. Whoever is sent away again before being answered waits, longer each time.
    const waitMs = Math.min(REATTACH_MAX_MS, REATTACH_MIN_MS * 2 ** (this.#fruitless - 1));
    this.#fruitless += 1;
    this.#state = "waiting";
    if (this.#fruitless === 1) this.#attachAgain();
    else this.#retry = setTimeout(() => this.#attachAgain(), waitMs);
  }

  #attachAgain(): void {
    this.#subscriber = this.#attach();
    this.#state = "attached";
    for (const update of this.#held.splice(0)) {
      this.#host.submit({ type: "edit", subscriber: this.#subscriber, update, principal: "" });
    }
  }

  /** Puts a fresh Y.Doc in the place of the present one. Edits that still go to the old one are noticed, and lost. */
  #retire(): void {
    const old = this.#doc;
    this.#doc = this.#createDoc();
    old.destroy();
    old.on("update", () => (this.#refusal ??= replacedError(this.name)));
  }

  async #copied(copies: number, timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    const subscriber = this.#subscriber;
    const edits = this.#edits.sent;
    let id: RequestId | undefined;
    const asked = this.#host.requests.ask<Copies>(
      (request) => ({ type: "await-copies", request, subscriber, copies, timeoutMs }),
      { signal, onStart: (request) => this.#copyRequests.add((id = request)) },
    );
    const answer = await asked.finally(() => this.#copyRequests.delete(id ?? -1));
    const { failure, reached } = answer;
    if (failure === undefined) {
      if (subscriber === this.#subscriber) this.#confirmed = { edits, copies: reached.length };
      return;
    }
    const why = `after ${timeoutMs} ms (${failure.detail})`;
    if (failure.code === "YARROW_COPIES_MISSING") throw this.#copiesMissing(copies, reached, why);
    throw new YarrowError(failure.code, `${this.name}: ${reached.length} of ${copies} copies ${why}`);
  }

  #copiesMissing(wanted: number, reached: readonly PeerId[], why: string): CopiesMissingError {
    return new CopiesMissingError(`${this.name}: ${reached.length} of ${wanted} copies ${why}`, wanted, reached);
  }

  #rejectWaiters(reason: Error): void {
    this.#edits.rejectAll(reason);
    for (const request of [...this.#copyRequests]) this.#host.requests.fail(request, reason);
  }

  #giveUp(reason: unknown): void {
    const opened = this.#opened;
    this.#host.submit({ type: "detach", subscriber: this.#subscriber });
    opened?.reject(reason);
    this.end(closedError(this.name));
  }

  #notify(reason: Error): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(reason);
      } catch (error) {
        this.#host.onListenerError(error, `a "replaced" listener of document ${this.name}`);
      }
    }
  }
}

function closedError(name: string): YarrowError {
  return new YarrowError("YARROW_PEER_CLOSED", `document ${name} is closed`);
}

function replacedError(name: string): YarrowError {
  return new YarrowError("YARROW_UPDATE_INVALID", `document ${name}: an edit went to a Y.Doc that had been replaced`, {
    hint: "Read `handle.doc` anew after `replaced`.",
  });
}
