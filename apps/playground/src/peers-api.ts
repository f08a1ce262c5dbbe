/**
 * The HTTP interface of the process that serves this page: which peers run, what each reports, and the switch that
 * cuts one off. Only the fields that the page shows are declared.
 */

export interface PeerAddress {
  readonly name: string;
  /** `ws://host:port`, where the stock provider connects. */
  readonly url: string;
  /** Null when it is not known: somebody else than the demo started the process. */
  readonly pid: number | null;
  readonly running: boolean;
}

export interface LinkStatus {
  readonly peerId?: string;
  readonly url?: string;
  readonly state: "connecting" | "open" | "paused" | "waiting";
}

export interface PeerStatus {
  readonly peerId: string;
  readonly state: string;
  /** Fingerprint of the whole set, in hex. */
  readonly root: string;
  readonly documents: { readonly alive: number };
  readonly links: readonly LinkStatus[];
  readonly sessions: number;
  /** An operator has cut this peer off from the others. */
  readonly paused: boolean;
}

export interface DocumentStatus {
  readonly state: "alive" | "deleted";
  readonly incarnation: number;
  readonly fingerprint: string;
}

export interface PeerReport {
  readonly peer: string;
  /** Null: its process is not running. */
  readonly status: PeerStatus | null;
  /** The watched document, when it exists on that peer. */
  readonly documents: Readonly<Record<string, DocumentStatus>>;
}

const RETRY_MS = 2_000;

export async function fetchPeers(): Promise<readonly PeerAddress[]> {
  const response = await fetch("/api/peers");
  if (!response.ok) throw new Error(`the list of peers could not be read (${response.status})`);
  return ((await response.json()) as { peers: readonly PeerAddress[] }).peers;
}

/** Cuts `peer` off from the other peers, or heals the cut. Its browsers stay connected. */
export async function setPaused(peer: string, paused: boolean): Promise<void> {
  const response = await fetch(`${peerPath(peer)}/${paused ? "pause" : "resume"}`, { method: "POST" });
  if (response.ok) return;
  const body = (await response.json().catch(() => ({}))) as { error?: string };
  throw new Error(body.error ?? `the peer answered ${response.status}`);
}

/** Follows what all peers report, from what they say now on, for as long as the page lives. */
export function watchReports(
  document: string,
  onReport: (report: PeerReport) => void,
  onConnected: (connected: boolean) => void,
): void {
  const events = new EventSource(`/api/events?document=${encodeURIComponent(document)}`);
  events.onopen = () => onConnected(true);
  events.onmessage = (event: MessageEvent<string>) => onReport(JSON.parse(event.data) as PeerReport);
  events.onerror = () => {
    onConnected(false);
    // A stream that breaks is taken up again by the browser; one that was answered with an error is not.
    if (events.readyState !== EventSource.CLOSED) return;
    setTimeout(() => watchReports(document, onReport, onConnected), RETRY_MS);
  };
}

function peerPath(peer: string): string {
  return `/api/peers/${encodeURIComponent(peer)}`;
}
