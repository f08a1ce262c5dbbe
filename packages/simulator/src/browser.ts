/**
 * A browser tab with a stock y-websocket provider, in one document: SyncStep1 on connecting, its answer to SyncStep1, updates
 * both ways, awareness, reconnection with growing waits, and giving up a silent server. What it does when it is told 4404 depends on
 * its age: a recent provider stays away until the page loads the document anew, an older one comes again and again.
 */
import * as Y from "yjs";
import type { Connection, Place } from "./network.ts";
import { ABNORMAL } from "./network.ts";
import type { SimulatedPeer } from "./peer.ts";
import type { World } from "./world.ts";
import type { Random } from "./random.ts";
import { Editor } from "./editor.ts";
import { awarenessMessage, decodeServerFrame, step1, step2, updateMessage } from "./wire-format.ts";
import type { AwarenessState } from "./wire-format.ts";
import { violated } from "./witness.ts";

/** As in the provider's source. */
const BACKOFF_MAX_MS = 2_500;
const SILENT_MS = 30_000;
const CHECK_MS = 3_000;
const AWARENESS_MS = 15_000;
const AWARENESS_LOST_MS = 30_000;
const CONNECT_TIMEOUT_MS = 10_000;

/** How long a refusal may be under way: a repeated one is parked, frames are held back by cuts, and peers stand still. */
const REFUSAL_MS = 180_000;

/** Failed attempts after which a tab that may roam turns to another peer. */
const ROAM_AFTER = 6;

export interface BrowserOptions {
  readonly world: World;
  readonly random: Random;
  readonly place: Place;
  readonly name: string;
  /** Retries after 4404 with what it has, as providers before 3.1 do. */
  readonly stubborn: boolean;
  readonly choosePeer: () => SimulatedPeer;
  /** A peer that takes writes, as far as one can know. */
  readonly chooseWriter: () => SimulatedPeer | undefined;
  readonly roams: boolean;
  readonly budgetBytes: number;
}

export class Browser {
  readonly place: Place;
  readonly name: string;
  readonly #options: BrowserOptions;
  readonly #random: Random;
  editor: Editor;
  peer: SimulatedPeer;
  #connection: Connection | undefined;
  #state: "offline" | "connecting" | "open" | "away" | "closed" = "offline";
  #failures = 0;
  #heardAt = 0;
  #awarenessClock = 0;
  synced = false;
  /** When it was last synced for the first time on a connection. */
  attachedAt = 0;
  /** What it was told of other clients; a clock is kept when its client is gone. */
  readonly #others = new Map<number, { readonly clock: number; readonly present: boolean; readonly at: number }>();
  /** How often it was told 4404. */
  turnedAway = 0;
  /** Set while the peer says that what this tab holds was deleted. */
  stale = false;

  constructor(options: BrowserOptions) {
    this.#options = options;
    this.#random = options.random;
    this.place = options.place;
    this.name = options.name;
    this.peer = options.choosePeer();
    this.editor = this.#createEditor();
    options.world.counters.tabsOpened++;
    this.#connect();
    this.#everySoOften(CHECK_MS, () => this.#checkSilence());
    this.#everySoOften(AWARENESS_MS, () => this.#sendAwareness("{}"));
  }

  get closed(): boolean {
    return this.#state === "closed";
  }

  get attached(): boolean {
    return this.#state === "open" && this.synced;
  }

  get connection(): Connection | undefined {
    return this.#connection;
  }

  /** Clients of other tabs that it shows as being there. */
  seen(): number[] {
    return [...this.#others].flatMap(([client, { present }]) => (present ? [client] : []));
  }

  /** The tab is closed for good. */
  close(): void {
    if (this.#state === "open") this.#sendAwareness("null");
    this.#connection?.close(0, 1001);
    this.#state = "closed";
    this.editor.destroy();
  }

  /** The page is loaded anew: nothing of the old document is left. */
  reload(): void {
    if (this.closed) return;
    this.#connection?.close(0, 1001);
    this.#connection = undefined;
    this.editor.destroy();
    this.editor = this.#createEditor();
    this.#others.clear();
    this.stale = false;
    this.synced = false;
    this.#state = "offline";
    this.#failures = 0;
    this.#connect();
  }

  #createEditor(): Editor {
    const { world } = this.#options;
    return new Editor({
      name: this.name,
      random: this.#random.fork(),
      rich: world.severe,
      wrote: (client, name, update) => {
        world.counters.writes++;
        for (const witness of world.witnesses) witness.wrote?.(client, name, update);
      },
      send: (update) => this.#offer(updateMessage(update)),
    });
  }

  #connect(): void {
    if (this.#state !== "offline") return;
    this.#state = "connecting";
    const { world, name, budgetBytes } = this.#options;
    const { peer } = this;
    const { network, timeline } = world;
    const reachable = peer.running && !network.isCut(this.place, peer.place);
    timeline.after(
      reachable ? 2 * network.delay(this.place, peer.place) : this.#random.between(5, CONNECT_TIMEOUT_MS),
      () => {
        if (this.#state !== "connecting") return;
        if (peer !== this.peer || !peer.running || network.isCut(this.place, peer.place)) {
          this.#failures++;
          return this.#retryLater();
        }
        const connection = network.connect(this.place, peer.place, false);
        connection.budgetBytes = budgetBytes;
        this.#connection = connection;
        connection.listen(0, {
          frame: (bytes, incarnation) => this.#receive(connection, bytes, incarnation),
          closed: (code) => this.#disconnected(connection, code),
        });
        peer.accept(connection, name, this.place);
        this.#opened();
      },
    );
  }

  #opened(): void {
    this.#state = "open";
    this.#failures = 0;
    this.synced = false;
    this.#heardAt = this.#options.world.timeline.now;
    this.#send(step1(Y.encodeStateVector(this.editor.doc)));
    this.#sendAwareness("{}");
  }

  #receive(connection: Connection, frame: Uint8Array, incarnation: number): void {
    if (connection !== this.#connection) return;
    const { world } = this.#options;
    world.counters.sessionFrames++;
    this.#heardAt = world.timeline.now;
    const message = decodeServerFrame(frame);
    switch (message.type) {
      case "step-1":
        this.#offer(step2(Y.encodeStateAsUpdate(this.editor.doc, message.stateVector)));
        return;
      case "step-2":
        this.editor.receive(message.update);
        if (!this.synced) this.attachedAt = world.timeline.now;
        this.synced = true;
        return;
      case "update":
        this.#acknowledge(message.update, incarnation);
        this.editor.receive(message.update);
        return;
      case "awareness":
        for (const state of message.states) this.#notice(state);
    }
  }

  /** As the protocol's own code does it: what it has forgotten the state of, it still knows the clock of. */
  #notice({ client, clock, present }: AwarenessState): void {
    if (client === this.editor.client) return;
    const known = this.#others.get(client);
    const newer = clock > (known?.clock ?? 0) || (clock === known?.clock && known.present && !present);
    if (newer) this.#others.set(client, { clock, present, at: this.#options.world.timeline.now });
  }

