/** The line above the editors: whether all peers hold the same, and if not, who holds what. */
import { element } from "./element.ts";
import { FingerprintView } from "./fingerprint-view.ts";
import { colorAt } from "./people.ts";
import { inWords, isCutOff, type Agreement, type PeerView } from "./peer-state.ts";

/** A difference among linked peers is an edit on its way until nothing has moved for so long. */
export const SETTLING_MS = 1_500;

export type Mood = "equal" | "settling" | "different" | "incomplete";

export class AgreementBar {
  readonly #root = element("div", { class: "agreement", "data-testid": "all-equal", "data-equal": "false" });
  readonly #sign = element("span", { class: "agreement-sign", "aria-hidden": "true" });
  readonly #headline = element("strong");
  readonly #detail = element("span", { class: "agreement-detail" });
  readonly #groups = element("ul", { class: "agreement-groups", "aria-label": "Versions of the document" });

  constructor(parent: HTMLElement) {
    this.#root.append(this.#sign, element("p", {}, this.#headline, " ", this.#detail), this.#groups);
    parent.replaceWith(this.#root);
  }

  show(agreement: Agreement, mood: Mood, peers: readonly PeerView[], document: string): void {
    this.#root.dataset["equal"] = String(agreement.verdict === "equal");
    this.#root.dataset["mood"] = mood;
    this.#sign.textContent = sign(agreement, mood);
    this.#headline.textContent = headline(agreement, mood);
    this.#detail.textContent = detail(agreement, mood, peers, document);
    this.#groups.replaceChildren(...agreement.groups.map((group) => groupItem(group, peers)));
  }
}

export function moodOf(agreement: Agreement, peers: readonly PeerView[], stillForMs: number): Mood {
  if (agreement.verdict !== "different") return agreement.verdict;
  return peers.some(isCutOff) || stillForMs >= SETTLING_MS ? "different" : "settling";
}

function sign(agreement: Agreement, mood: Mood): string {
  if (mood === "incomplete") return agreement.groups.length === 0 ? "?" : "=";
  return { equal: "=", settling: "≈", different: "≠" }[mood];
}

function headline(agreement: Agreement, mood: Mood): string {
  const running = agreement.groups.flat();
  switch (mood) {
    case "equal":
      return "All equal.";
    case "settling":
      return "Catching up…";
    case "different":
      return agreement.groups.length > 1 ? "The peers differ." : "The document is equal.";
    case "incomplete":
      if (running.length === 0) return "No peer answers.";
      return running.length === 1 ? `Only ${running[0]} answers.` : `${inWords(running)} are equal.`;
  }
}

function detail(agreement: Agreement, mood: Mood, peers: readonly PeerView[], document: string): string {
  const { groups, offline } = agreement;
  switch (mood) {
    case "equal":
      if (peers.every((peer) => peer.document === undefined)) return `Nobody has written “${document}” yet.`;
      return `The same document and the same set on ${inWords(peers.map(({ name }) => name))}.`;
    case "settling":
      return "An edit is on its way.";
    case "different":
      if (groups.length === 1) return "Other documents of the set still differ.";
      return `${groups.map((group, place) => `${inWords(group)} ${holds(group, place)}`).join(", ")}.`;
    case "incomplete":
      if (offline.length === 0) return "Waiting for the first reports.";
      return `${inWords(offline)} ${offline.length > 1 ? "are" : "is"} offline, with what was last saved there.`;
  }
}

function holds(group: readonly string[], place: number): string {
  if (place > 0) return "another";
  return group.length > 1 ? "hold one version" : "holds one version";
}

function groupItem(names: readonly string[], peers: readonly PeerView[]): HTMLElement {
  const item = element("li");
  for (const [place, { name }] of peers.entries()) {
    if (!names.includes(name)) continue;
    const badge = element("span", { class: "badge badge-small" }, name);
    badge.style.setProperty("--peer", colorAt(place));
    item.append(badge);
  }
  const print = new FingerprintView();
  const holder = peers.find(({ name }) => names.includes(name));
  const alive = holder?.document?.state === "alive" ? holder.document.fingerprint : undefined;
  print.show(alive, holder?.document === undefined ? "not written yet" : "deleted");
  item.append(print.root);
  return item;
}
