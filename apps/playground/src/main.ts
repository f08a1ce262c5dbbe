/** Puts the page together: reads which peers there are, opens an editor on each, and redraws whenever one reports. */
import "@fontsource-variable/instrument-sans/wght.css";
import "./styles/tokens.css";
import "./styles/page.css";
import "./styles/topology.css";
import "./styles/agreement.css";
import "./styles/panel.css";
import "./styles/editor.css";
import { AgreementBar, SETTLING_MS, moodOf } from "./agreement-bar.ts";
import { Announcer } from "./announcer.ts";
import { byId } from "./element.ts";
import { PeerPanel } from "./peer-panel.ts";
import { agreementOf, type PeerView } from "./peer-state.ts";
import { fetchPeers, fetchReport, setPaused, watchReports, type PeerAddress, type PeerReport } from "./peers-api.ts";
import { startTheme } from "./theme.ts";
import { TopologyPicture } from "./topology-picture.ts";
import { FRESH_TOUR, TourView, advance, typedAt } from "./tour.ts";

const RETRY_MS = 1_000;
const DEFAULT_DOCUMENT = "welcome";

const documentName = new URLSearchParams(location.search).get("document") || DEFAULT_DOCUMENT;
const notice = byId("notice");

startTheme(byId("theme-choice"));
showDocumentName();
void waitForPeers().then(start);

function start(addresses: readonly PeerAddress[]): void {
  const peers = new Map(addresses.map((address) => [address.name, unreported(address)]));
  const announcer = new Announcer(byId("announcements"));
  const bar = new AgreementBar(byId("agreement"));
  const topology = new TopologyPicture(byId("topology"), all());
  const tourView = new TourView(byId("tour"), all());
  const panels = new Map(
    all().map((peer, place) => {
      const panel = new PeerPanel(peer, { document: documentName, place, onSwitch: cutOrHeal, onTyped });
      return [peer.name, panel];
    }),
  );
  byId("editors").replaceChildren(...[...panels.values()].map((panel) => panel.root));
  let tour = FRESH_TOUR;
  let holdings = "";
  let changedAt = 0;

  redraw();
  for (const { name } of addresses) void askFor(name);
  watchReports(documentName, receive, (connected) => {
    notice.textContent = connected ? "" : "The demo process does not answer: what is shown here may be old.";
    // Processes may have come and gone while nobody told us.
    if (connected) void refreshAddresses();
  });

  function all(): PeerView[] {
    return [...peers.values()];
  }

  function receive(report: PeerReport): void {
    const known = peers.get(report.peer);
    if (known === undefined) return;
    const { status } = report;
    const returned = status !== null && !known.running;
    peers.set(report.peer, {
      ...known,
      running: status !== null,
      status: status ?? undefined,
      document: report.documents[documentName],
    });
    if (returned) void refreshAddresses();
    redraw();
  }

  /** A process that came back has another process id, and perhaps another address. */
  async function refreshAddresses(): Promise<void> {
    for (const address of await fetchPeers().catch(() => [])) {
      const known = peers.get(address.name);
      if (known !== undefined) peers.set(address.name, { ...known, url: address.url, pid: address.pid });
    }
    redraw();
  }

  async function askFor(peer: string): Promise<void> {
    const report = await fetchReport(peer, documentName).catch(() => undefined);
    if (report !== undefined) receive(report);
  }

  async function cutOrHeal(peer: string, cut: boolean): Promise<void> {
    const panel = panels.get(peer);
    panel?.setBusy(true);
    try {
      await setPaused(peer, cut);
      await askFor(peer);
    } catch (error) {
      notice.textContent = `Peer ${peer} could not be ${cut ? "cut off" : "healed"}: ${(error as Error).message}.`;
    } finally {
      panel?.setBusy(false);
    }
  }

  function onTyped(peer: string): void {
    tour = typedAt(tour, peer);
  }

  /** For how long, in ms, no peer has reported other content than before. */
  function stillForMs(views: readonly PeerView[]): number {
    const now = performance.now();
    const reported = views.map((peer) => `${peer.document?.fingerprint} ${peer.status?.root}`).join();
    if (reported !== holdings) {
      holdings = reported;
      changedAt = now;
      // Looked at once more when it has stayed so for long enough to be called a difference.
      setTimeout(redraw, SETTLING_MS + 1);
    }
    return now - changedAt;
  }

  function redraw(): void {
    const views = all();
    const agreement = agreementOf(views);
    const mood = moodOf(agreement, views, stillForMs(views));
    tour = advance(tour, views, agreement);
    for (const peer of views) panels.get(peer.name)?.show(peer, agreement, views.length);
    topology.show(views);
    bar.show(agreement, mood, views, documentName);
    tourView.show(tour, views);
    announcer.show(views, mood);
  }
}

function unreported(address: PeerAddress): PeerView {
  return { ...address, status: undefined, document: undefined };
}

function showDocumentName(): void {
  const input = byId("document-name") as HTMLInputElement;
  input.value = documentName;
  document.title = `${documentName} · Yarrow playground`;
}

/** The page may be opened before the demo is ready, and then waits for it. */
async function waitForPeers(): Promise<readonly PeerAddress[]> {
  for (;;) {
    try {
      const peers = await fetchPeers();
      notice.textContent = "";
      return peers;
    } catch {
      notice.textContent = "Waiting for the demo process…";
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}
