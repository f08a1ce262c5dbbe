/**
 * Who looks at which document: browser sessions and embedded handles, each bound to one incarnation.
 *
 * Invariants
 * 1. A subscriber is attached only after its state vector has passed the fence; before that none of its edits is accepted.
 * 2. When what it is bound to dies, it is evicted. One bound to a deleted name holds nothing dead and stays through re-creation.
 * 3. On a follower an edit is accepted only as far as it brings nothing new; see `withheld.ts` for what is not refused at once.
 * 4. Answers are encoded after the commit, so what a subscriber is shown is on disk.
 */
import type { Incarnation, YarrowErrorCode } from "@yarrow/protocol";
import { isAlive, YarrowError } from "@yarrow/protocol";
import { Acknowledgements } from "./acknowledgements.ts";
import type { Catalog } from "./catalog/catalog.ts";
import type { Encoder } from "./catalog/encoder.ts";
import type { StagedChange } from "./catalog/staged-change.ts";
import { Contribution } from "./document/contribution.ts";
import { checkName } from "./document/keys.ts";
import { decodeStateVector } from "./document/state-vector.ts";
import { contributionOf } from "./document/absorb.ts";
import type { ScannedUpdate } from "./document/scan-update.ts";
import type { Isolation } from "./isolation.ts";
import type { Interest } from "./presence/interest.ts";
import type { ReplicaConfig } from "./config.ts";
import type { Entry } from "./catalog/entry.ts";
import type { RoleRefusal } from "./roles.ts";
import { Withheld } from "./withheld.ts";
import type { Effect, EvictReason, Fact } from "./effect.ts";
import type { Attach, Edit, SubscriberId } from "./event.ts";
import type { Confirmations } from "./gossip/confirmations.ts";

interface Subscriber {
  readonly id: SubscriberId;
  readonly name: string;
  incarnation: Incarnation;
  /** What it wrote since its copies were last known; undefined when nobody will ask. */
  unconfirmed: Contribution | undefined;
  /** Everything it wrote since it attached, for tokens; undefined when nobody will ask. */
  readonly wrote: Contribution | undefined;
  /** Edits so far, to tell whether more was written since `unconfirmed` was asked about. */
  edits: number;
}

export interface Written {
  readonly name: string;
  readonly incarnation: Incarnation;
  readonly contribution: Contribution;
  readonly edits: number;
}

export interface SubscribersParts {
  readonly catalog: Catalog;
  readonly encoder: Encoder;
  readonly config: ReplicaConfig;
  readonly confirmations: Confirmations;
  readonly joining: () => boolean;
  /** Why no edit is taken; undefined when edits are. */
  readonly refusal: () => RoleRefusal | undefined;
  readonly emit: (effect: Effect) => void;
  /** Runs when this batch is committed. */
  readonly later: (task: (now: number) => void) => void;
  readonly isolation: Isolation;
  readonly interest: Interest;
}

export class Subscribers {
  readonly #parts: SubscribersParts;
  readonly #byId = new Map<SubscriberId, Subscriber>();
  readonly #byName = new Map<string, Set<Subscriber>>();
  readonly #sessionsByName = new Map<string, number>();
  readonly #withheld: Withheld;
  readonly #acknowledgements: Acknowledgements;

