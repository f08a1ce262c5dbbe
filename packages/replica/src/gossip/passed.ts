/**
 * Which acknowledgements have gone on towards the origin of their question, so that each goes on once. The ways back of several peers
 * can form a circle when an origin is gone, and without this an acknowledgement would run in it for as long as it lasts.
 *
 * A repeated question is answered, and its answers passed on, anew. Bounded: the question that was asked first is forgotten first,
 * which costs frames and nothing else.
 */
import type { PeerId, ProcessId } from "@yarrow/protocol";

const QUESTIONS_MAX = 4_096;

export class Passed {
  /** Who has acknowledged, by origin and number of what was asked about. */
  readonly #questions = new Map<string, Set<PeerId>>();

  get size(): number {
    return this.#questions.size;
  }

  /** True when it has not gone on since it was last asked for. */
  add(origin: ProcessId, subject: number, peerId: PeerId): boolean {
    const key = `${origin} ${subject}`;
    let peers = this.#questions.get(key);
    if (peers === undefined) {
      this.#questions.set(key, (peers = new Set()));
      if (this.#questions.size > QUESTIONS_MAX) this.#forgetFirst();
    }
    if (peers.has(peerId)) return false;
    peers.add(peerId);
    return true;
  }

  /** It is asked about once more. */
  asked(origin: ProcessId, subject: number): void {
    this.#questions.delete(`${origin} ${subject}`);
  }

  #forgetFirst(): void {
    for (const first of this.#questions.keys()) {
      this.#questions.delete(first);
      return;
    }
  }
}
