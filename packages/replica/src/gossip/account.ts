/**
 * What was written to one document here and is not yet known to be on enough other peers: batches in the order of their
 * commits, confirmed in that order.
 *
 * Invariants
 * 1. At most the last batch has not been asked about; what is written while too many questions are under way joins it.
 * 2. A batch that was asked about takes nothing more: an answer confirms nothing that was written after its question.
 */
import type { Incarnation, PeerId } from "@yarrow/protocol";
import { Contribution } from "../document/contribution.ts";
import type { SubscriberId } from "../event.ts";

/** What one subscriber wrote in a batch, and is to be told when it is confirmed. */
export interface Wrote {
  edits: number;
  /** The echo, in parts. Empty for whoever takes none. */
  readonly updates: Uint8Array[];
  bytes: number;
  /** Changes of the document of which this is made. */
  takes: number;
}

export interface Batch {
  readonly number: number;
  readonly contribution: Contribution;
  /** Where the structs of each client begin, so that nobody is told that they are here. */
  readonly starts: Map<number, number>;
  readonly wrote: Map<SubscriberId, Wrote>;
  readonly reached: Set<PeerId>;
  readonly at: number;
  asked: boolean;
}

export interface Written {
  readonly contribution: Contribution;
  readonly starts: ReadonlyMap<number, number>;
  readonly edits: number;
}

export class Account {
  readonly name: string;
  readonly incarnation: Incarnation;
  /** Oldest first. */
  readonly batches: Batch[] = [];
  /** Questions under way, oldest first. */
  readonly subjects: number[] = [];
  askAt = Number.POSITIVE_INFINITY;
  waitMs = 0;
  #next = 1;

  constructor(name: string, incarnation: Incarnation) {
    this.name = name;
    this.incarnation = incarnation;
  }

  /** Batches that were asked about. */
  get asked(): number {
    return this.batches.length - (this.batches.at(-1)?.asked === false ? 1 : 0);
  }

  /** Since when the oldest of it waits; Infinity when nothing does. */
  get since(): number {
    return this.batches[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Returns the batch that it has become part of. */
  add(written: Written, wrote: ReadonlyMap<SubscriberId, Wrote>, now: number): Batch {
    let batch = this.batches.at(-1);
    if (batch === undefined || batch.asked) {
      batch = {
        number: this.#next++,
        contribution: new Contribution(),
        starts: new Map(),
        wrote: new Map(),
        reached: new Set(),
        at: now,
        asked: false,
      };
      this.batches.push(batch);
    }
    batch.contribution.join(written.contribution);
    lower(batch.starts, written.starts);
    for (const [subscriber, one] of wrote) addWrote(batch.wrote, subscriber, one);
    return batch;
  }

  /** All that waits. */
  union(): Contribution {
    const [first, ...rest] = this.batches;
    if (first !== undefined && rest.length === 0) return first.contribution;
    const all = new Contribution();
    for (const batch of this.batches) all.join(batch.contribution);
    return all;
  }

  /** Takes out of a state vector whatever waits here. */
  hide(clocks: Map<number, number>): void {
    for (const { starts } of this.batches) {
      for (const [client, start] of starts) {
        if ((clocks.get(client) ?? 0) <= start) continue;
        if (start === 0) clocks.delete(client);
        else clocks.set(client, start);
      }
    }
  }
}

function lower(starts: Map<number, number>, other: ReadonlyMap<number, number>): void {
  for (const [client, start] of other) {
    if (start < (starts.get(client) ?? Number.POSITIVE_INFINITY)) starts.set(client, start);
  }
}

function addWrote(all: Map<SubscriberId, Wrote>, subscriber: SubscriberId, wrote: Wrote): void {
  const known = all.get(subscriber);
  if (known === undefined) return void all.set(subscriber, wrote);
  known.edits += wrote.edits;
  known.updates.push(...wrote.updates);
  known.bytes += wrote.bytes;
  known.takes += wrote.takes;
}
