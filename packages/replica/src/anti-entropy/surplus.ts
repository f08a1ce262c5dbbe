/**
 * Documents of which a follower holds more than the writer that feeds it. That cannot come about but by a writer whose disk was put back
 * to an older state, or one that became a follower before anybody had fetched what it wrote. Nothing is lost, for the follower keeps it;
 * but by rule nobody takes it from there, so people are told.
 *
 * Where several writers write, a follower is ahead of each of them for moments. So a document counts only after it was found ahead in
 * several rounds of its link in a row.
 */
import type { Effect } from "../effect.ts";
import type { LinkId } from "../event.ts";
import type { Link } from "../links/link.ts";

/** Documents of one link that are looked at; the alarm needs one. */
const NAMES_MAX = 1_000;

interface Watched {
  round: number;
  /** Documents found ahead in the round under way, and in how many rounds in a row. */
  current: Map<string, number>;
  previous: Map<string, number>;
  told: boolean;
}

export class Surplus {
  readonly #roundsAlarm: number;
  readonly #emit: (effect: Effect) => void;
  readonly #byLink = new Map<LinkId, Watched>();

  constructor(options: { readonly roundsAlarm: number; readonly emit: (effect: Effect) => void }) {
    this.#roundsAlarm = options.roundsAlarm;
    this.#emit = options.emit;
  }

  /** In a round that the other side asks, it was found to hold more of these documents; also to be called when there are none. */
  found(link: Link, round: number, names: readonly string[]): void {
    const watched = this.#watched(link, round);
    for (const name of names) {
      if (watched.current.size >= NAMES_MAX) break;
      watched.current.set(name, (watched.previous.get(name) ?? 0) + 1);
    }
    const lasting = [...watched.current.values()].filter((rounds) => rounds >= this.#roundsAlarm).length;
    if (lasting > 0) link.theyHoldMore = lasting;
    if (lasting === 0 || watched.told || link.peerId === undefined) return;
    watched.told = true;
    const fact = { kind: "follower-ahead", link: link.id, peerId: link.peerId, documents: lasting } as const;
    this.#emit({ type: "observe", fact });
  }

  /** Both sides are equal. */
  settled(link: Link): void {
    this.#byLink.delete(link.id);
    link.theyHoldMore = 0;
    link.weHoldMore = 0;
  }

  linkEnded(link: Link): void {
    this.#byLink.delete(link.id);
  }

  #watched(link: Link, round: number): Watched {
    const known = this.#byLink.get(link.id);
    const watched = known ?? { round, current: new Map(), previous: new Map(), told: false };
    if (known === undefined) this.#byLink.set(link.id, watched);
    if (watched.round !== round) {
      watched.round = round;
      watched.previous = watched.current;
      watched.current = new Map();
    }
    return watched;
  }
}