  constructor(parts: SubscribersParts) {
    this.#parts = parts;
    this.#withheld = new Withheld(parts.config.readerPatienceMs);
    this.#acknowledgements = new Acknowledgements({
      ...parts,
      isPresent: (id) => this.#byId.has(id),
      takesEcho: (id) => this.#byId.get(id)?.unconfirmed === undefined,
      overloaded: (id, name) => this.#overloaded(id, name),
    });
  }

  get size(): number {
    return this.#byId.size;
  }

  /** The document and what the subscriber wrote to it. */
  written(id: SubscriberId): Written | undefined {
    const subscriber = this.#byId.get(id);
    if (subscriber?.unconfirmed === undefined) return undefined;
    const { name, incarnation, unconfirmed: contribution, edits } = subscriber;
    return { name, incarnation, contribution, edits };
  }

  /** All that a subscriber wrote since it attached; call between two steps. Undefined when it is gone. */
  wrote(id: SubscriberId): Omit<Written, "edits"> | undefined {
    const subscriber = this.#byId.get(id);
    if (subscriber?.wrote === undefined) return undefined;
    return { name: subscriber.name, incarnation: subscriber.incarnation, contribution: subscriber.wrote };
  }

  /** What was written is confirmed; it stays in the account if more was written since. */
  confirmed(id: SubscriberId, { edits }: Written): void {
    const subscriber = this.#byId.get(id);
    if (subscriber?.edits === edits && subscriber.unconfirmed !== undefined) {
      subscriber.unconfirmed = new Contribution();
    }
  }

  attach({ subscriber: id, name, stateVector, countsCopies }: Attach, now: number): void {
    const { catalog, joining } = this.#parts;
    if (joining()) {
      return this.#evict(id, "joining", "YARROW_CLUSTER_UNDECIDED", "this peer has not joined its cluster yet");
    }
    let clocks: Map<number, number>;
    try {
      checkName(name);
      clocks = decodeStateVector(stateVector);
    } catch (error) {
      return this.#refuse(id, error);
    }
    const entry = catalog.entry(name, now);
    if (entry.isStale(clocks)) {
      return this.#evict(
        id,
        "stale",
        "YARROW_DOCUMENT_DELETED",
        `${quote(name)} was deleted since this copy was loaded; reload to see what is there now`,
      );
    }
    this.#bind(id, name, entry.incarnation, countsCopies === true);
    this.#acknowledgements.attached(id, entry, clocks, catalog.stagedSegments(name));
    const { isolation } = this.#parts;
    this.#parts.later((then) => isolation.guard(name, then, () => this.#answer(id, name, stateVector, then)));
  }

  detach(id: SubscriberId): void {
    const subscriber = this.#byId.get(id);
    if (subscriber === undefined) return;
    this.#byId.delete(id);
    this.#withheld.delete(id);
    this.#countSession(subscriber, -1);
    const others = this.#byName.get(subscriber.name);
    others?.delete(subscriber);
    if (others?.size === 0) this.#byName.delete(subscriber.name);
    this.#acknowledgements.forget(id, subscriber.name);
  }

  edit(edit: Edit, now: number): void {
    const { subscriber: id, update, principal } = edit;
    const { catalog } = this.#parts;
    const subscriber = this.#byId.get(id);
    if (subscriber === undefined) {
      return this.#evict(id, "invalid", "YARROW_FRAME_INVALID", "an update came before a state vector");
    }
    const { name } = subscriber;
    try {
      const scanned = catalog.scan(update, "local");
      const staged = catalog.staged(catalog.entry(name, now));
      const { entry } = staged;
      if (subscriber.incarnation !== entry.incarnation) {
        // What it is bound to died earlier in this batch: it is let go, whether that commits or not.
        if (isAlive(subscriber.incarnation)) return void staged.edits.push({ subscriber: id, outcome: "echo", update });
        subscriber.incarnation = entry.incarnation;
      }
      if (entry.isStale(new Map(scanned.sections.map(({ client, end }) => [client, end])))) {
        return this.#evict(
          id,
          "stale",
          "YARROW_DOCUMENT_DELETED",
          `${quote(name)} was deleted; the update holds what died with it`,
        );
      }
      if (this.#isRefused(edit, scanned, entry, now)) return;
      const empty = scanned.sections.length === 0 && scanned.deletes.length === 0;
      if (!entry.alive) {
        if (empty) return void staged.edits.push({ subscriber: id, outcome: "echo", update });
        const { incarnation } = entry;
        if (edit.answersGaps === true && !catalog.canBegin(scanned)) {
          return void staged.edits.push({ subscriber: id, outcome: "pending", update });
        }
        catalog.move(staged, incarnation + 1, []);
        this.#rebind(name, incarnation, entry.incarnation);
      }
      const { outcome, contribution, own, whole } = catalog.offer(
        staged,
        scanned,
        principal,
        "local",
        edit.answersGaps === true ? "drop" : "keep",
      );
      subscriber.unconfirmed?.join(contribution);
      subscriber.wrote?.join(contribution);
      subscriber.edits++;
      const starts = scanned.sections.map(({ client, start }) => [client, start] as const);
      const written = this.#parts.confirmations.active ? { own, contribution, starts, whole } : undefined;
      staged.edits.push({ subscriber: id, outcome: EDIT_OUTCOMES[outcome], update, written });
      // Nobody else is given what is not kept here.
      const published = outcome === "cut" ? own?.update : outcome === "known" ? undefined : update;
      if (published !== undefined) staged.publish.push({ principal, update: published });
    } catch (error) {
      this.#refuse(id, error, name);
    }
  }

  /** To be called first in every step: those whose patience is over, and those who may write again. */
  wake(now: number): void {
    if (this.#withheld.size === 0) return;
    const refusal = this.#parts.refusal();
    if (refusal === undefined) return this.#askAgain(now);
    for (const id of this.#withheld.takeDue(now)) this.#evict(id, "read-only", refusal.code, refusal.detail);
  }

  nextDeadline(): number {
    return this.#withheld.nextDeadline();
  }

  /** The replica takes edits again: what was withheld is asked for. */
  #askAgain(now: number): void {
    for (const { subscriber, name } of this.#withheld.takeAll()) {
      const stateVector = this.#parts.catalog.entry(name, now).lattice.encodeStateVector();
      this.#parts.emit({ type: "gap", subscriber, stateVector });
    }
  }

  /** True when a follower will not stage this edit, because it is or may be a write. */
  #isRefused({ subscriber, perhapsRead }: Edit, scanned: ScannedUpdate, entry: Entry, now: number): boolean {
    const refusal = this.#parts.refusal();
    if (refusal === undefined) return false;
    const contribution = contributionOf(scanned);
    if (entry.lattice.covers(contribution)) return false;
    if (perhapsRead === true) this.#withheld.add(subscriber, entry.name, contribution, now);
    else this.#evict(subscriber, "read-only", refusal.code, refusal.detail);
    return true;
  }

  /** Shows a committed change to everyone who looks at the document. */
  committed(change: StagedChange, now: number): void {
    const { confirmations } = this.#parts;
    const { entry } = change;
    if (change.moved) {
      confirmations.drop(entry.name);
      this.#moved(change);
    }
    if (this.#withheld.size > 0) this.#withheld.arrived(entry.name, entry.lattice);
    this.#acknowledgements.show(change, now);
  }

  /** The change did not commit: whoever wrote to it must come again. */
  failed(change: StagedChange, error: YarrowError): void {
    const writers = new Set(change.edits.map(({ subscriber }) => subscriber));
    const reason = FAILURES[error.code] ?? "invalid";
    for (const id of writers) this.#evict(id, reason, error.code, error.message);
    // The incarnation fell back with the rows: whoever was moved along with it is bound to what is no longer there.
    if (!change.moved) return;
    for (const subscriber of this.#byName.get(change.entry.name) ?? []) {
      subscriber.incarnation = change.fromIncarnation;
    }
  }

  /** A document is damaged or has failed: lets go of everyone who looks at it. */
  quarantine(name: string, detail: string): void {
    for (const { id } of [...(this.#byName.get(name) ?? [])]) this.turnAway(id, name, detail);
  }

  /** Of one who came to a document that is closed, or wrote to it. */
  turnAway(id: SubscriberId, name: string, detail: string): void {
    this.#evict(id, "quarantined", "YARROW_DOCUMENT_QUARANTINED", `${quote(name)}: ${detail}`);
  }

  nameOf(id: SubscriberId): string | undefined {
    return this.#byId.get(id)?.name;
  }

  isWatched(name: string): boolean {
    return this.#byName.has(name);
  }

  #bind(id: SubscriberId, name: string, incarnation: Incarnation, countsCopies: boolean): void {
    const known = this.#byId.get(id);
    if (known !== undefined && known.name === name) {
      known.incarnation = incarnation;
      return;
    }
    this.detach(id);
    const account = (): Contribution | undefined => (countsCopies ? new Contribution() : undefined);
    const subscriber: Subscriber = { id, name, incarnation, unconfirmed: account(), wrote: account(), edits: 0 };
    this.#byId.set(id, subscriber);
    this.#countSession(subscriber, 1);
    const others = this.#byName.get(name);
    if (others === undefined) this.#byName.set(name, new Set([subscriber]));
    else others.add(subscriber);
  }

  /** Browser sessions see who else is there; embedded handles do not. */
  #countSession({ name, wrote }: Subscriber, by: 1 | -1): void {
    if (wrote !== undefined) return;
    const count = (this.#sessionsByName.get(name) ?? 0) + by;
    if (count > 0) this.#sessionsByName.set(name, count);
    else this.#sessionsByName.delete(name);
    this.#parts.interest.look(name, count > 0);
  }

  /** Those bound to a deleted name go along when it comes alive. */
  #rebind(name: string, from: Incarnation, to: Incarnation): void {
    for (const subscriber of this.#byName.get(name) ?? []) {
      if (subscriber.incarnation === from) subscriber.incarnation = to;
    }
  }

  #moved({ entry }: StagedChange): void {
    const { name, incarnation } = entry;
    for (const subscriber of [...(this.#byName.get(name) ?? [])]) {
      if (subscriber.incarnation === incarnation) continue;
      if (isAlive(subscriber.incarnation)) {
        this.#evict(subscriber.id, "deleted", "YARROW_DOCUMENT_DELETED", `${quote(name)} was deleted`);
      } else subscriber.incarnation = incarnation;
    }
    if (isAlive(incarnation) && this.isWatched(name)) this.#parts.emit({ type: "rebound", name, incarnation });
  }

  #answer(id: SubscriberId, name: string, stateVector: Uint8Array, now: number): void {
    const { catalog, encoder, confirmations, emit } = this.#parts;
    const bound = this.#byId.get(id);
    if (bound === undefined || bound.name !== name) return;
    // The answer holds its own deletions, and more; that must not pass for their acknowledgement.
    if (confirmations.waitsFor(id)) {
      return confirmations.postpone(id, (later) => this.#answer(id, name, stateVector, later));
    }
    const entry = catalog.entry(name, now);
    const { incarnation } = entry;
    const own = this.#acknowledgements.stateVector(entry);
    encoder.answer(entry, stateVector, now, (update) => {
      const subscriber = this.#byId.get(id);
      if (subscriber === undefined || subscriber.name !== name || subscriber.incarnation !== incarnation) return;
      if (update === undefined) {
        return this.#evict(id, "quarantined", "YARROW_DOCUMENT_QUARANTINED", `${quote(name)} cannot be read`);
      }
      emit({ type: "answer", subscriber: id, name, incarnation, update, stateVector: own });
    });
  }

  #overloaded(id: SubscriberId, name: string): void {
    const detail = `too much of what this peer wrote waits for copies on other peers; ${quote(name)}`;
    this.#evict(id, "overloaded", "YARROW_COPIES_MISSING", detail);
    this.#observe({ kind: "refused-update", name, code: "YARROW_COPIES_MISSING", detail });
  }

  #refuse(id: SubscriberId, error: unknown, name = ""): void {
    if (!(error instanceof YarrowError)) throw error;
    this.#evict(id, REFUSALS[error.code] ?? "invalid", error.code, error.message);
    this.#observe({ kind: "refused-update", name, code: error.code, detail: error.message });
  }

  #evict(id: SubscriberId, reason: EvictReason, code: YarrowErrorCode, detail: string): void {
    this.detach(id);
    this.#parts.emit({ type: "evict", subscriber: id, reason, code, detail });
  }

  #observe(fact: Fact): void {
    this.#parts.emit({ type: "observe", fact });
  }
}

const EDIT_OUTCOMES = { accepted: "accepted", known: "echo", pending: "pending", cut: "pending" } as const;

const FAILURES: { readonly [code in YarrowErrorCode]?: EvictReason } = {
  YARROW_STORE_FULL: "overloaded",
  YARROW_DOCUMENT_QUARANTINED: "quarantined",
};

const REFUSALS: { readonly [code in YarrowErrorCode]?: EvictReason } = {
  YARROW_UPDATE_TOO_LARGE: "too-large",
  YARROW_DOCUMENT_TOO_LARGE: "too-large",
  YARROW_PENDING_FULL: "overloaded",
};

function quote(name: string): string {
  return JSON.stringify(name);
}
