/**
 * Who is linked with whom. The peers stand on a circle; each link is two threads, one from either end, that meet in
 * the middle while it is up and hang loose while it is cut.
 */
import { element, svgElement } from "./element.ts";
import { colorAt } from "./people.ts";
import { inWords, isCutOff, linkBetween, peerState, type LinkState, type PeerView } from "./peer-state.ts";

const WIDTH = 320;
const CENTRE = { x: WIDTH / 2, y: 116 };
const RADIUS = { x: 112, y: 82 };
const PEER_RADIUS = 23;
/** Room around the outermost peer for the ring of one that is cut off. */
const MARGIN = 34;

interface Point {
  readonly x: number;
  readonly y: number;
}

interface PeerMark {
  readonly group: SVGGElement;
  readonly pulse: SVGCircleElement;
  fingerprint: string | undefined;
}

export class TopologyPicture {
  readonly #caption = element("p", { class: "topology-caption" });
  readonly #links = new Map<string, SVGGElement>();
  readonly #peers = new Map<string, PeerMark>();
  readonly #svg = svgElement("svg", { "aria-hidden": "true" });

  /** Draws into `parent`; the peers never change in number. */
  constructor(parent: HTMLElement, peers: readonly PeerView[]) {
    const points = peers.map((_, index) => pointAt(index, peers.length));
    const height = Math.max(...points.map((point) => point.y)) + MARGIN;
    this.#svg.setAttribute("viewBox", `0 0 ${WIDTH} ${Math.ceil(height)}`);
    for (const [i, a] of peers.entries()) {
      for (const [j, b] of peers.entries()) {
        if (j <= i) continue;
        const group = linkGroup([points[i]!, points[j]!], [colorAt(i), colorAt(j)]);
        this.#links.set(linkKey(a, b), group);
        this.#svg.append(group);
      }
    }
    for (const [index, peer] of peers.entries()) {
      const mark = peerMark(peer.name, points[index]!, colorAt(index));
      this.#peers.set(peer.name, mark);
      this.#svg.append(mark.group);
    }
    parent.replaceChildren(this.#svg, this.#caption);
  }

  show(peers: readonly PeerView[]): void {
    const count: Record<LinkState, number> = { open: 0, cut: 0, down: 0, connecting: 0, absent: 0 };
    for (const [i, a] of peers.entries()) {
      for (const b of peers.slice(i + 1)) {
        const state = linkBetween(a, b);
        count[state] += 1;
        this.#links.get(linkKey(a, b))?.setAttribute("data-state", state);
      }
    }
    for (const peer of peers) this.#showPeer(peer);
    this.#caption.textContent = caption(peers, count);
  }

  #showPeer(peer: PeerView): void {
    const mark = this.#peers.get(peer.name);
    if (mark === undefined) return;
    mark.group.setAttribute("data-state", peerState(peer));
    mark.group.setAttribute("data-cut", String(isCutOff(peer)));
    const fingerprint = peer.document?.fingerprint;
    if (fingerprint === mark.fingerprint) return;
    const first = mark.fingerprint === undefined;
    mark.fingerprint = fingerprint;
    if (!first) pulse(mark.pulse);
  }
}

function caption(peers: readonly PeerView[], count: Record<LinkState, number>): string {
  const offline = peers.filter((peer) => !peer.running).map((peer) => peer.name);
  const cut = peers.filter(isCutOff).map((peer) => peer.name);
  const total = count.open + count.cut + count.down + count.connecting;
  const parts = [
    count.open < total ? `${count.open} of ${total} links up` : total === 1 ? "The link is up" : "All links are up",
  ];
  if (cut.length > 0) parts.push(`${inWords(cut)} cut off`);
  if (offline.length > 0) parts.push(`${inWords(offline)} offline`);
  return parts.join(" · ");
}

/** Places from left to right over the top, so that the picture reads in the order of the editors. */
function pointAt(index: number, count: number): Point {
  const degrees = 90 + (360 / count) * ((count - 1) / 2 - index);
  const angle = (degrees * Math.PI) / 180;
  return { x: CENTRE.x + RADIUS.x * Math.cos(angle), y: CENTRE.y - RADIUS.y * Math.sin(angle) };
}

function linkGroup(ends: readonly [Point, Point], colors: readonly [string, string]): SVGGElement {
  const [a, b] = ends;
  const middle = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  return svgElement(
    "g",
    { class: "link", "data-state": "connecting" },
    thread(a, middle, colors[0], "thread-a"),
    thread(b, middle, colors[1], "thread-b"),
  );
}

function thread(from: Point, to: Point, color: string, side: string): SVGElement {
  const made = svgElement("path", {
    class: `thread ${side}`,
    d: `M${from.x} ${from.y}L${to.x} ${to.y}`,
    pathLength: 100,
  });
  made.style.setProperty("--peer", color);
  made.style.transformOrigin = `${from.x}px ${from.y}px`;
  return made;
}

function peerMark(name: string, at: Point, color: string): PeerMark {
  const circle = (r: number, className: string) => svgElement("circle", { cx: at.x, cy: at.y, r, class: className });
  const pulseRing = circle(PEER_RADIUS, "peer-pulse");
  const group = svgElement(
    "g",
    { class: "peer-mark" },
    pulseRing,
    circle(PEER_RADIUS + 8, "peer-fence"),
    circle(PEER_RADIUS, "peer-disc"),
    svgElement("text", { x: at.x, y: at.y, dy: "0.35em" }, name),
  );
  group.style.setProperty("--peer", color);
  pulseRing.style.transformOrigin = `${at.x}px ${at.y}px`;
  return { group, pulse: pulseRing, fingerprint: undefined };
}

/** A ring that spreads from a peer whose copy of the document has just changed. */
function pulse(ring: SVGCircleElement): void {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  for (const running of ring.getAnimations()) running.cancel();
  const spread = [
    { transform: "scale(1)", opacity: 0.5 },
    { transform: "scale(1.75)", opacity: 0 },
  ];
  ring.animate(spread, { duration: 700, easing: "ease-out" });
}

function linkKey(a: PeerView, b: PeerView): string {
  return `${a.name} ${b.name}`;
}
