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
import type { ClusterId, Message, PeerId, ProcessId, Role, Stream } from "@yarrow/protocol";
import { assert } from "@yarrow/protocol";
import { Reconciler } from "./anti-entropy/reconciler.ts";
import { Responder } from "./anti-entropy/responder.ts";
import { Catalog } from "./catalog/catalog.ts";
import type { CommitOutcome } from "./catalog/commit.ts";
import { commitChanges, mendDocument } from "./catalog/commit.ts";
import { Encoder } from "./catalog/encoder.ts";
import { Compactor } from "./compaction/compactor.ts";
import { Sweeper } from "./compaction/sweeper.ts";
import type { ReplicaConfig } from "./config.ts";
import { createConfig } from "./config.ts";
import { createFingerprintKey } from "./document/fingerprint.ts";
import type { Effect, Fact } from "./effect.ts";
import type { DeleteDocument, Event, AwaitCopies } from "./event.ts";
import { CopyRequests } from "./gossip/copies.ts";
import { Gossip } from "./gossip/gossip.ts";
import type { Link } from "./links/link.ts";
import { Links } from "./links/links.ts";
import { Directory } from "./membership/directory.ts";
import { Exchange } from "./membership/exchange.ts";
import { Publisher } from "./publisher.ts";
import { Repairs } from "./repairs.ts";
import { Replication } from "./replication.ts";
import { SetTree } from "./set-tree/set-tree.ts";
import type { ReplicaStatus } from "./status.ts";
import { describeStatus } from "./status.ts";
import type { DocumentRow, Store } from "./store.ts";
import { StoreFullError } from "./store.ts";
import { Subscribers } from "./subscribers.ts";
import { Verifier } from "./verification/verifier.ts";
import { VerifyPages } from "./verification/verify-pages.ts";
import { Workbench } from "./workbench.ts";

export interface ReplicaOptions {
  readonly store: Store;
  /** Uniform in [0, 1). The same numbers and events give the same effects. */
  readonly random: () => number;
  readonly processId: ProcessId;
  /** Undefined: blank, and waiting to adopt the id of the first decided peer it reaches. */
  readonly clusterId: ClusterId | undefined;
  readonly role?: Role;
  /** Addresses at which others can dial this peer. */
  readonly addresses: readonly string[];
  /** Addresses to dial. */
  readonly peers: readonly string[];
  /** Learn further addresses from other peers, and dial them. */
  readonly discovery: boolean;
  readonly config?: Partial<ReplicaConfig>;
  /** Milliseconds since 1970 that never run backwards. */
  readonly now: number;
}

/** Stands in for the cluster's id until a blank peer has one; its set is empty, so nothing is ever hashed with it. */
const UNDECIDED = "00000000000000000000000000000000" as ClusterId;

export class Replica {
  readonly config: ReplicaConfig;
  readonly peerId: PeerId;
  readonly processId: ProcessId;
  readonly #store: Store;
  readonly #role: Role;
  #clusterId: ClusterId | undefined;
  #effects: Effect[] = [];
  #later: ((now: number) => void)[] = [];
  #storeFull = false;
  /** Batches of a stream that came in the last step. */
  #streamed: { readonly link: Link; readonly message: Stream }[] = [];

  readonly #tree: SetTree;
  readonly #catalog: Catalog;
  readonly #workbench: Workbench;
  readonly #encoder: Encoder;
  readonly #subscribers: Subscribers;
  readonly #directory: Directory;
  readonly #links: Links;
  readonly #exchange: Exchange;
  readonly #gossip: Gossip;
  readonly #copies: CopyRequests;
  readonly #replication: Replication;
  readonly #responder: Responder;
  readonly #reconciler: Reconciler;
  readonly #publisher: Publisher;
  readonly #repairs: Repairs;
  readonly #compactor: Compactor;
  readonly #sweeper: Sweeper;
  readonly #verifier: Verifier;

