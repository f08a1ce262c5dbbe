/**
 * The engine of a peer: a state machine with no socket, clock, disk or randomness of its own. Events in, effects out.
 *
 * A step has three parts, always in this order:
 * 1. *Stage*: each event changes memory only (`catalog`, links, rounds).
 * 2. *Commit*: everything staged is written in one transaction (`commitChanges`).
 * 3. *Show*: frames, messages and answers are made from what is committed.
 *
 * So what leaves a step is on disk, by construction. What does not commit is thrown away and its writers are told.
 * Read `event.ts` and `effect.ts` first.
 */
import type { ClusterId, PeerId, ProcessId, Role } from "@yarrow/protocol";
import { assert } from "@yarrow/protocol";
import { Committer } from "./committer.ts";
import type { ReplicaConfig } from "./config.ts";
import { createConfig } from "./config.ts";
import type { CopiesPolicy } from "./copies-policy.ts";
import { createCopiesPolicy } from "./copies-policy.ts";
import { Contribution } from "./document/contribution.ts";
import { createFingerprintKey } from "./document/fingerprint.ts";
import type { Effect } from "./effect.ts";
import type { AwaitCopies, DeleteDocument, Event, SubscriberId } from "./event.ts";
import { Inbox } from "./inbox.ts";
import type { Credentials } from "./links/credentials.ts";
import { encodeToken } from "./lag/token.ts";
import type { Link } from "./links/link.ts";
import type { Parts } from "./parts.ts";
import { assembleParts } from "./parts.ts";
import type { QuarantinedDocument } from "./quarantine.ts";
import type { RoleRefusal } from "./roles.ts";
import type { ReplicaStatus } from "./status.ts";
import { describeStatus } from "./status.ts";
import type { DocumentRow, Store } from "./store.ts";
import { StoreFullError } from "./store.ts";

export interface ReplicaOptions {
  readonly store: Store;
  /** Uniform in [0, 1). The same numbers and events give the same effects. */
  readonly random: () => number;
  readonly processId: ProcessId;
  /** Undefined: blank, and waiting to adopt the id of the first decided peer it reaches. */
  readonly clusterId: ClusterId | undefined;
  /** Holds until a role is set by `set-role`; one that was set before is remembered in the store, and wins. Default writer. */
  readonly role?: Role;
  /** Addresses at which others can dial this peer. */
  readonly addresses: readonly string[];
  /** Addresses to dial. */
  readonly peers: readonly string[];
  /** Learn further addresses from other peers, and dial them. */
  readonly discovery: boolean;
  /** How this peer proves who it is, and whom it lets in. Left out: it proves nothing and asks for nothing. */
  readonly credentials?: Credentials;
  readonly config?: Partial<ReplicaConfig>;
  /** What the acknowledgement of an edit waits for. Default: nothing but the commit here. */
  readonly copies?: Partial<CopiesPolicy>;
  /** Milliseconds since 1970 that never run backwards. */
  readonly now: number;
}

export interface ReplicaDocument {
  readonly row: DocumentRow;
  /** Yjs updates, encoding V1, oldest first; merge them and replace the delete set by this one. */
  readonly parts: readonly Uint8Array[];
  readonly deleteSet: Uint8Array;
  readonly pendingBytes: number;
}

export class Replica {
  readonly config: ReplicaConfig;
  readonly peerId: PeerId;
  readonly processId: ProcessId;
  readonly #store: Store;
  #clusterId: ClusterId | undefined;
  #effects: Effect[] = [];
  #later: ((now: number) => void)[] = [];
  readonly #parts: Parts;
  readonly #inbox: Inbox;
  readonly #committer: Committer;

