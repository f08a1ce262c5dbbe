/** What the reports of the peers mean, taken one by one, two by two, and all together. No part of the page is touched here. */
import type { DocumentStatus, PeerAddress, PeerStatus } from "./peers-api.ts";

/** All that the page knows of one peer. */
export interface PeerView extends PeerAddress {
  /** Undefined until its first report, and while its process is down. */
  readonly status: PeerStatus | undefined;
  /** Undefined when nobody has written the document there. */
  readonly document: DocumentStatus | undefined;
}

export type PeerState = "starting" | "connected" | "alone" | "offline";
export type LinkState = "open" | "cut" | "down" | "connecting" | "absent";

export interface Agreement {
  /**
   * `equal`: every peer runs, and all hold the same document and the same set. `different`: two of those that run do
   * not. `incomplete`: those that run are equal, but some peer says nothing, so that equality is not known.
   */
  readonly verdict: "equal" | "different" | "incomplete";
  /** Names of the running peers, grouped by what they hold of the document, in the order of the peers. */
  readonly groups: readonly (readonly string[])[];
  readonly setsEqual: boolean;
  readonly offline: readonly string[];
}

export function peerState(peer: PeerView): PeerState {
  if (!peer.running) return "offline";
  if (peer.status === undefined) return "starting";
  return linksUp(peer.status) > 0 ? "connected" : "alone";
}

export function isCutOff(peer: PeerView): boolean {
  return peer.running && peer.status?.paused === true;
}

export function linksUp(status: PeerStatus): number {
  return status.links.filter((link) => link.state === "open").length;
}

/** Either end may know of a link first, so that one of the two reports is enough to call it open. */
export function linkBetween(a: PeerView, b: PeerView): LinkState {
  if (!a.running || !b.running) return "down";
  if (isCutOff(a) || isCutOff(b)) return "cut";
  const states = [...linkStates(a, b), ...linkStates(b, a)];
  if (states.includes("open")) return "open";
  return states.length > 0 ? "connecting" : "absent";
}

export function agreementOf(peers: readonly PeerView[]): Agreement {
  const reporting = peers.filter((peer) => peer.running && peer.status !== undefined);
  const groups = groupedBy(reporting, documentKey);
  const setsEqual = new Set(reporting.map((peer) => peer.status?.root)).size <= 1;
  const complete = reporting.length === peers.length;
  const same = groups.length <= 1 && setsEqual;
  return {
    verdict: same ? (complete ? "equal" : "incomplete") : "different",
    groups: groups.map((group) => group.map((peer) => peer.name)),
    setsEqual,
    offline: peers.filter((peer) => !peer.running).map((peer) => peer.name),
  };
}

/** `A`, `A and B`, `A, B and C`. */
export function inWords(names: readonly string[]): string {
  if (names.length <= 1) return names.join("");
  return `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

function groupedBy(peers: readonly PeerView[], keyOf: (peer: PeerView) => string): readonly (readonly PeerView[])[] {
  const byKey = new Map<string, PeerView[]>();
  for (const peer of peers) {
    const key = keyOf(peer);
    byKey.set(key, [...(byKey.get(key) ?? []), peer]);
  }
  return [...byKey.values()];
}

function documentKey({ document }: PeerView): string {
  return document === undefined ? "absent" : `${document.incarnation} ${document.fingerprint}`;
}

function linkStates(from: PeerView, to: PeerView): string[] {
  const links = from.status?.links ?? [];
  return links
    .filter((link) => (link.peerId !== undefined && link.peerId === to.status?.peerId) || sameAddress(link.url, to.url))
    .map((link) => link.state);
}

function sameAddress(a: string | undefined, b: string): boolean {
  return a !== undefined && a.replace(/\/+$/, "") === b.replace(/\/+$/, "");
}
