/** Listeners of the embedder. One that throws hurts neither the peer nor the others, and is not passed over in silence. */
import type { LogLine, PeerEvents } from "./peer-api.ts";

type Listener<K extends keyof PeerEvents> = (value: PeerEvents[K]) => void;

export class PeerListeners {
  readonly #log: (line: LogLine) => void;
  readonly #listeners: { readonly [K in keyof PeerEvents]: Set<Listener<K>> } = {
    fact: new Set(),
    failed: new Set(),
    closed: new Set(),
  };

  constructor(log: (line: LogLine) => void) {
    this.#log = log;
  }

  /** Returns how to remove it. */
  add<K extends keyof PeerEvents>(event: K, listener: Listener<K>): () => void {
    const listeners: Set<Listener<K>> = this.#listeners[event];
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  emit<K extends keyof PeerEvents>(event: K, value: PeerEvents[K]): void {
    const listeners: Set<Listener<K>> = this.#listeners[event];
    for (const listener of listeners) {
      try {
        listener(value);
      } catch (error) {
        this.report(error, `a listener of "${event}"`);
      }
    }
  }

  /** Code of the embedder threw where the exception has nowhere to go. Node prints a warning unless told not to. */
  report(error: unknown, where: string): void {
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#log({ level: "error", message: `${where} threw`, fields: { error: detail } });
    process.emitWarning(`${where} threw: ${detail}`, "YarrowListenerWarning");
  }
}
