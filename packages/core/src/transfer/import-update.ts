/**
 * Content from elsewhere as a local write: it merges with what is there, and what is there already changes nothing. To the replica whoever
 * brings it is a subscriber like a browser, one that holds the content before it has read the document.
 */
import { PRINCIPAL_BYTES_MAX, YarrowError } from "@yarrow/protocol";
import { checkName } from "@yarrow/replica";
import type { Evict, SubscriberId } from "@yarrow/replica";
import * as Y from "yjs";
import type { HandleHost } from "../document-handle.ts";
import type { HandleLike } from "../handles.ts";

export interface ImportOptions {
  /** Who wrote it, as far as is known. */
  readonly principal?: string | undefined;
}

/**
 * Resolves once it is committed here. Errors: YARROW_NAME_INVALID, YARROW_UPDATE_INVALID, YARROW_UPDATE_TOO_LARGE,
 * YARROW_DOCUMENT_TOO_LARGE, YARROW_FOLLOWER, YARROW_STORE_FULL; YARROW_DOCUMENT_DELETED for content of a life of the document
 * that has ended.
 */
export async function importUpdate(
  host: HandleHost,
  name: string,
  update: Uint8Array,
  { principal = "" }: ImportOptions = {},
): Promise<void> {
  checkName(name);
  if (Buffer.byteLength(principal) > PRINCIPAL_BYTES_MAX) {
    throw new YarrowError("YARROW_CONFIG_INVALID", `principal may have ${PRINCIPAL_BYTES_MAX} bytes`);
  }
  let stateVector: Uint8Array;
  try {
    stateVector = Y.encodeStateVectorFromUpdate(update);
  } catch (cause) {
    throw new YarrowError("YARROW_UPDATE_INVALID", `${name}: these bytes are no Yjs update of encoding V1`, { cause });
  }
  await new Promise<void>((resolve, reject) => {
    // The replica keeps what it is given.
    const content = { name, update: update.slice(), stateVector, principal };
    new Import(host, content, { resolve, reject }).start();
  });
}

interface Content {
  readonly name: string;
  readonly update: Uint8Array;
  readonly stateVector: Uint8Array;
  readonly principal: string;
}

class Import implements HandleLike {
  readonly name: string;
  readonly #host: HandleHost;
  readonly #content: Content;
  readonly #subscriber: SubscriberId;
  readonly #settle: { readonly resolve: () => void; readonly reject: (reason: Error) => void };

  constructor(host: HandleHost, content: Content, settle: { resolve: () => void; reject: (reason: Error) => void }) {
    this.name = content.name;
    this.#host = host;
    this.#content = content;
    this.#settle = settle;
    this.#subscriber = host.nextSubscriber();
  }

  start(): void {
    const { name, stateVector } = this.#content;
    this.#host.register(this, this.#subscriber);
    this.#host.submit({ type: "attach", subscriber: this.#subscriber, name, stateVector });
  }

  answered(): void {
    const { update, principal } = this.#content;
    this.#host.submit({ type: "edit", subscriber: this.#subscriber, update, principal });
  }

  /** `waits`: not yet on as many other peers as the peer's policy wants. */
  committed(_edits: number, waits: boolean): void {
    if (!waits) this.#leave();
  }

  confirmed(): void {
    this.#leave();
  }

  evicted({ reason, code, detail }: Evict): void {
    this.#host.unregister(this, this.#subscriber);
    const stale = reason === "stale" || reason === "deleted";
    const hint = "It holds content of a life of this document that was deleted; import it under another name.";
    const error = new YarrowError(
      stale ? "YARROW_DOCUMENT_DELETED" : code,
      `${this.name}: ${detail}`,
      stale ? { hint } : {},
    );
    this.#settle.reject(error);
  }

  end(reason: Error): void {
    this.#host.unregister(this, this.#subscriber);
    this.#settle.reject(reason);
  }

  /** What it refers to is missing here, and its bearer has no more: it waits for it to come from another peer. */
  asked(): void {}

  delivered(): void {}

  rebound(): void {}

  #leave(): void {
    this.#host.unregister(this, this.#subscriber);
    this.#host.submit({ type: "detach", subscriber: this.#subscriber });
    this.#settle.resolve();
  }
}
