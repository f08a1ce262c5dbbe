/**
 * The parts of the page and what they share: one view of each peer, renewed whenever one reports, and drawn whole each
 * time. A report comes at most a few times a second, so that nothing needs to be drawn in pieces.
 */
import { AgreementBar, SETTLING_MS, moodOf } from "./agreement-bar.ts";
import { Announcer } from "./announcer.ts";
import { byId } from "./element.ts";
import { PeerPanel } from "./peer-panel.ts";
import { agreementOf, type PeerView } from "./peer-state.ts";
import { fetchPeers, setPaused, watchReports, type PeerAddress, type PeerReport } from "./peers-api.ts";
import { TopologyPicture } from "./topology-picture.ts";
import { FRESH_TOUR, TourView, advance, typedAt } from "./tour.ts";

export class Playground {
  readonly #document: string;
  readonly #peers: Map<string, PeerView>;
  readonly #panels: ReadonlyMap<string, PeerPanel>;
  readonly #topology: TopologyPicture;
  readonly #tourView: TourView;
  readonly #bar = new AgreementBar(byId("agreement"));
  readonly #announcer = new Announcer(byId("announcements"));
  readonly #notice = byId("notice");
  #tour = FRESH_TOUR;
  /** What all peers held when it last changed, and when that was. */
  #holdings = "";
  #changedAt = 0;

  /** Opens an editor on each of the peers, or only on the one named `only` if there is such a peer. */
  constructor(document: string, addresses: readonly PeerAddress[], only: string | undefined) {
    this.#document = document;
    this.#peers = new Map(
      addresses.map((address) => [address.name, { ...address, status: undefined, document: undefined }]),
    );
    const views = [...this.#peers.values()];
    this.#topology = new TopologyPicture(byId("topology"), views);
    this.#tourView = new TourView(byId("tour"), views);
    const single = views.length > 1 && views.some(({ name }) => name === only);
    // Its other parts speak of several editors.
    window.document.body.dataset["single"] = String(single);
    const panels = [...views.entries()]
      .filter(([, { name }]) => !single || name === only)
      .map(([place, peer]) => [peer.name, this.#makePanel(peer, place, single)] as const);
    this.#panels = new Map(panels);
    byId("editors").replaceChildren(...[...this.#panels.values()].map((panel) => panel.root));
    this.#redraw();
  }

  /** Draws what the peers report from now on. */
  follow(): void {
    watchReports(
      this.#document,
      (report) => this.#receive(report),
      (connected) => this.#showConnected(connected),
    );
  }

  #makePanel(peer: PeerView, place: number, single: boolean): PeerPanel {
    return new PeerPanel(peer, {
      document: this.#document,
      place,
      single,
      onSwitch: (name, cut) => void this.#cutOrHeal(name, cut),
      onTyped: (name) => {
        this.#tour = typedAt(this.#tour, name);
      },
    });
  }

  #showConnected(connected: boolean): void {
    this.#notice.textContent = connected ? "" : "The demo process does not answer: what is shown here may be old.";
    // Processes may have come and gone while nobody told us.
    if (connected) void this.#refreshAddresses();
  }

  #receive({ peer, status, documents }: PeerReport): void {
    const known = this.#peers.get(peer);
    if (known === undefined) return;
    const running = status !== null;
    this.#peers.set(peer, { ...known, running, status: status ?? undefined, document: documents[this.#document] });
    if (running && !known.running) void this.#refreshAddresses();
    this.#redraw();
  }

  /** A process that came back has another process id, and perhaps another address. */
  async #refreshAddresses(): Promise<void> {
    const addresses = await fetchPeers().catch(() => []);
    for (const { name, url, pid, running } of addresses) {
      const known = this.#peers.get(name);
      // Another demo, with other peers, runs at this address now.
      if (known === undefined) return location.reload();
      this.#peers.set(name, { ...known, url, pid: running ? pid : null });
    }
    this.#redraw();
  }

  async #cutOrHeal(peer: string, cut: boolean): Promise<void> {
    const panel = this.#panels.get(peer);
    panel?.setBusy(true);
    try {
      await setPaused(peer, cut);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#notice.textContent = `Peer ${peer} could not be ${cut ? "cut off" : "healed"}: ${reason}`;
    } finally {
      panel?.setBusy(false);
    }
  }

  #redraw(): void {
    const views = [...this.#peers.values()];
    const agreement = agreementOf(views);
    const mood = moodOf(agreement, views, this.#stillForMs(views));
    this.#tour = advance(this.#tour, views, agreement);
    for (const peer of views) this.#panels.get(peer.name)?.show(peer, agreement, views.length);
    this.#topology.show(views);
    this.#bar.show(agreement, mood, views, this.#document);
    this.#tourView.show(this.#tour, views);
    this.#announcer.show(views, mood);
  }

  /** For how long no peer has reported other content than before. */
  #stillForMs(views: readonly PeerView[]): number {
    const now = performance.now();
    const holdings = views.map((peer) => `${peer.document?.fingerprint} ${peer.status?.root}`).join();
    if (holdings !== this.#holdings) {
      this.#holdings = holdings;
      this.#changedAt = now;
      // Looked at once more when it has stayed so for long enough to be called a difference.
      setTimeout(() => this.#redraw(), SETTLING_MS + 1);
    }
    return now - this.#changedAt;
  }
}