  constructor(options: ReplicaOptions) {
    const { store, random, processId, now } = options;
    const config = createConfig(options.config);
    this.config = config;
    this.#store = store;
    this.peerId = store.readPeerId();
    this.processId = processId;
    this.#role = options.role ?? "writer";
    this.#clusterId = options.clusterId;
    const { peerId } = this;
    const key = createFingerprintKey(this.#clusterId ?? UNDECIDED);
    const emit = (effect: Effect): void => void this.#effects.push(effect);
    const later = (task: (then: number) => void): void => void this.#later.push(task);

    const tree = new SetTree(store, key, config.leafDocumentsMax);
    const catalog: Catalog = new Catalog(store, key, config, (entry, setAside) =>
      mendDocument(store, tree, catalog.key, entry, setAside),
    );
    const workbench = new Workbench(config, emit);
    const encoder = new Encoder({ store, config, workbench, rebuild: (entry, damage) => catalog.rebuild(entry, damage) });
    const directory = new Directory(config, random);
    const links = new Links({
      config,
      directory,
      peerId,
      processId,
      addresses: options.addresses,
      role: () => this.#role,
      clusterId: () => this.#clusterId,
      adoptCluster: (id) => this.#adoptCluster(id),
      emit,
      opened: (link, at) => this.#linkOpened(link, at),
      ended: (link, at) => this.#linkEnded(link, at),
    });
    const gossip = new Gossip({ config, links, processId, emit });
    const copies = new CopyRequests({ config, gossip, processId, peerId, emit });
    const responder = new Responder({ store, catalog, encoder, tree });
    const pages = new VerifyPages({ store, catalog, encoder, workbench });
    this.#tree = tree;
    this.#catalog = catalog;
    this.#workbench = workbench;
    this.#encoder = encoder;
    this.#directory = directory;
    this.#links = links;
    this.#gossip = gossip;
    this.#copies = copies;
    this.#responder = responder;
    this.#subscribers = new Subscribers({ catalog, encoder, joining: () => this.#clusterId === undefined, emit, later });
    this.#exchange = new Exchange({ config, store, directory, links, discovery: options.discovery, peerId }, now);
    this.#replication = new Replication({ config, catalog, gossip, copies, processId, peerId, emit, later });
    const equal = (link: Link, at: number): void => this.#repairs.equal(link, at);
    this.#reconciler = new Reconciler({
      config,
      store,
      catalog,
      tree,
      responder,
      processId,
      random,
      emit,
      equal,
    });
    this.#publisher = new Publisher({ config, gossip, links, reconciler: this.#reconciler, processId });
    this.#repairs = new Repairs({
      store,
      catalog,
      emit,
      evict: (name, detail) => this.#subscribers.quarantine(name, detail),
      suspect: (at) => links.open().forEach((link) => this.#reconciler.suspect(link.id, at)),
    });
    this.#compactor = new Compactor({ config, store, catalog, encoder, workbench, emit });
    this.#sweeper = new Sweeper({ store, catalog, compactor: this.#compactor, config }, now);
    this.#verifier = new Verifier({ store, catalog, tree, links, pages, emit });
    for (const url of options.peers) directory.add(url, { configured: true, now });
  }

  /** Handles a batch of events, in order. An empty batch is a wake-up at `nextDeadline`. */
  step(events: readonly Event[], now: number): Effect[] {
    this.#takeStreamed(now);
    for (const event of events) this.#take(event, now);
    this.#links.wake(now);
    this.#copies.wake(now);
    this.#commit(now);
    this.#runLater(now);
    this.#upkeep(now);
    this.#runLater(now);
    this.#links.flush();
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** When `step` must be called again even if nothing happens; Infinity when never. */
  nextDeadline(): number {
    if (this.#streamed.length > 0) return 0;
    return Math.min(
      this.#links.nextDeadline(),
      this.#copies.nextDeadline(),
      this.#reconciler.nextDeadline(),
      this.#publisher.nextDeadline(),
      this.#repairs.nextDeadline(),
      this.#exchange.nextDeadline(),
      this.#sweeper.nextDeadline(),
      this.#verifier.nextDeadline(),
      this.#catalog.nextTrim(),
      this.#encoder.nextTrim(),
    );
  }

  status(now: number): ReplicaStatus {
    return describeStatus({
      clusterId: this.#clusterId,
      role: this.#role,
      storeFull: this.#storeFull,
      tree: this.#tree,
      store: this.#store,
      links: this.#links,
      directory: this.#directory,
      catalog: this.#catalog,
      reconciler: this.#reconciler,
      subscribers: this.#subscribers.size,
      workbench: this.#workbench.size,
      now,
    });
  }

  /** The committed state vector of a document, for a relay that must remember where a slow reader stood. */
  stateVector(name: string, now: number): Uint8Array {
    return this.#catalog.entry(name, now).lattice.encodeStateVector();
  }

  /** A document's stored updates and delete set, for readers. Undefined when nothing of that name was ever written. */
  read(name: string, now: number): ReplicaDocument | undefined {
    const entry = this.#catalog.entry(name, now);
    const { row } = entry;
    if (row === undefined || entry.incarnation === 0) return undefined;
    return {
      row,
      // Where damage is found, the entry is rebuilt, and what survives is read in its place.
      parts: this.#encoder.parts(entry) ?? this.#encoder.parts(entry) ?? [],
      deleteSet: entry.lattice.encodeDeleteSet(),
      pendingBytes: entry.pendingBytes,
    };
  }

  #take(event: Event, now: number): void {
    switch (event.type) {
      case "attach":
        return this.#subscribers.attach(event, now);
      case "edit":
        return this.#subscribers.edit(event, now);
      case "detach":
        return this.#subscribers.detach(event.subscriber);
      case "delete":
        return this.#delete(event, now);
      case "await-copies":
        return this.#awaitCopies(event);
      case "cancel":
        this.#copies.cancel(event.request);
        return this.#verifier.cancel(event.request);
      case "announce-presence":
        return this.#publisher.presence(event);
      case "link-opened":
        return this.#links.linkOpened(event.link, event.dialled, now);
      case "link-frame":
        return this.#links.frame(event.link, event.bytes, now, (link, message) => this.#message(link, message, now));
      case "link-closed":
        return this.#links.linkClosed(event.link, event.reason, now);
      case "link-congested":
      case "link-drained":
        return this.#publisher.congestion(event.link, event.type === "link-congested", now);
      case "dial-failed":
        return this.#links.dialFailed(event.url, now);
      case "pause-links":
        return this.#links.pause(event.peer, event.paused, now);
      case "compact":
        return void this.#later.push((then) => this.#compactor.compactAll(event.request, then));
      case "verify":
        return void this.#later.push((then) => this.#verifier.start(event, then));
      case "work-done":
        return void this.#later.push((then) => this.#workbench.finished(event.work, event.result, then));
    }
  }

  /** What reads documents, or answers from them, runs after the commit of this batch. */
  #message(link: Link, message: Message, now: number): void {
    const reconciler = this.#reconciler;
    switch (message.type) {
      case "addresses":
        return this.#exchange.learn(message.peers, now);
      case "broadcast":
        return this.#replication.broadcast(link, message, now);
      case "acknowledge":
        return this.#replication.acknowledge(message);
      case "cover-ask":
        return this.#replication.coverAsk(link, message, now);
      case "presence":
        return this.#replication.presence(link, message, now);
      case "documents": {
        const changed = this.#replication.differences(link, message.documents, true, now);
        return void this.#later.push((then) => {
          if (message.reply) reconciler.takeDocuments(link, message, changed, then);
          else link.send({ type: "documents-taken", round: message.round, root: this.#tree.root() });
        });
      }
      case "stream":
        reconciler.askOn(link, message, now);
        return void this.#streamed.push({ link, message });
      default:
        return void this.#later.push((then) => this.#question(link, message, then));
    }
  }

  /** Takes in what the last step received from a stream, while the other side prepares the next batch. */
  #takeStreamed(now: number): void {
    const streamed = this.#streamed;
    this.#streamed = [];
    for (const { link, message } of streamed) {
      const changed = this.#replication.differences(link, message.documents, false, now);
      this.#later.push((then) => this.#reconciler.takeStream(link, message, changed, then));
    }
  }

  #question(link: Link, message: Message, now: number): void {
    if (link.state.kind !== "open") return;
    switch (message.type) {
      case "digest":
        return this.#reconciler.takeDigest(link, message, now);
      case "nodes":
        return this.#reconciler.takeNodes(link, message, now);
      case "documents-taken":
        return this.#reconciler.takeTaken(link, message, now);
      case "nodes-ask":
        return this.#responder.nodes(link, message);
      case "documents-ask":
        return this.#responder.documents(link, message, now);
      case "stream-ask":
        return this.#responder.stream(link, message, now);
      case "verify-ask":
        return this.#verifier.answer(link, message, now);
      case "verify-page":
        return this.#verifier.takePage(link, message, now);
      default:
        return assert(false, `message ${message.type} is handled by the links`);
    }
  }

  #delete({ name, request }: DeleteDocument, now: number): void {
    const entry = this.#catalog.entry(name, now);
    if (!entry.alive) return this.#emit({ type: "deleted", request, existed: false, failure: undefined });
    const staged = this.#catalog.staged(entry);
    this.#catalog.move(staged, entry.incarnation + 1, []);
    staged.announce = true;
    staged.deletions.push(request);
  }

  #awaitCopies(event: AwaitCopies): void {
    this.#later.push((now) => {
      const written = this.#subscribers.written(event.subscriber);
      if (written === undefined) {
        const failure = { code: "YARROW_DOCUMENT_DELETED", detail: "the document was let go before it was copied" } as const;
        return this.#emit({ type: "copies", request: event.request, reached: [], failure });
      }
      const done = (): void => this.#subscribers.confirmed(event.subscriber, written);
      this.#copies.start(event, written, now, done);
    });
  }

  #commit(now: number): void {
    const changes = this.#catalog.takeStaged();
    if (changes.length === 0) return;
    const parts = { store: this.#store, tree: this.#tree, catalog: this.#catalog, config: this.config, now };
    const outcomes = commitChanges(parts, changes);
    const counts = { documents: 0, updates: 0, bytes: 0, rows: 0 };
    for (const outcome of outcomes) {
      if (!outcome.committed) this.#failed(outcome, now);
      else this.#committed(outcome, counts, now);
    }
    if (counts.rows > 0) this.#observe({ kind: "committed", ...counts });
    this.#noticeRoom(outcomes);
  }

  #committed(
    { change }: CommitOutcome,
    counts: { documents: number; updates: number; bytes: number; rows: number },
    now: number,
  ): void {
    const { entry } = change;
    this.#subscribers.committed(change);
    for (const request of change.deletions) {
      this.#emit({ type: "deleted", request, existed: true, failure: undefined });
    }
    if (!change.dirty) return;
    counts.documents++;
    counts.rows++;
    counts.updates += change.segments.length;
    for (const segment of change.segments) counts.bytes += segment.update.length;
    if (change.addedPending.length > 0) {
      this.#observe({ kind: "pending", name: entry.name, bytes: entry.pendingBytes });
    }
    this.#publisher.committed(change, now);
    this.#compactor.consider(entry);
  }

  #failed({ change, ...rest }: Extract<CommitOutcome, { committed: false }>, now: number): void {
    const { error } = rest;
    const { name } = change.entry;
    this.#catalog.evict(name);
    this.#subscribers.failed(change, error);
    for (const request of change.deletions) {
      this.#emit({ type: "deleted", request, existed: true, failure: { code: error.code, detail: error.message } });
    }
    this.#publisher.failed(change, now);
    this.#observe({ kind: "commit-failed", name, code: error.code, detail: error.message });
  }

  /** A full disk is noticed once, and its end once. */
  #noticeRoom(outcomes: readonly CommitOutcome[]): void {
    const written = outcomes.filter((outcome) => outcome.change.dirty);
    if (written.length === 0) return;
    const full = written.some((outcome) => !outcome.committed && outcome.error.code === "YARROW_STORE_FULL");
    if (full !== this.#storeFull) this.#observe({ kind: full ? "store-full" : "store-recovered" });
    this.#storeFull = full;
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
    this.#repairs.wake(now);
    this.#publisher.wake(now, this.#catalog);
    this.#reconciler.wake(now);
    this.#exchange.wake(now);
    this.#compactor.wake(now);
    this.#sweeper.wake(now);
    this.#verifier.wake(now);
    this.#catalog.trim(now);
    this.#encoder.trim(now);
  }

  #linkOpened(link: Link, now: number): void {
    this.#exchange.linkOpened(link, now);
    this.#later.push(() => {
      if (link.state.kind !== "open") return;
      this.#reconciler.linkOpened(link);
      this.#copies.linkOpened();
    });
  }

  #linkEnded(link: Link, now: number): void {
    this.#gossip.linkEnded(link);
    this.#reconciler.linkEnded(link, now);
    this.#verifier.linkEnded(link);
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
    this.#tree.rekey(key);
    this.#catalog.rekey(key);
    this.#observe({ kind: "joined", clusterId: id });
    return true;
  }

  #observe(fact: Fact): void {
    this.#emit({ type: "observe", fact });
  }

  #emit(effect: Effect): void {
    this.#effects.push(effect);
  }
}

export interface ReplicaDocument {
  readonly row: DocumentRow;
  /** Yjs updates, encoding V1, oldest first; merge them and replace the delete set by this one. */
  readonly parts: readonly Uint8Array[];
  readonly deleteSet: Uint8Array;
  readonly pendingBytes: number;
}
