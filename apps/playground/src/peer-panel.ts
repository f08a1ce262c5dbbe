/** One peer on the page: its editor, and under it what the peer reports. */
import { Editor, type Connection } from "./editor.ts";
import { element, svgElement } from "./element.ts";
import { FingerprintView } from "./fingerprint-view.ts";
import { peopleRow } from "./people-row.ts";
import { personAt, type Person } from "./people.ts";
import { isCutOff, linksUp, peerState, type Agreement, type PeerView } from "./peer-state.ts";

export interface PanelOptions {
  readonly document: string;
  /** Where the peer stands among the others: its colour hangs on it. */
  readonly place: number;
  /** It is the only panel on the page, though not the only peer. */
  readonly single: boolean;
  readonly onSwitch: (peer: string, cut: boolean) => void;
  readonly onTyped: (peer: string) => void;
}

export class PeerPanel {
  readonly root: HTMLElement;
  readonly #options: PanelOptions;
  readonly #person: Person;
  readonly #name: string;
  #url: string;
  #editor: Editor;

  readonly #state: HTMLElement;
  readonly #switch: HTMLButtonElement;
  readonly #address = element("span", { class: "panel-address" });
  readonly #people = element("ul", { class: "people", "aria-label": "In this document" });
  readonly #connection = element("p", { class: "panel-connection" });
  readonly #editorPlace: HTMLElement;
  readonly #documentPrint = new FingerprintView();
  readonly #setPrint = new FingerprintView();
  readonly #company = element("span", { class: "company" });
  readonly #prints: HTMLElement;
  readonly #sessions = element("dd");
  readonly #links = element("dd");
  readonly #documents = element("dd");
  readonly #process = element("dd");

  constructor(peer: PeerView, options: PanelOptions) {
    const { name } = peer;
    this.#options = options;
    this.#name = name;
    this.#url = peer.url;
    this.#person = personAt(name, options.place);
    this.#state = element("span", { class: "state", "data-testid": `status-${name}` });
    this.#switch = this.#makeSwitch();
    this.#editorPlace = element("div", { class: "editor", "data-testid": `editor-${name}` });
    this.#editorPlace.dataset["person"] = this.#person.name;
    this.#prints = element("dl", { class: "prints", "data-testid": `fingerprint-${name}` });
    this.#prints.append(
      element("dt", {}, "Document"),
      element("dd", {}, this.#documentPrint.root, this.#company),
      element("dt", {}, "Whole set"),
      element("dd", {}, this.#setPrint.root),
    );
    this.root = this.#assemble();
    this.root.style.setProperty("--peer", this.#person.color);
    this.#editor = this.#openEditor();
  }

  show(peer: PeerView, agreement: Agreement, peerCount: number): void {
    const state = peerState(peer);
    const cut = isCutOff(peer);
    this.root.dataset["state"] = state;
    this.root.dataset["cut"] = String(cut);
    this.#state.dataset["state"] = state;
    this.#state.textContent = cut ? "alone, cut off" : state;
    this.#switch.setAttribute("aria-checked", String(cut));
    this.#switch.disabled = !peer.running;
    this.#address.textContent = peer.url.replace("ws://", "");
    this.#showPrints(peer, agreement);
    this.#sessions.textContent = peer.status === undefined ? "–" : String(peer.status.sessions);
    this.#links.textContent = peer.status === undefined ? "–" : `${linksUp(peer.status)} of ${peerCount - 1}`;
    this.#documents.textContent = peer.status === undefined ? "–" : String(peer.status.documents.alive);
    this.#process.textContent = peer.running ? String(peer.pid ?? "–") : "gone";
    if (peer.url === this.#url) return;
    this.#url = peer.url;
    this.#editor.moveTo(peer.url);
  }

  /** The switch was used and the peer has not answered yet. */
  setBusy(busy: boolean): void {
    this.#switch.setAttribute("aria-busy", String(busy));
  }

  #showPrints(peer: PeerView, agreement: Agreement): void {
    const { document, status } = peer;
    this.#prints.dataset["document"] = document?.fingerprint ?? "";
    this.#prints.dataset["set"] = status?.root ?? "";
    const deleted = document?.state === "deleted";
    const absent = peer.running ? (deleted ? "deleted" : "not written yet") : "unknown";
    this.#documentPrint.show(deleted || !peer.running ? undefined : document?.fingerprint, absent);
    this.#setPrint.show(status?.root, "unknown");
    const group = agreement.groups.find((names) => names.includes(peer.name)) ?? [];
    const others = group.filter((name) => name !== peer.name);
    const alone = agreement.groups.length > 1 && others.length === 0;
    this.#company.dataset["alone"] = String(alone);
    this.#company.textContent = alone ? "differs" : others.length > 0 ? `same as ${others.join(", ")}` : "";
  }

  #showConnection(connection: Connection): void {
    this.#connection.dataset["kind"] = connection.kind;
    switch (connection.kind) {
      case "connected":
        return this.#connection.replaceChildren();
      case "connecting":
        return this.#connection.replaceChildren("Reaching the peer… what you type waits in this browser.");
      case "refused": {
        const again = element("button", { type: "button" }, "Start afresh");
        again.addEventListener("click", () => this.#reopen());
        return this.#connection.replaceChildren(`Closed by the peer: ${connection.reason}. `, again);
      }
    }
  }

  #reopen(): void {
    this.#editor.destroy();
    this.#editor = this.#openEditor();
  }

  #openEditor(): Editor {
    return new Editor({
      parent: this.#editorPlace,
      document: this.#options.document,
      label: `Document ${this.#options.document}, on peer ${this.#name}`,
      url: this.#url,
      person: this.#person,
      onConnection: (connection) => this.#showConnection(connection),
      onPeople: (people) => this.#people.replaceChildren(...peopleRow(people)),
      onTyped: () => this.#options.onTyped(this.#name),
    });
  }

