/**
 * One editor on one peer: CodeMirror over a Y.Text, carried by the stock y-websocket provider. This is all that an
 * application needs in order to use Yarrow from a browser.
 */
import { defaultKeymap } from "@codemirror/commands";
import { Compartment, EditorState } from "@codemirror/state";
import { EditorView, keymap, placeholder } from "@codemirror/view";
import { yCollab, yUndoManagerKeymap } from "y-codemirror.next";
import { Awareness } from "y-protocols/awareness";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import { caretLabels } from "./caret-labels.ts";
import type { Person } from "./people.ts";

export type Connection =
  | { readonly kind: "connecting" }
  | { readonly kind: "connected" }
  /** The peer refused for good, as after a deletion: this Y.Doc may not be offered to it again. */
  | { readonly kind: "refused"; readonly reason: string };

export interface EditorOptions {
  readonly parent: HTMLElement;
  /** Name of the document, and the words by which the editor is announced. */
  readonly document: string;
  readonly label: string;
  readonly url: string;
  readonly person: Person;
  readonly onConnection: (connection: Connection) => void;
  /** Everyone this editor knows to be in the document, itself included. */
  readonly onPeople: (people: readonly Person[]) => void;
  readonly onTyped: () => void;
}

/** The Y.Text that all editors share. */
const ROOT = "body";

export class Editor {
  readonly #options: EditorOptions;
  readonly #doc = new Y.Doc();
  readonly #awareness = new Awareness(this.#doc);
  readonly #readOnly = new Compartment();
  readonly #view: EditorView;
  #provider: WebsocketProvider;

  constructor(options: EditorOptions) {
    this.#options = options;
    this.#awareness.setLocalStateField("user", options.person);
    this.#awareness.on("change", () => this.#tellPeople());
    this.#doc.on("update", (_update: Uint8Array, _origin: unknown, _doc: Y.Doc, transaction: Y.Transaction) => {
      if (transaction.local) options.onTyped();
    });
    this.#view = new EditorView({
      parent: options.parent,
      state: EditorState.create({ extensions: this.#extensions() }),
    });
    this.#provider = this.#connect(options.url);
    this.#tellPeople();
  }

  /** Follows a peer that came back at another address. What was typed meanwhile is kept and sent there. */
  moveTo(url: string): void {
    this.#provider.destroy();
    this.#provider = this.#connect(url);
  }

  destroy(): void {
    this.#provider.destroy();
    this.#awareness.destroy();
    this.#view.destroy();
    this.#doc.destroy();
  }

  #connect(url: string): WebsocketProvider {
    const { document, onConnection } = this.#options;
    const provider = new WebsocketProvider(url, encodeURIComponent(document), this.#doc, {
      awareness: this.#awareness,
      // Tabs of one browser could pass edits on directly. Here every edit has to travel through the peers.
      disableBc: true,
    });
    provider.on("status", ({ status }) => {
      onConnection({ kind: status === "connected" ? "connected" : "connecting" });
    });
    provider.on("closed", ({ code, reason }) => {
      this.#view.dispatch({ effects: this.#readOnly.reconfigure(EditorState.readOnly.of(true)) });
      onConnection({ kind: "refused", reason: reason || `code ${code}` });
    });
    return provider;
  }

  #extensions() {
    const text = this.#doc.getText(ROOT);
    return [
      // Tab keeps its meaning of moving on to the next control.
      keymap.of([...yUndoManagerKeymap, ...defaultKeymap]),
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({ "aria-label": this.#options.label, spellcheck: "false" }),
      placeholder("Type something…"),
      this.#readOnly.of(EditorState.readOnly.of(false)),
      yCollab(text, this.#awareness, { undoManager: new Y.UndoManager(text) }),
      caretLabels,
    ];
  }

  #tellPeople(): void {
    const states = [...this.#awareness.getStates().values()];
    const people = states.map((state) => state["user"] as Person | undefined).filter((person) => person !== undefined);
    this.#options.onPeople(people.toSorted((a, b) => a.name.localeCompare(b.name)));
  }
}
