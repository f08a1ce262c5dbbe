/**
 * A follower originates nothing. Whatever it writes to its disk, a writer has written before it, anywhere and at any time: every
 * struct and every deletion, each incarnation, and the fence holds nobody but clients that a writer has taken in.
 */
import type { Incarnation } from "@yarrow/protocol";
import { Contribution, Ranges } from "@yarrow/replica";
import type { DocumentRow } from "@yarrow/replica";
import type { SimulatedPeer } from "../peer.ts";
import type { Witness, Writing } from "../witness.ts";
import { violated } from "../witness.ts";
import { contributionOf } from "./contributions.ts";
import { fenceOf } from "./fence.ts";

/** What writers have written of one name. */
interface Origin {
  highest: Incarnation;
  readonly clients: Set<number>;
  readonly written: Map<Incarnation, Contribution>;
}

export class Origins implements Witness {
  readonly #origins = new Map<string, Origin>();
  /** Rows of followers that were looked at. */
  checked = 0;

  written(peer: SimulatedPeer, names: readonly string[], { originates }: Writing): void {
    const { disk } = peer;
    for (const row of disk.store.readChanges(disk.seenSequence, Number.MAX_SAFE_INTEGER)) {
      disk.seenSequence = row.sequence;
      for (const { update } of row.segments ?? []) {
        const contribution = contributionOf(update);
        if (originates) this.#take(row.name, row.incarnation, contribution);
        else this.#check(peer, row.name, row.incarnation, contribution);
      }
    }
    for (const name of names) {
      const row = disk.store.readDocument(name);
      if (row === undefined) continue;
      if (originates) this.#takeRecord(peer, row);
      else this.#checkRecord(peer, row);
    }
  }

  /** Of a writer that is not among the peers: a follower may have it before any of them. */
  wroteElsewhere(name: string, incarnation: Incarnation, update: Uint8Array): void {
    this.#take(name, incarnation, contributionOf(update));
  }

  #of(name: string): Origin {
    let origin = this.#origins.get(name);
    if (origin === undefined) {
      this.#origins.set(name, (origin = { highest: 0, clients: new Set(), written: new Map<number, Contribution>() }));
    }
    return origin;
  }

  #take(name: string, incarnation: Incarnation, contribution: Contribution): void {
    const { clients, written } = this.#of(name);
    for (const client of contribution.clocks.keys()) clients.add(client);
    const known = written.get(incarnation);
    if (known === undefined) written.set(incarnation, contribution);
    else known.join(contribution);
  }

  /** What waits at a writer is taken in later, perhaps when it is a follower. */
  #takeRecord({ disk }: SimulatedPeer, row: DocumentRow): void {
    const origin = this.#of(row.name);
    origin.highest = Math.max(origin.highest, row.incarnation);
    for (const client of fenceOf(row)) origin.clients.add(client);
    for (const { segment } of disk.store.readPending(row.id)) {
      if (segment !== undefined) this.#take(row.name, row.incarnation, contributionOf(segment.update));
    }
  }

  #check({ place }: SimulatedPeer, name: string, incarnation: Incarnation, brought: Contribution): void {
    this.checked++;
    const written = this.#of(name).written.get(incarnation) ?? new Contribution();
    for (const [client, clock] of brought.clocks) {
      if (clock <= (written.clocks.get(client) ?? 0)) continue;
      violated(
        "origins",
        `${place}, a follower, has clock ${clock} of client ${client} in ${name}, and no writer had it`,
      );
    }
    for (const [client, ranges] of brought.deletes) {
      if (Ranges.from(ranges.minus(written.deletes.get(client) ?? Ranges.empty())).size === 0) continue;
      violated("origins", `${place}, a follower, deletes of client ${client} in ${name} what no writer has deleted`);
    }
  }

  #checkRecord({ place }: SimulatedPeer, row: DocumentRow): void {
    const { highest, clients } = this.#of(row.name);
    if (row.incarnation > highest) {
      violated(
        "origins",
        `${place}, a follower, has incarnation ${row.incarnation} of ${row.name}; writers ${highest}`,
      );
    }
    for (const client of fenceOf(row)) {
      if (!clients.has(client)) violated("origins", `${place}, a follower, fences client ${client} in ${row.name}`);
    }
  }
}
