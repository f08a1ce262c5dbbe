/**
 * A running peer: the engine, and around it every socket, the disk and the clock. This module wires; it decides nothing.
 *
 * One update's way: socket → `Loop.receive` → `relay.step` (which commits) → `perform` → sockets, links, handles.
 *
 * Lifecycle: starting → ready → closing → closed, or at any point → failed. Invariants
 * 1. Nothing is accepted before the engine can answer it, nor after `closing` began.
 * 2. The store is closed last, and once: whatever was committed before is on disk.
 */
import type { PeerId, ProcessId, Role } from "@yarrow/protocol";
import { Relay } from "@yarrow/relay";
import { checkName } from "@yarrow/replica";
import type { Fact, Replica, ReplicaStatus, SubscriberId, VerifyReport } from "@yarrow/replica";
import { startAdminServer } from "./admin/admin-server.ts";
import type { AdminServer } from "./admin/admin-server.ts";
import { Backups } from "./backup/backups.ts";
import { ChangeFeed } from "./change-feed.ts";
import { closedError } from "./closed-error.ts";
import type { CompactReport } from "./control-message.ts";
import { startControlServer } from "./control-server.ts";
import type { ControlServer } from "./control-server.ts";
import { countBatch, createCounters } from "./counters.ts";
import type { Counters } from "./counters.ts";
import { describeDocument, listDocuments } from "./document-detail.ts";
import { LiveDocument } from "./document-handle.ts";
import type { HandleHost } from "./document-handle.ts";
import { describeStop, logLineFor } from "./fact-log.ts";
import { Handles } from "./handles.ts";
import { formatHostPort } from "./host-port.ts";
import { LinkSockets } from "./link-sockets.ts";
import type { Listener } from "./listener.ts";
import { Loop } from "./loop.ts";
import type { CheckedOptions } from "./options.ts";
import type { DocumentHandle, Peer, PeerEvents, PeerStatus, WaitOptions } from "./peer-api.ts";
import { Past } from "./past/peer-past.ts";
import { PeerControls } from "./peer-controls.ts";
import { PeerListeners } from "./peer-listeners.ts";
import { perform } from "./perform.ts";
import type { Targets } from "./perform.ts";
import { describeWriters } from "./peer-role.ts";
import { readStatus } from "./peer-status.ts";
import { IdleCheckpoint } from "./idle-checkpoint.ts";
import { Queries } from "./query/queries.ts";
import { compactSet, deleteDocument, verifySet } from "./questions.ts";
import { notReady } from "./readiness.ts";
import { Requests } from "./requests.ts";
import { SessionSockets } from "./session-sockets.ts";
import type { SqliteStore } from "./store/sqlite-store.ts";
import { Watchdog } from "./watchdog.ts";
import { startWatches } from "./watches.ts";
import { encodeTokenText, waitForToken, waitUntilFresh } from "./waits.ts";
import { importUpdate } from "./transfer/import-update.ts";
import { WorkerPool } from "./worker-pool.ts";

export interface PeerParts {
  readonly options: CheckedOptions;
  readonly store: SqliteStore;
  readonly replica: Replica;
  /** Undefined for a peer that only dials. */
  readonly listener: Listener | undefined;
  readonly processId: ProcessId;
  readonly publicKey: string;
  readonly clock: () => number;
  readonly random: () => number;
}

type Lifecycle = "starting" | "ready" | "closing" | "closed" | "failed";

