/**
 * Nothing of a refused write appears anywhere. What a client has written and never sent to a peer that could take it, or was one
 * soon after, is on no disk: neither in a document nor among what waits.
 */
import * as Y from "yjs";
import type { Counters } from "../counters.ts";
import type { SimulatedPeer } from "../peer.ts";
import type { Timeline } from "../timeline.ts";
import type { Witness } from "../witness.ts";
import { violated } from "../witness.ts";

/** Longer than a frame is on its way to a peer, by cuts and pauses. */
const UNDERWAY_MS = 300_000;

interface Offer {
  clock: number;
  at: number;
}

export class Refusals implements Witness {
  readonly #timeline: Timeline;
  readonly #counters: Counters;
  /** How far each client may be anywhere. */
  readonly #granted = new Map<number, number>();
  readonly #refused = new Map<SimulatedPeer, Map<number, Offer>>();

  constructor(timeline: Timeline, counters: Counters) {
    this.#timeline = timeline;
    this.#counters = counters;
  }

  offered(peer: SimulatedPeer, client: number, clock: number): void {
    if (peer.mayWrite) return this.#grant(client, clock);
    if (clock <= (this.#granted.get(client) ?? 0)) return;
    this.#counters.writesRefused++;
    let ofPeer = this.#refused.get(peer);
    if (ofPeer === undefined) this.#refused.set(peer, (ofPeer = new Map<number, Offer>()));
    ofPeer.set(client, { clock, at: this.#timeline.now });
  }

  promoted(peer: SimulatedPeer): void {
    for (const [client, { clock, at }] of this.#refused.get(peer) ?? []) {
      if (this.#timeline.now - at <= UNDERWAY_MS) this.#grant(client, clock);
    }
    this.#refused.delete(peer);
  }

  check({ disk, place }: SimulatedPeer): void {
    const { store, inspector } = disk;
    for (const { name, id } of store.listDocuments({ limit: Number.MAX_SAFE_INTEGER, include: "alive" })) {
      for (const [client, clock] of inspector.document(name)?.clocks ?? [])
        this.#checkClock(place, name, client, clock);
      for (const { segment } of store.readPending(id)) {
        if (segment === undefined) continue;
        for (const [client, clock] of Y.parseUpdateMeta(segment.update).to)
          this.#checkClock(place, name, client, clock);
      }
    }
  }

  #checkClock(place: string, name: string, client: number, clock: number): void {
    const granted = this.#granted.get(client) ?? 0;
    if (clock <= granted) return;
    violated(
      "refusals",
      `${place} has clock ${clock} of client ${client} in ${name}; no writer was sent more than ${granted}`,
    );
  }

  #grant(client: number, clock: number): void {
    if (clock > (this.#granted.get(client) ?? 0)) this.#granted.set(client, clock);
  }
}
