/**
 * Shows committed changes, and tells those who wrote them: at once, or when enough other peers have them too. To a browser
 * the echo of its edit is the acknowledgement, so that is what is kept back; everybody else sees everything at once.
 */
import type { Entry } from "./catalog/entry.ts";
import type { StagedChange, StagedEdit } from "./catalog/staged-change.ts";
import { mergeUpdates } from "./document/merge.ts";
import { scanUpdate } from "./document/scan-update.ts";
import { encodeStateVector } from "./document/state-vector.ts";
import { MERGED_LIMITS } from "./document/update-limits.ts";
import type { Deferral, Effect } from "./effect.ts";
import type { SubscriberId } from "./event.ts";
import type { LogSegment } from "./store.ts";
import type { Written, Wrote } from "./gossip/account.ts";
import type { Confirmations } from "./gossip/confirmations.ts";
import { withhold, writtenIn } from "./gossip/withholding.ts";
import type { Audience } from "./gossip/withholding.ts";

export interface AcknowledgementsParts {
  readonly confirmations: Confirmations;
  readonly emit: (effect: Effect) => void;
  /** Still attached. */
  readonly isPresent: (id: SubscriberId) => boolean;
  /** A browser session, and no embedded handle. */
  readonly takesEcho: (id: SubscriberId) => boolean;
  /** More of it would have to wait than may. */
  readonly overloaded: (id: SubscriberId, name: string) => void;
}

const NOBODY: ReadonlyMap<SubscriberId, Wrote> = new Map();

export class Acknowledgements {
  readonly #parts: AcknowledgementsParts;
  /** Sessions of which something may wait in a document for what it refers to; kept only where echoes wait for copies. */
  readonly #pendingAuthors = new Map<string, Set<SubscriberId>>();

  /** See `Audience.claims`; by document. */
  readonly #claims = new Map<string, Map<SubscriberId, Map<number, number>>>();

  constructor(parts: AcknowledgementsParts) {
    this.#parts = parts;
  }

  show(change: StagedChange, now: number): void {
    const { confirmations } = this.#parts;
    const { entry, segments } = change;
    const merged = segments.length === 0 ? undefined : mergeUpdates(segments.map((segment) => segment.update));
    const audience = this.#audience(change);
    const written = confirmations.active ? writtenIn(change, audience) : undefined;
    if (written === undefined) this.#show(change, merged, [], NOBODY);
    else this.#showWritten(change, merged, written, audience, now);
    if (entry.pending.length === 0) this.#pendingAuthors.delete(entry.name);
    this.#settleClaims(entry);
  }

  /** A session has come, with this state vector. `staged`: what this batch has done to the document so far. */
  attached(
    id: SubscriberId,
    { name, lattice }: Entry,
    clocks: ReadonlyMap<number, number>,
    staged: readonly LogSegment[],
  ): void {
    if (!this.#parts.confirmations.active) return;
    // What is being committed has not been shown: to this session it will come as anything later does.
    const starts = new Map<number, number>();
    for (const { update } of staged) {
      for (const { client, start } of scanUpdate(update, MERGED_LIMITS).sections) {
        starts.set(client, Math.min(start, starts.get(client) ?? start));
      }
    }
    const shown = (client: number): number => starts.get(client) ?? lattice.stateVector.get(client) ?? 0;
    const ahead = [...clocks].filter(([client, clock]) => clock > shown(client));
    if (ahead.length === 0) return;
    const claims = this.#claims.get(name) ?? new Map<SubscriberId, Map<number, number>>();
    this.#claims.set(name, claims.set(id, new Map(ahead)));
  }

  /** What others may take for granted that this peer holds. */
  stateVector({ name, lattice }: Entry): Uint8Array {
    const { confirmations } = this.#parts;
    if (!confirmations.active) return lattice.encodeStateVector();
    const kept = new Map(lattice.stateVector);
    confirmations.hide(name, kept);
    return encodeStateVector(kept);
  }

  /** The subscriber is gone. */
  forget(id: SubscriberId, name: string): void {
    this.#pendingAuthors.get(name)?.delete(id);
    this.#claims.get(name)?.delete(id);
    this.#parts.confirmations.forget(id, name);
  }

  /** Shows what was written here, in part or whole, where copies are wanted of it. */
  #showWritten(
    change: StagedChange,
    merged: Uint8Array | undefined,
    written: Written,
    audience: Audience,
    now: number,
  ): void {
    const { confirmations } = this.#parts;
    if (!confirmations.synchronous) {
      this.#show(change, merged, [], NOBODY);
      confirmations.take(change.entry, written, NOBODY, now);
      return;
    }
    const { wrote, deferred } = withhold(change, audience, merged);
    this.#show(change, merged, deferred, wrote);
    for (const id of confirmations.take(change.entry, written, wrote, now))
      this.#parts.overloaded(id, change.entry.name);
  }

