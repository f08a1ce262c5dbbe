/**
 * What peers say to each other is in proportion to what is written. Nothing goes round in circles: between two peers never more than a
 * storm's worth of frames in one second; and over a run, bytes stay within a budget for each update, each peer and each minute.
 */
import { violated } from "../witness.ts";

/** Three times the most that an honest hour has shown. */
const FRAMES_PER_SECOND_MAX = 250;
/** Bytes of a peer, for each minute of the run and each update written in it: over twice what honest hours need. */
const BYTES_PER_MINUTE = 20_000;
const BYTES_PER_UPDATE = 600;

/** The place of a member that lies; see `hostile.ts`. */
export const HOSTILE = "hostile";

export class Traffic {
  readonly #bySender = new Map<string, { second: number; frames: number }>();
  frames = 0;
  bytes = 0;

  /** A frame goes from one peer to another. */
  note(now: number, from: string, to: string, bytes: number): void {
    // Whoever answers every question with an invention is asked again as fast as it answers.
    if (from === HOSTILE || to === HOSTILE) return;
    this.frames++;
    this.bytes += bytes;
    const way = `${from}>${to}`;
    const second = Math.floor(now / 1_000);
    let known = this.#bySender.get(way);
    if (known === undefined) this.#bySender.set(way, (known = { second, frames: 0 }));
    if (known.second !== second) {
      known.second = second;
      known.frames = 0;
    }
    known.frames++;
    if (known.frames > FRAMES_PER_SECOND_MAX)
      violated("traffic", `${from} sends ${to} more than ${FRAMES_PER_SECOND_MAX} frames in a second`);
  }

  /** `ms`: how long the run was. */
  checkBudget(peers: number, writes: number, ms: number): void {
    const budget = peers * ((ms / 60_000) * BYTES_PER_MINUTE + writes * BYTES_PER_UPDATE);
    if (this.bytes > budget)
      violated("traffic", `${this.bytes} bytes between ${peers} peers; the budget is ${Math.round(budget)}`);
  }
}
