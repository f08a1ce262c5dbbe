/** Starts the page: takes the document's name, and perhaps one peer's, from the address, waits for the peers, and opens the playground on them. */
import "@fontsource-variable/instrument-sans/wght.css";
import "./styles/tokens.css";
import "./styles/page.css";
import "./styles/topology.css";
import "./styles/agreement.css";
import "./styles/panel.css";
import "./styles/editor.css";
import { byId } from "./element.ts";
import { fetchPeers, type PeerAddress } from "./peers-api.ts";
import { Playground } from "./playground.ts";
import { startTheme } from "./theme.ts";

const DEFAULT_DOCUMENT = "welcome";
const RETRY_MS = 1_000;

const asked = new URLSearchParams(location.search);
const name = asked.get("document") || DEFAULT_DOCUMENT;
document.title = `${name} · Yarrow playground`;
byId("document-name").setAttribute("value", name);
startTheme(byId("theme-choice"));

new Playground(name, await waitForPeers(), asked.get("peer") ?? undefined).follow();

/** The page may be opened before the demo is ready, and then waits for it. */
async function waitForPeers(): Promise<readonly PeerAddress[]> {
  const notice = byId("notice");
  for (;;) {
    const peers: readonly PeerAddress[] = await fetchPeers().catch(() => []);
    notice.textContent = peers.length > 0 ? "" : "Waiting for the demo process…";
    if (peers.length > 0) return peers;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}
