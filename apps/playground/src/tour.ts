/** What to try, in order. A step is ticked when the page has seen it happen, and the first open one is pointed out. */
import { element } from "./element.ts";
import { isCutOff, type Agreement, type PeerView } from "./peer-state.ts";

export interface TourProgress {
  readonly done: ReadonlySet<Step>;
  /** Peers whose editors were typed in since the last cut or healing. */
  readonly typed: ReadonlySet<string>;
  readonly cut: boolean;
}

export type Step = "type" | "cut" | "diverge" | "heal" | "kill";

const STEPS: readonly Step[] = ["type", "cut", "diverge", "heal", "kill"];

export const FRESH_TOUR: TourProgress = { done: new Set(), typed: new Set(), cut: false };

export function typedAt(progress: TourProgress, peer: string): TourProgress {
  return { ...progress, typed: new Set(progress.typed).add(peer) };
}

export function advance(progress: TourProgress, peers: readonly PeerView[], agreement: Agreement): TourProgress {
  const cut = peers.some(isCutOff);
  const typed = cut === progress.cut ? progress.typed : new Set<string>();
  const done = new Set(progress.done);
  if (progress.typed.size > 1) done.add("type");
  if (cut) done.add("cut");
  const sides = new Set(peers.filter((peer) => typed.has(peer.name)).map(isCutOff));
  if (cut && sides.size > 1 && agreement.groups.length > 1) done.add("diverge");
  if (!cut && done.has("diverge") && agreement.verdict === "equal") done.add("heal");
  if (agreement.offline.length > 0) done.add("kill");
  return { done, typed, cut };
}

export class TourView {
  readonly #items = new Map<Step, HTMLElement>();
  readonly #process = element("code");

  constructor(list: HTMLElement, peers: readonly PeerView[]) {
    const middle = peers[Math.floor(peers.length / 2)]?.name ?? "A";
    const text: Record<Step, readonly (Node | string)[]> = {
      type: ["Type in two of the editors. Each sees the other’s cursor."],
      cut: [`Cut ${middle} off with its switch.`],
      diverge: [`Type in ${middle} and in another editor: two versions.`],
      heal: [`Heal ${middle} and watch both sides merge.`],
      kill: ["Kill a process: ", this.#process, ". The others go on."],
    };
    for (const step of STEPS) {
      const tick = element("span", { class: "tick", "aria-hidden": "true" });
      const item = element("li", {}, tick, element("span", {}, ...text[step]));
      item.append(element("span", { class: "visually-hidden" }));
      this.#items.set(step, item);
    }
    list.replaceChildren(...this.#items.values());
  }

  show(progress: TourProgress, peers: readonly PeerView[]): void {
    const next = STEPS.find((step) => !progress.done.has(step));
    for (const [step, item] of this.#items) {
      const done = progress.done.has(step);
      item.dataset["done"] = String(done);
      item.lastElementChild!.textContent = done ? " (done)" : "";
      if (step === next) item.setAttribute("aria-current", "step");
      else item.removeAttribute("aria-current");
    }
    const victim = peers.findLast((peer) => peer.running && peer.pid !== null);
    this.#process.textContent = victim === undefined ? "kill -9" : `kill -9 ${victim.pid}`;
  }
}