  constructor(options: ReplicaOptions) {
    const { store, processId } = options;
    const config = createConfig(options.config);
    const peerId = store.readPeerId();
    this.config = config;
    this.peerId = peerId;
    this.processId = processId;
    this.#store = store;
    this.#clusterId = options.clusterId;
    const emit = (effect: Effect): void => this.#emit(effect);
    const later = (task: (then: number) => void): void => void this.#later.push(task);
    this.#parts = assembleParts({
      ...options,
      config,
      copiesPolicy: createCopiesPolicy(options.copies),
      peerId,
      initialRole: options.role ?? "writer",
      clusterId: () => this.#clusterId,
      adoptCluster: (id) => this.#adoptCluster(id),
      linkOpened: (link, now) => this.#linkOpened(link, now),
      linkEnded: (link, now) => this.#linkEnded(link, now),
      emit,
      later,
    });
    this.#inbox = new Inbox(this.#parts, later);
    this.#committer = new Committer({ ...this.#parts, store, config, emit });
  }

  /** Handles a batch of events, in order. An empty batch is a wake-up at `nextDeadline`. */
  step(events: readonly Event[], now: number): Effect[] {
    this.#inbox.takeStreamed(now);
    this.#parts.subscribers.wake(now);
    for (const event of events) this.#take(event, now);
    this.#parts.links.wake(now);
    this.#parts.copies.wake(now);
    this.#parts.confirmations.wake(now);
    this.#committer.commit(now);
    this.#runLater(now);
    this.#upkeep(now);
    this.#runLater(now);
    this.#parts.links.flush(now);
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** When `step` must be called again even if nothing happens; Infinity when never. */
  nextDeadline(): number {
    if (this.#inbox.waiting) return 0;
    return Math.min(
      this.#parts.links.nextDeadline(),
      this.#parts.copies.nextDeadline(),
      this.#parts.confirmations.nextDeadline(),
      this.#parts.reconciler.nextDeadline(),
      this.#parts.publisher.nextDeadline(),
      this.#parts.repairs.nextDeadline(),
      this.#parts.membership.nextDeadline(),
      this.#parts.standings.nextDeadline(),
      this.#parts.compactor.nextDeadline(),
      this.#parts.sweeper.nextDeadline(),
      this.#parts.scrubber.nextDeadline(),
      this.#parts.verifier.nextDeadline(),
      this.#parts.roles.nextDeadline(),
      this.#parts.subscribers.nextDeadline(),
      this.#parts.catalog.nextTrim(),
      this.#parts.encoder.nextTrim(),
      this.#parts.lag.nextDeadline(),
      this.#parts.waits.nextDeadline(),
      this.#parts.gossip.nextDeadline(),
      this.#parts.interest.nextDeadline(),
    );
  }

  status(now: number): ReplicaStatus {
    return describeStatus({
      clusterId: this.#clusterId,
      storeFull: this.#committer.storeFull,
      ...this.#parts,
      store: this.#store,
      workbench: this.#parts.workbench.size,
      now,
    });
  }

  /** False when so many peers are paused by name that `pause-links` would ignore another. */
  mayPause(peer: string): boolean {
    return this.#parts.links.mayPause(peer);
  }

  /** False when so many peers have a limit by name that `limit-link` would ignore another. */
  mayLimit(peer: string): boolean {
    return this.#parts.links.rateLimits.mayAdd(peer);
  }

  /** Documents that are out of use, with why and since when. */
  quarantined(now: number): QuarantinedDocument[] {
    return this.#parts.quarantine.list(now);
  }

  /** The committed state vector of a document, for a relay that must remember where a slow reader stood. */
  stateVector(name: string, now: number): Uint8Array {
    return this.#parts.catalog.entry(name, now).lattice.encodeStateVector();
  }

  /** What stands for all that a subscriber wrote to a document since it attached; nothing when it is gone. Call between two steps. */
  token(subscriber: SubscriberId, name: string): Uint8Array {
    const clusterId = this.#clusterId;
    assert(clusterId !== undefined, "a peer without a cluster has no subscribers");
    const wrote = this.#parts.subscribers.wrote(subscriber);
    return encodeToken({ clusterId, name, incarnation: 0, contribution: new Contribution(), ...wrote });
  }

  /** A document's stored updates and delete set, for readers. Undefined when nothing of that name was ever written. */
  read(name: string, now: number): ReplicaDocument | undefined {
    const entry = this.#parts.catalog.entry(name, now);
    const { row } = entry;
    if (row === undefined || entry.incarnation === 0) return undefined;
    return {
      row,
      // Where damage is found, the entry is rebuilt, and what survives is read in its place.
      parts: this.#parts.encoder.parts(entry) ?? this.#parts.encoder.parts(entry) ?? [],
      deleteSet: entry.lattice.encodeDeleteSet(),
      pendingBytes: entry.pendingBytes,
    };
  }

  /** Why this replica takes no writes of its own; undefined when it does. */
  refusal(): RoleRefusal | undefined {
    return this.#parts.roles.refusal();
  }

  #take(event: Event, now: number): void {
    switch (event.type) {
      case "attach":
        return this.#isolated(event.name, event.subscriber, now, () => this.#parts.subscribers.attach(event, now));
      case "edit": {
        const name = this.#parts.subscribers.nameOf(event.subscriber) ?? "";
        return this.#isolated(name, event.subscriber, now, () => this.#parts.subscribers.edit(event, now));
      }
      case "detach":
        return this.#parts.subscribers.detach(event.subscriber);
      case "delete":
        if (this.#parts.isolation.guard(event.name, now, () => this.#delete(event, now))) return;
        return this.#notDeleted(event, now);
      case "await-copies":
        return this.#awaitCopies(event);
      case "await-token":
        return void this.#later.push((then) => this.#parts.waits.startToken(event, then));
      case "await-fresh":
        return void this.#later.push((then) => this.#parts.waits.startFresh(event, then));
      case "cancel":
        this.#parts.copies.cancel(event.request);
        this.#parts.waits.cancel(event.request);
        return this.#parts.verifier.cancel(event.request);
      case "announce-presence":
        return this.#parts.publisher.presence(event, now);
      case "link-opened":
        return this.#parts.links.linkOpened(event.link, event.dialled, now);
      case "link-frame":
        return this.#parts.links.frame(event.link, event.bytes, now, (link, message) =>
          this.#inbox.take(link, message, now),
        );
      case "link-closed":
        return this.#parts.links.linkClosed(event.link, event.reason, now);
      case "link-congested":
      case "link-drained":
        return this.#parts.publisher.congestion(event.link, event.type === "link-congested", now);
      case "dial-failed":
        this.#parts.membership.dialFailed(event.url);
        return this.#parts.links.dialFailed(event.url, now);
      case "pause-links":
        return this.#parts.links.pause(event.peer, event.paused, now);
      case "limit-link":
        return this.#parts.links.limit(event.peer, event.bytesPerSecond, now);
      case "credentials-changed":
        return this.#parts.links.recheckCredentials(now);
      case "set-role":
        return void this.#later.push((then) => this.#parts.roles.set(event, then));
      case "compact":
        return this.#parts.compactor.compactAll(event.request);
      case "verify":
        return void this.#later.push((then) => this.#parts.verifier.start(event, then));
      case "release":
        return void this.#later.push((then) => this.#parts.quarantine.release(event, then));
      case "work-done":
        return void this.#later.push((then) => this.#parts.workbench.finished(event.work, event.result, then));
    }
  }

  /** What one subscriber does to one document. Where that is closed, or fails over it, the subscriber is let go. */
  #isolated(name: string, subscriber: SubscriberId, now: number, task: () => void): void {
    const { isolation, subscribers } = this.#parts;
    if (isolation.guard(name, now, task)) return;
    subscribers.turnAway(subscriber, name, isolation.closed(name, now)?.detail ?? "it failed");
  }

  #notDeleted({ name, request }: DeleteDocument, now: number): void {
    const detail = this.#parts.isolation.closed(name, now)?.detail ?? "it failed";
    const failure = { code: "YARROW_DOCUMENT_QUARANTINED", detail } as const;
    this.#emit({ type: "deleted", request, existed: true, failure });
  }

  #delete({ name, request }: DeleteDocument, now: number): void {
    const failure = this.#parts.roles.refusal();
    if (failure !== undefined) return this.#emit({ type: "deleted", request, existed: false, failure });
    const entry = this.#parts.catalog.entry(name, now);
    if (!entry.alive) return this.#emit({ type: "deleted", request, existed: false, failure: undefined });
    const staged = this.#parts.catalog.staged(entry);
    this.#parts.catalog.move(staged, entry.incarnation + 1, []);
    staged.announce = true;
    staged.deletions.push(request);
  }

  #awaitCopies(event: AwaitCopies): void {
    this.#later.push((now) => {
      const written = this.#parts.subscribers.written(event.subscriber);
      if (written === undefined) {
        const failure = {
          code: "YARROW_DOCUMENT_DELETED",
          detail: "the document was let go before it was copied",
        } as const;
        return this.#emit({ type: "copies", request: event.request, reached: [], failure });
      }
      const done = (): void => this.#parts.subscribers.confirmed(event.subscriber, written);
      this.#parts.copies.start(event, written, now, done);
    });
  }

  /** Tasks may queue further tasks; none of them stages anything. */
  #runLater(now: number): void {
    while (this.#later.length > 0) {
      const tasks = this.#later;
      this.#later = [];
      for (const task of tasks) task(now);
    }
  }

  #upkeep(now: number): void {
    this.#parts.roles.wake(now);
    this.#parts.repairs.wake(now);
    this.#parts.publisher.wake(now, this.#parts.catalog);
    this.#parts.reconciler.wake(now);
    this.#parts.membership.wake(now);
    this.#parts.standings.wake(now);
    this.#parts.compactor.wake(now);
    this.#parts.sweeper.wake(now);
    this.#parts.scrubber.wake(now);
    this.#parts.verifier.wake(now);
    this.#parts.catalog.trim(now);
    this.#parts.encoder.trim(now);
    this.#parts.lag.wake(now);
    this.#parts.waits.wake(now);
    this.#parts.gossip.wake(now);
    this.#parts.interest.wake(now);
  }

  #linkOpened(link: Link, now: number): void {
    this.#parts.membership.linkOpened(link, now);
    this.#parts.standings.linkOpened(link, this.#parts.links.open(), now);
    this.#parts.lag.hurry();
    this.#parts.interest.linkOpened(link);
    this.#later.push((then) => {
      if (link.state.kind !== "open") return;
      this.#parts.reconciler.linkOpened(link);
      this.#parts.copies.linkOpened(then);
      this.#parts.confirmations.linkOpened(then);
    });
  }

  #linkEnded(link: Link, now: number): void {
    this.#parts.membership.linkEnded(link, now);
    this.#parts.gossip.linkEnded(link, now);
    this.#parts.interest.linkEnded(link, now);
    this.#parts.reconciler.linkEnded(link, now);
    this.#parts.surplus.linkEnded(link);
    this.#parts.verifier.linkEnded(link);
  }

  /** Returns false when there is no room to remember it. */
  #adoptCluster(id: ClusterId): boolean {
    const key = createFingerprintKey(id);
    try {
      this.#store.transaction(() => this.#store.writeClusterId(id));
    } catch (error) {
      if (error instanceof StoreFullError) return false;
      throw error;
    }
    this.#clusterId = id;
    this.#parts.tree.rekey(key);
    this.#parts.catalog.rekey(key);
    this.#emit({ type: "observe", fact: { kind: "joined", clusterId: id } });
    return true;
  }

  #emit(effect: Effect): void {
    this.#effects.push(effect);
  }
}
