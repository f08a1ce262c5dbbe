/**
 * Nothing deleted comes back, and nothing is deleted unasked.
 *
 * 1. A peer whose fence names a client takes nothing of that client into a later incarnation.
 * 2. A peer that ends an incarnation fences everyone whom it has shown in it.
 * 3. A name dies only where its deletion was asked for.
 * 4. Incarnations and fences of a disk only grow, unless the disk was allowed to forget.
 *
 * A deletion cannot fence a client it has not heard of. Where two peers delete the same document apart from each other, each fences
 * whom it knew; until they meet, a tab that only the other knew passes. That is counted, not forbidden.
 */
import type { Incarnation } from "@yarrow/protocol";
import type { DocumentRow } from "@yarrow/replica";
import type { Counters } from "../counters.ts";
import type { SimulatedPeer } from "../peer.ts";
import type { Deliver, Witness, Writing } from "../witness.ts";
import { violated } from "../witness.ts";
import { contributionOf } from "./contributions.ts";
import { fenceOf } from "./fence.ts";

/** Whom a peer has shown in the latest incarnation that it showed anything of. */
interface Shown {
  readonly incarnation: Incarnation;
  readonly clients: Set<number>;
}

interface Seen {
  /** Before and after the last step that wrote it. */
  before: DocumentRow | undefined;
  row: DocumentRow;
  pending: number;
}

export class Deletions implements Witness {
  readonly #counters: Counters;
  readonly #highest = new Map<string, Incarnation>();
  /** The latest incarnation in which a client was accepted, by name and client. */
  readonly #accepted = new Map<string, Map<number, Incarnation>>();
  readonly #seen = new Map<SimulatedPeer, Map<string, Seen>>();

  readonly #shown = new Map<SimulatedPeer, Map<string, Shown>>();

  constructor(counters: Counters) {
    this.#counters = counters;
  }

  written(peer: SimulatedPeer, names: readonly string[], { asked }: Writing): void {
    for (const name of names) {
      const { store } = peer.disk;
      const row = store.readDocument(name);
      if (row === undefined) continue;
      const ofPeer = this.#ofPeer(peer);
      const seen = ofPeer.get(name);
      const pending = store.readPending(row.id).length;
      this.#checkFenced(peer, name, row);
      if (seen !== undefined) this.#compare(peer, name, seen, row, pending);
      ofPeer.set(name, { before: seen?.row, row, pending });
      this.#rise(peer, name, row.incarnation, asked);
    }
  }

  shown(peer: SimulatedPeer, { name, incarnation, update }: Deliver): void {
    let accepted = this.#accepted.get(name);
    if (accepted === undefined) this.#accepted.set(name, (accepted = new Map<number, Incarnation>()));
    const shown = this.#shownBy(peer, name, incarnation);
    for (const client of contributionOf(update).clocks.keys()) {
      shown.clients.add(client);
      const last = accepted.get(client);
      if (last !== undefined && last >= incarnation) continue;
      accepted.set(client, incarnation);
      if (last === undefined) continue;
      if (fenceOf(this.#ofPeer(peer).get(name)?.before).has(client)) {
        violated(
          "deletions",
          `${peer.place} took client ${client}, dead since incarnation ${last}, into ${incarnation} of ${name}`,
        );
      }
    }
  }

  /** Its disk is another one now, or lost its tail. */
  lost(peer: SimulatedPeer): void {
    this.#seen.delete(peer);
    this.#shown.delete(peer);
  }

  #shownBy(peer: SimulatedPeer, name: string, incarnation: Incarnation): Shown {
    let ofPeer = this.#shown.get(peer);
    if (ofPeer === undefined) this.#shown.set(peer, (ofPeer = new Map<string, Shown>()));
    let shown = ofPeer.get(name);
    if (shown?.incarnation !== incarnation) ofPeer.set(name, (shown = { incarnation, clients: new Set() }));
    return shown;
  }

  #checkFenced(peer: SimulatedPeer, name: string, row: DocumentRow): void {
    const shown = this.#shown.get(peer)?.get(name);
    if (shown === undefined || shown.incarnation >= row.incarnation) return;
    const fence = fenceOf(row);
    for (const client of shown.clients) {
      if (fence.has(client)) continue;
      violated(
        "deletions",
        `${peer.place} ended incarnation ${shown.incarnation} of ${name} and did not fence client ${client}`,
      );
    }
    this.#shown.get(peer)?.delete(name);
  }

  #ofPeer(peer: SimulatedPeer): Map<string, Seen> {
    let seen = this.#seen.get(peer);
    if (seen === undefined) this.#seen.set(peer, (seen = new Map<string, Seen>()));
    return seen;
  }

  #compare(peer: SimulatedPeer, name: string, seen: Seen, row: DocumentRow, pending: number): void {
    if (row.incarnation < seen.row.incarnation) {
      violated(
        "deletions",
        `${peer.place} went back from incarnation ${seen.row.incarnation} to ${row.incarnation} of ${name}`,
      );
    }
    if (row.incarnation === seen.row.incarnation && pending < seen.pending) this.#counters.pendingResolved++;
    if (row.fence === seen.row.fence) return;
    const fence = fenceOf(row);
    for (const client of fenceOf(seen.row)) {
      if (!fence.has(client)) violated("deletions", `${peer.place} forgot that client ${client} of ${name} is dead`);
    }
  }

  #rise(peer: SimulatedPeer, name: string, incarnation: Incarnation, asked: ReadonlySet<string>): void {
    const highest = this.#highest.get(name) ?? 0;
    if (incarnation <= highest) return;
    this.#highest.set(name, incarnation);
    if (incarnation % 2 === 1) {
      if (incarnation > 1) this.#counters.recreations++;
      return;
    }
    this.#counters.deletions++;
    if (!asked.has(name)) violated("deletions", `${peer.place} deleted ${name} (incarnation ${incarnation}) unasked`);
  }
}
