/**
 * Someone who writes: a Y.Doc with a client id from the simulation, whose every own update is told to the witnesses. Tabs and
 * embedded handles are editors.
 */
import * as Y from "yjs";
import type { Random } from "./random.ts";

/** Origin of what came from a peer. */
const REMOTE = "remote";

export interface EditorOptions {
  readonly name: string;
  readonly random: Random;
  /** Formats its text as well. */
  readonly rich: boolean;
  readonly wrote: (client: number, name: string, update: Uint8Array) => void;
  /** A local update, to be sent. */
  readonly send: (update: Uint8Array) => void;
}

export class Editor {
  readonly doc: Y.Doc;
  readonly name: string;
  readonly random: Random;
  readonly rich: boolean;
  readonly undo: Y.UndoManager;
  readonly text: Y.Text;
  readonly map: Y.Map<unknown>;
  readonly array: Y.Array<unknown>;
  readonly xml: Y.XmlFragment;
  /** Local updates so far. */
  updates = 0;

  constructor({ name, random, rich, wrote, send }: EditorOptions) {
    this.name = name;
    this.random = random;
    this.rich = rich;
    // A guid of its own: the default one is random.
    this.doc = new Y.Doc({ guid: random.hex(16) });
    this.doc.clientID = random.chance(0.5) ? random.word() : random.between(2 ** 32, 2 ** 53 - 1);
    this.text = this.doc.getText("text");
    this.map = this.doc.getMap("map");
    this.array = this.doc.getArray("array");
    this.xml = this.doc.getXmlFragment("xml");
    // No capture time: it would be measured with the clock of the machine.
    this.undo = new Y.UndoManager([this.text, this.map, this.array, this.xml], { captureTimeout: 0 });
    this.doc.on("update", (update: Uint8Array, origin: unknown) => {
      if (origin === REMOTE) return;
      this.updates++;
      wrote(this.doc.clientID, name, update);
      send(update);
    });
  }

  get client(): number {
    return this.doc.clientID;
  }

  /** How far it has seen a client. */
  clockOf(client: number): number {
    return Y.getState(this.doc.store, client);
  }

  receive(update: Uint8Array): void {
    Y.applyUpdate(this.doc, update, REMOTE);
  }

  get destroyed(): boolean {
    return this.doc.isDestroyed;
  }

  destroy(): void {
    this.undo.destroy();
    this.doc.destroy();
  }
}
