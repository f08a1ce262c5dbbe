/**
 * Sends away browsers that ask for a name no document can have. Close code 4400 keeps a recent provider away; older ones
 * come back within a tenth of a second, for ever, so a repeat from the same address is held for a while before it closes.
 */
import type { WebSocket } from "ws";
import { truncateReason } from "./session-sockets.ts";

const CLOSE_NAME_INVALID = 4400;
/** A second denial within this time is a repeat. */
const REPEAT_MS = 60_000;
/** How long a repeat is held. Below the 30 s after which a provider gives up a silent server. */
const HOLD_MS = 25_000;
/** Held at once; beyond them repeats close at once too. */
const HELD_MAX = 100;
/** Addresses that are remembered; beyond them the oldest is forgotten. */
const ADDRESSES_MAX = 1_000;

export class NameDenials {
  readonly #deniedAtMs = new Map<string, number>();
  readonly #held = new Map<WebSocket, NodeJS.Timeout>();

  deny(webSocket: WebSocket, address: string, reason: string): void {
    webSocket.on("error", () => undefined);
    // What it says is of no interest.
    webSocket.on("message", () => undefined);
    const close = (): void => {
      this.#held.delete(webSocket);
      webSocket.close(CLOSE_NAME_INVALID, truncateReason(reason));
    };
    if (!this.#isRepeat(address) || this.#held.size >= HELD_MAX) return close();
    const timer = setTimeout(close, HOLD_MS);
    this.#held.set(webSocket, timer);
    webSocket.on("close", () => {
      clearTimeout(timer);
      this.#held.delete(webSocket);
    });
  }

  close(): void {
    for (const [webSocket, timer] of this.#held) {
      clearTimeout(timer);
      webSocket.terminate();
    }
    this.#held.clear();
  }

  #isRepeat(address: string): boolean {
    const nowMs = performance.now();
    const before = this.#deniedAtMs.get(address);
    this.#deniedAtMs.delete(address);
    this.#deniedAtMs.set(address, nowMs);
    for (const oldest of this.#deniedAtMs.keys()) {
      if (this.#deniedAtMs.size <= ADDRESSES_MAX) break;
      this.#deniedAtMs.delete(oldest);
    }
    return before !== undefined && nowMs - before < REPEAT_MS;
  }
}
