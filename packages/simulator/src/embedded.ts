/**
 * An embedded handle: a Y.Doc in the peer's own process. It dies with the process and whenever it is let go, and is then
 * replaced by one with a fresh client id, as the shell does it.
 */
import * as Y from "yjs";
import type { Effect, SubscriberId } from "@yarrow/replica";
import { Editor } from "./editor.ts";
import type { SimulatedPeer } from "./peer.ts";
import type { World } from "./world.ts";
import type { Random } from "./random.ts";
import { violated } from "./witness.ts";

export interface EmbeddedOptions {
  readonly world: World;
  readonly random: Random;
  readonly peer: SimulatedPeer;
  readonly name: string;
  /** Its process has ended, and it with it. */
  readonly closed: (handle: Embedded) => void;
}

export class Embedded {
  readonly name: string;
  readonly peer: SimulatedPeer;
  readonly #options: EmbeddedOptions;
  /** One for each attachment, so that what belongs to an earlier one is never mistaken. */
  #subscriber: SubscriberId = 0;
  editor: Editor;
  attached = false;
  closed = false;

  constructor(options: EmbeddedOptions) {
    this.#options = options;
    this.name = options.name;
    this.peer = options.peer;
    this.editor = this.#open();
  }

  /** Asks that what was written be on other peers as well. */
  awaitCopies(copies: number): void {
    const { peer } = this;
    const request = peer.nextId();
    peer.submit({ type: "await-copies", request, subscriber: this.#subscriber, copies, timeoutMs: 5_000 });
  }

  close(): void {
    this.closed = true;
    this.peer.unembed(this.#subscriber);
    this.peer.submit({ type: "detach", subscriber: this.#subscriber });
    this.editor.destroy();
  }

  #open(): Editor {
    const { world, random, peer, name } = this.#options;
    const subscriber = peer.nextId();
    peer.unembed(this.#subscriber);
    this.#subscriber = subscriber;
    peer.embed(subscriber, {
      take: (effect) => this.#take(effect),
      gone: () => {
        this.close();
        this.#options.closed(this);
      },
    });
    this.attached = false;
    const editor: Editor = new Editor({
      name,
      random: random.fork(),
      rich: world.severe,
      wrote: (client, of, update) => {
        world.counters.writes++;
        for (const witness of world.witnesses) witness.wrote?.(client, of, update);
      },
      send: (update) => {
        if (subscriber !== this.#subscriber) return;
        for (const witness of world.witnesses) witness.offered?.(peer, editor.client, editor.clockOf(editor.client));
        peer.submit({ type: "edit", subscriber, update, principal: "service" });
      },
    });
    const stateVector = Y.encodeStateVector(editor.doc);
    peer.submit({ type: "attach", subscriber, name, stateVector, countsCopies: true });
    return editor;
  }

  #take(effect: Effect): void {
    if (this.closed) return;
    if (effect.type === "deliver") {
      if (effect.name === this.name) this.editor.receive(effect.update);
    } else if (effect.type === "answer") {
      this.attached = true;
      this.editor.receive(effect.update);
    } else if (effect.type === "evict") this.#replace(effect);
    else if (effect.type === "echo") this.editor.receive(effect.update);
  }

  #replace({ reason, code }: Extract<Effect, { type: "evict" }>): void {
    if (reason === "invalid" || reason === "too-large")
      violated("honesty", `a handle was let go as ${reason}: ${code}`);
    if (reason === "read-only") {
      if (!this.peer.wasFollower(60_000))
        violated("honesty", `${this.peer.place} is a writer, and refused a handle's edit`);
      this.#options.world.counters.handlesRefused++;
    }
    const old = this.editor;
    this.editor = this.#open();
    old.destroy();
  }
}