  /** `wrote`: who waits for copies of it. */
  #show(
    { entry, edits }: StagedChange,
    update: Uint8Array | undefined,
    deferred: readonly Deferral[],
    wrote: ReadonlyMap<SubscriberId, Wrote>,
  ): void {
    const { name, incarnation } = entry;
    if (update !== undefined) {
      const writers = new Set(edits.filter(({ outcome }) => outcome !== "echo").map(({ subscriber }) => subscriber));
      const deliver = { type: "deliver", name, incarnation, update, writers: [...writers] } as const;
      this.#parts.emit(deferred.length === 0 ? deliver : { ...deliver, deferred });
    }
    this.#acknowledge(edits, wrote, () => this.stateVector(entry));
  }

  #audience({ entry: { name }, edits }: StagedChange): Audience {
    let authors = this.#pendingAuthors.get(name);
    for (const { subscriber, written } of edits) {
      if (written?.whole !== false || !this.#parts.isPresent(subscriber)) continue;
      if (authors === undefined) this.#pendingAuthors.set(name, (authors = new Set()));
      authors.add(subscriber);
    }
    return {
      isPresent: this.#parts.isPresent,
      takesEcho: this.#parts.takesEcho,
      pendingAuthors: authors ?? new Set(),
      claims: this.#claims.get(name) ?? new Map(),
    };
  }

  /** Forgets the claims to what is here by now. */
  #settleClaims({ name, lattice }: Entry): void {
    const claims = this.#claims.get(name);
    for (const [id, ahead] of claims ?? []) {
      for (const [client, clock] of ahead) if (clock <= (lattice.stateVector.get(client) ?? 0)) ahead.delete(client);
      if (ahead.size === 0) claims?.delete(id);
    }
    if (claims?.size === 0) this.#claims.delete(name);
  }

  #acknowledge(
    edits: readonly StagedEdit[],
    wrote: ReadonlyMap<SubscriberId, Wrote>,
    stateVector: () => Uint8Array,
  ): void {
    const { emit } = this.#parts;
    const counts = new Map<SubscriberId, number>();
    const gaps = new Set<SubscriberId>();
    for (const { subscriber, outcome, update, written } of edits) {
      if (!this.#parts.isPresent(subscriber)) continue;
      counts.set(subscriber, (counts.get(subscriber) ?? 0) + 1);
      if (outcome === "echo" && (written === undefined || !wrote.has(subscriber)))
        emit({ type: "echo", subscriber, update });
      if (outcome === "pending") gaps.add(subscriber);
    }
    for (const [subscriber, count] of counts) {
      const waits = wrote.get(subscriber)?.edits ?? 0;
      if (count > waits) emit({ type: "saved", subscriber, edits: count - waits });
      if (waits > 0) emit({ type: "saved", subscriber, edits: waits, waits: true });
    }
    for (const subscriber of gaps) emit({ type: "gap", subscriber, stateVector: stateVector() });
  }
}