  #makeSwitch(): HTMLButtonElement {
    const made = element(
      "button",
      {
        type: "button",
        class: "switch",
        role: "switch",
        "aria-checked": "false",
        "aria-label": `Cut peer ${this.#name} off from the other peers`,
        "data-testid": `cut-${this.#name}`,
      },
      element("span", { class: "switch-label", "aria-hidden": "true" }, "Cut off"),
      element("span", { class: "switch-track", "aria-hidden": "true" }),
    );
    made.addEventListener("click", () => {
      if (made.getAttribute("aria-busy") === "true") return;
      this.#options.onSwitch(this.#name, made.getAttribute("aria-checked") !== "true");
    });
    return made;
  }

  /** To a tab with this editor alone, as for two windows side by side, and back from there to all of them. */
  #makeLink(): HTMLAnchorElement {
    const address = new URLSearchParams({ document: this.#options.document });
    if (this.#options.single) return element("a", { class: "panel-link", href: `?${address}` }, "All editors");
    address.set("peer", this.#name);
    const label = `Open the editor on peer ${this.#name} in a tab of its own`;
    const arrow = svgElement("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" });
    arrow.append(svgElement("path", { d: "M6 3H3v10h10v-3M9 3h4v4M13 3 7 9" }));
    const attributes = {
      class: "panel-link",
      href: `?${address}`,
      target: "_blank",
      title: label,
      "aria-label": label,
    };
    return element("a", attributes, arrow);
  }

  #assemble(): HTMLElement {
    const title = element("h2", { id: `peer-${this.#name}` }, `Peer ${this.#name}`);
    const heading = element("div", { class: "panel-heading" }, title, this.#makeLink());
    const pair = (term: string, value: HTMLElement) => element("div", {}, element("dt", {}, term), value);
    return element(
      "article",
      { class: "panel", "aria-labelledby": `peer-${this.#name}` },
      element(
        "header",
        { class: "panel-head" },
        element("span", { class: "badge", "aria-hidden": "true" }, this.#name),
        element("div", { class: "panel-name" }, heading, this.#address),
        this.#switch,
      ),
      element("div", { class: "panel-strip" }, this.#state, this.#people),
      this.#editorPlace,
      this.#connection,
      element(
        "footer",
        { class: "panel-foot" },
        this.#prints,
        element(
          "dl",
          { class: "counts" },
          pair("Sessions", this.#sessions),
          pair("Links up", this.#links),
          pair("Documents", this.#documents),
          pair("Process", this.#process),
        ),
      ),
    );
  }
}