export class RunningPeer implements Peer {
  readonly peerId: PeerId;
  readonly processId: ProcessId;
  readonly url: string | undefined;
  readonly at: Peer["at"] = (...request) => this.#past.at(...request);
  readonly history: Peer["history"] = (...request) => this.#past.history(...request);
  readonly revert: Peer["revert"] = (...request) => this.#past.revert(...request);
  readonly pauseLinks: Peer["pauseLinks"] = (...request) => this.#controls.pauseLinks(...request);
  readonly limitLink: Peer["limitLink"] = (...request) => this.#controls.limitLink(...request);
  readonly setRole: Peer["setRole"] = (...request) => this.#controls.setRole(...request);
  readonly quarantined: Peer["quarantined"] = () => this.#controls.quarantined();
  readonly release: Peer["release"] = (...request) => this.#controls.release(...request);
  readonly backup: Peer["backup"] = (...request) => this.#backups.write(...request);
  readonly #parts: PeerParts;
  readonly #relay: Relay;
  readonly #loop: Loop;
  readonly #counters: Counters = createCounters();
  readonly #sessions: SessionSockets;
  readonly #links: LinkSockets;
  readonly #handles = new Handles();
  readonly #requests: Requests;
  readonly #handleHost: HandleHost;
  readonly #feed: ChangeFeed;
  readonly #pool: WorkerPool;
  readonly #queries: Queries;
  readonly #targets: Targets;
  readonly #listeners: PeerListeners;
  readonly #stopWatching: () => void;
  readonly #idle: IdleCheckpoint;
  readonly #backups: Backups;
  readonly #past: Past;
  readonly #controls: PeerControls;
  #nextSubscriber: SubscriberId = 1;
  #lifecycle: Lifecycle = "starting";
  #failure: Error | undefined;
  #storeFull = false;
  #role: Role;
  #lastStatus: ReplicaStatus;
  #admin: AdminServer | undefined;
  #control: ControlServer | undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: PeerParts) {
    this.#parts = parts;
    const { listener, options, replica, store, random, clock } = parts;
    this.peerId = store.readPeerId();
    this.#lastStatus = replica.status(clock());
    this.#role = this.#lastStatus.role;
    this.processId = parts.processId;
    this.url = listener?.bound === undefined ? undefined : `ws://${formatHostPort(listener.bound)}`;
    this.#relay = new Relay({ replica, random });
    this.#loop = new Loop({
      engine: this.#relay,
      clock,
      perform: (effect) => perform(effect, this.#targets),
      onBatch: (events, ms) => this.#afterBatch(events, ms),
      watch: (batch) => watchdog.batch(batch),
      onFailed: (error) => void this.#fail(error),
    });
    this.#pool = new WorkerPool({ early: options.earlyWorker });
    const counters = this.#counters;
    const watchdog = new Watchdog({ counters, commitMs: () => store.commitMs, log: options.log });
    const submit = (event: Parameters<Loop["submit"]>[0]): void => this.#loop.submit(event);
    const receive = (event: Parameters<Loop["submit"]>[0], bytes: number): void => this.#loop.receive(event, bytes);
    this.#sessions = new SessionSockets({ submit, receive, counters, nextSubscriber: () => this.#nextSubscriber++ });
    this.#links = new LinkSockets({ submit, receive, counters });
    this.#requests = new Requests(submit);
    this.#handleHost = this.#createHandleHost();
    this.#targets = {
      sessions: this.#sessions,
      links: this.#links,
      handles: this.#handles,
      requests: this.#requests,
      pool: this.#pool,
      submit,
      observe: (fact) => this.#observe(fact),
    };
    this.#feed = new ChangeFeed(store);
    this.#queries = new Queries({ ...options, enabled: options.query, peer: this, store, counters });
    this.#listeners = new PeerListeners(options.log);
    this.#idle = new IdleCheckpoint(store, (error) => void this.#fail(error));
    this.#backups = new Backups({ store, options, clock, ended: () => this.#idle.postpone() });
    const assertOpen = (): void => this.#assertOpen();
    this.#controls = new PeerControls({ replica, loop: this.#loop, requests: this.#requests, clock, assertOpen });
    this.#past = new Past({ ...options, clock, host: this.#handleHost, assertOpen });
    this.#stopWatching = startWatches(counters, watchdog, options, submit);
  }

  get adminUrl(): string | undefined {
    return this.#admin?.url;
  }

  get role(): Role {
    return this.#role;
  }

  /** Opens the doors. Errors: YARROW_LISTEN_FAILED. Called once, by `createPeer`. */
  async start(): Promise<void> {
    const { options, listener } = this.#parts;
    this.#control = await startControlServer(options.folder, this, () => void this.#close("control"));
    if (options.admin !== undefined) {
      const sources = { peer: this, queries: this.#queries, metrics: options.metrics };
      this.#admin = await startAdminServer(options.admin, sources);
    }
    this.#backups.start();
    this.#queries.start();
    this.#lifecycle = "ready";
    listener?.serve({
      notReady: (maxLagMs) => notReady(this.status(), maxLagMs),
      sessions: () => this.#sessions.size,
      links: () => this.#links.size,
      writers: () => describeWriters(this.status()),
      openSession: (webSocket, socket, name, address) => this.#sessions.open(webSocket, socket, name, address),
      openLink: (webSocket, socket) => this.#links.accept(webSocket, socket),
    });
    await this.#loop.settled();
    if (this.#failure !== undefined) throw this.#failure;
  }

  status(): PeerStatus {
    const { replica, options, clock } = this.#parts;
    // A closed store cannot be asked; what was last said stands.
    if (!this.#isOver()) this.#lastStatus = replica.status(clock());
    return readStatus({
      peer: this,
      publicKey: this.#parts.publicKey,
      lifecycle: this.#lifecycle,
      replica: this.#lastStatus,
      sessions: this.#sessions.size,
      synchronous: options.durability,
      advertised: options.advertise?.[0],
      backup: this.#backups.status,
      query: this.#queries.status,
    });
  }

  counters(): Readonly<Counters> {
    return this.#counters;
  }

  async open(name: string, options: { readonly signal?: AbortSignal } = {}): Promise<DocumentHandle> {
    this.#assertOpen();
    checkName(name);
    options.signal?.throwIfAborted();
    const handle = new LiveDocument(this.#handleHost, name);
    await handle.opened(options.signal);
    return handle;
  }

  documents(options: Parameters<Peer["documents"]>[0] = {}): ReturnType<Peer["documents"]> {
    this.#assertOpen();
    return listDocuments(this.#parts.store, options);
  }

  async show(name: string, options: Parameters<Peer["show"]>[1] = {}): ReturnType<Peer["show"]> {
    this.#assertOpen();
    checkName(name);
    return describeDocument(this.#parts.replica, this.#pool, name, this.#parts.clock(), options);
  }

  async delete(name: string): Promise<boolean> {
    this.#assertOpen();
    return deleteDocument(this.#requests, name);
  }

  cursor(): string {
    this.#assertOpen();
    return this.#feed.cursor();
  }

  changes(options?: Parameters<Peer["changes"]>[0]): ReturnType<Peer["changes"]> {
    this.#assertOpen();
    return this.#feed.changes(options);
  }

  async query(...request: Parameters<Peer["query"]>): ReturnType<Peer["query"]> {
    this.#assertOpen();
    return this.#queries.query(...request);
  }

  rebuildProjection(): void {
    this.#assertOpen();
    this.#queries.rebuild();
  }

  async verify(options?: Parameters<Peer["verify"]>[0]): Promise<VerifyReport> {
    this.#assertOpen();
    return verifySet(this.#requests, options);
  }

  async compact(): Promise<CompactReport> {
    this.#assertOpen();
    return compactSet(this.#requests);
  }

  async importUpdate(...request: Parameters<Peer["importUpdate"]>): Promise<void> {
    this.#assertOpen();
    return importUpdate(this.#handleHost, ...request);
  }

  async waitFor(token: string, options?: WaitOptions): Promise<void> {
    this.#assertOpen();
    return waitForToken(this.#requests, token, options);
  }

  async waitUntilFresh(options: WaitOptions & { readonly maxLagMs: number }): Promise<void> {
    this.#assertOpen();
    return waitUntilFresh(this.#requests, options);
  }

  on<K extends keyof PeerEvents>(event: K, listener: (value: PeerEvents[K]) => void): () => void {
    return this.#listeners.add(event, listener);
  }

  close(): Promise<void> {
    return this.#close("owner");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  // Effects

  #afterBatch(events: number, ms: number): void {
    this.#sessions.flush();
    this.#feed.wake();
    this.#queries.committed();
    countBatch(this.#counters, events, ms);
  }

  #observe(fact: Fact): void {
    if (fact.kind === "committed") this.#idle.postpone();
    if (fact.kind === "store-full" || fact.kind === "store-recovered") this.#storeFull = fact.kind === "store-full";
    this.#queries.observe(fact);
    if (fact.kind === "role") this.#role = fact.role;
    const line = logLineFor(fact);
    if (line !== undefined) this.#parts.options.log(line);
    this.#listeners.emit("fact", fact);
  }

  // Handles

  #createHandleHost(): HandleHost {
    return {
      requests: this.#requests,
      copiesWanted: this.#parts.options.copies.copies,
      submit: (event) => this.#loop.submit(event),
      settled: () => this.#loop.settled(),
      nextSubscriber: () => this.#nextSubscriber++,
      token: (subscriber, name) => encodeTokenText(this.#parts.replica.token(subscriber, name)),
      refusal: () => this.#parts.replica.refusal(),
      readOnly: () => this.#storeFull || this.#role === "follower",
      register: (handle, subscriber) => this.#handles.register(handle, subscriber),
      unregister: (handle, subscriber) => this.#handles.unregister(handle, subscriber),
      onListenerError: (error, where) => this.#listeners.report(error, where),
    };
  }

  // The end

  #isOver(): boolean {
    return this.#lifecycle === "closed" || this.#lifecycle === "failed";
  }

  #assertOpen(): void {
    if (this.#lifecycle === "closing" || this.#isOver()) throw closedError();
  }

  #close(by: PeerEvents["closed"]): Promise<void> {
    this.#closing ??= this.#shutDown(by);
    return this.#closing;
  }

  async #shutDown(by: PeerEvents["closed"]): Promise<void> {
    if (this.#isOver()) return;
    this.#lifecycle = "closing";
    this.#parts.listener?.stopAccepting();
    // What was submitted before is committed and answered; then the browsers are told, the other peers hear that they are
    // gone, and only then the links end.
    await this.#loop.settled();
    const sessionsClosed = this.#sessions.closeAll();
    await this.#loop.settled();
    await Promise.all([sessionsClosed, this.#links.closeAll()]);
    await this.#loop.settled();
    await this.#release(closedError());
    if (this.#isOver()) return;
    this.status();
    this.#lifecycle = "closed";
    this.#idle.runNow();
    this.#parts.store.close();
    this.#listeners.emit("closed", by);
  }

  async #fail(cause: unknown): Promise<void> {
    if (this.#isOver()) return;
    this.#lifecycle = "failed";
    const error = cause instanceof Error ? cause : new Error(String(cause));
    this.#failure = error;
    this.#parts.options.log(describeStop(error));
    this.#parts.listener?.stopAccepting();
    this.#sessions.terminateAll();
    this.#links.terminateAll();
    await this.#release(closedError(error));
    // The store may be what failed. What it committed is on disk whether or not it can be closed in good order.
    try {
      this.#parts.store.close();
    } catch {}
    this.#listeners.emit("failed", error);
  }

  /** Gives back everything but the store. */
  async #release(reason: Error): Promise<void> {
    this.#loop.stop();
    this.#sessions.stop();
    this.#stopWatching();
    this.#idle.stop();
    this.#handles.endAll(reason);
    this.#requests.close(reason);
    this.#feed.close(reason);
    await Promise.all([
      this.#pool.close(),
      this.#past.close(),
      this.#backups.close(reason),
      this.#queries.close(reason),
      this.#admin?.close(),
      this.#control?.close(),
      this.#parts.listener?.close(),
    ]);
  }
}