  #loseSight(ofClient: (at: number) => boolean): void {
    for (const [client, { clock, at }] of this.#others) {
      if (ofClient(at)) this.#others.set(client, { clock, at, present: false });
    }
  }

  #acknowledge(update: Uint8Array, incarnation: number): void {
    const { world } = this.#options;
    const { to } = Y.parseUpdateMeta(update);
    const clock = to.get(this.editor.client);
    if (clock === undefined) return;
    if (clock > Y.getState(this.editor.doc.store, this.editor.client)) {
      violated("authorship", `${this.place} is shown clock ${clock} of its own client, which it never wrote`);
    }
    world.counters.acknowledged++;
    for (const witness of world.witnesses) witness.acknowledged?.(this, this.peer, clock, incarnation);
  }

  #disconnected(connection: Connection, code: number): void {
    if (connection !== this.#connection || this.closed) return;
    this.#connection = undefined;
    this.synced = false;
    this.#loseSight(() => true);
    if (code !== ABNORMAL) this.#failures++;
    this.#state = "offline";
    if (code >= 4400 && code < 4500) return this.#turnedAway(code);
    this.#retryLater();
  }

  #turnedAway(code: number): void {
    const { world, stubborn } = this.#options;
    if (code === 4403) return this.#refused();
    if (code !== 4404) violated("honesty", `${this.place} was closed with ${code}, and has done nothing wrong`);
    world.counters.tabsTurnedAway++;
    this.turnedAway++;
    const first = !this.stale;
    this.stale = true;
    if (stubborn) {
      this.#retryLater();
      if (first) this.#reloadAfter(this.#random.between(20_000, 200_000));
    } else {
      this.#state = "away";
      this.#reloadAfter(this.#random.between(500, 20_000));
    }
  }

  /** It wrote at a follower: it takes what it wrote to a writer, tries again and again, or gives it up. */
  #refused(): void {
    const { world, stubborn, chooseWriter } = this.#options;
    if (!this.peer.wasFollower(REFUSAL_MS))
      violated("honesty", `${this.peer.place} is a writer, and refused ${this.place}`);
    world.counters.tabsRefused++;
    const writer = this.#random.chance(0.4) ? chooseWriter() : undefined;
    if (writer !== undefined) {
      this.peer = writer;
      return this.#retryLater();
    }
    if (stubborn) this.#retryLater();
    else this.#state = "away";
    this.#reloadAfter(stubborn ? this.#random.between(5_000, 40_000) : this.#random.between(500, 10_000));
  }

  #reloadAfter(ms: number): void {
    const { editor } = this;
    this.#options.world.timeline.after(ms, () => {
      if (editor === this.editor) this.reload();
    });
  }

  #retryLater(): void {
    this.#state = "offline";
    const { world, roams, choosePeer } = this.#options;
    if (roams && this.#failures >= ROAM_AFTER) this.peer = choosePeer();
    const wait = Math.min(2 ** this.#failures * 100, BACKOFF_MAX_MS);
    world.timeline.after(wait, () => this.#connect());
  }

  #checkSilence(): void {
    const { now } = this.#options.world.timeline;
    this.#loseSight((at) => now - at >= AWARENESS_LOST_MS);
    if (this.#state !== "open" || now - this.#heardAt <= SILENT_MS) return;
    this.#connection?.close(0, 1001);
    this.#connection = undefined;
    this.synced = false;
    this.#loseSight(() => true);
    this.#retryLater();
  }

  #sendAwareness(state: string): void {
    this.#send(awarenessMessage(this.editor.client, ++this.#awarenessClock, state));
  }

  /** Sends what may be of its own writing. */
  #offer(bytes: Uint8Array): void {
    if (this.#state !== "open") return;
    const { client } = this.editor;
    const clock = this.editor.clockOf(client);
    if (clock > 0) for (const witness of this.#options.world.witnesses) witness.offered?.(this.peer, client, clock);
    this.#send(bytes);
  }

  #send(bytes: Uint8Array): void {
    if (this.#state === "open") this.#connection?.send(0, bytes);
  }

  #everySoOften(ms: number, action: () => void): void {
    this.#options.world.timeline.after(ms, () => {
      if (this.closed) return;
      action();
      this.#everySoOften(ms, action);
    });
  }
}
