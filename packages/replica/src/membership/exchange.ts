/**
 * What peers tell each other of further peers. In a mesh everybody tells everything; with views, as in HyParView, samples are swapped
 * along random walks, and who joins is made known along others.
 */
import type { Addresses, ForwardJoin, Hello, MemberEntry, PeerId, Role, Shuffle, ShuffleReply } from "@yarrow/protocol";
import { VIEW_PEERS_MAX } from "@yarrow/protocol";
import type { ReplicaConfig } from "../config.ts";
import type { Link } from "../links/link.ts";
import type { Links } from "../links/links.ts";
import { isPeerUrl } from "./directory.ts";
import type { Roster } from "./roster.ts";
import type { Views } from "./views.ts";
import { speaksViews } from "./views.ts";

/** Links that a walk takes, and how many are left where one who joined is remembered on the way: ARWL and PRWL of the paper. */
const WALK = 6;
const WALK_LEFT_TO_REMEMBER = 3;
/** Of a swap: neighbours, and others. */
const SWAP_ACTIVE = 3;
const SWAP_PASSIVE = 4;
/** Told to a new neighbour, or to one that is refused. */
const TOLD_ON_OPEN = 16;

export interface ExchangeParts {
  readonly config: ReplicaConfig;
  readonly random: () => number;
  readonly roster: Roster;
  readonly views: Views;
  readonly links: () => Links;
  readonly peerId: PeerId;
  readonly role: () => Role;
  readonly discovery: boolean;
  /** Where others can dial this peer: nothing to learn. */
  readonly addresses: readonly string[];
  /** A peer is known anew, or at addresses that are new. */
  readonly learned: (peerId: PeerId, fresh: readonly string[], now: number) => void;
  /** A peer that has just joined is to be dialled. */
  readonly join: (url: string) => void;
}

export class Exchange {
  readonly #parts: ExchangeParts;
  #tellAt: number;
  #shuffleAt: number;

  constructor(parts: ExchangeParts, now: number) {
    this.#parts = parts;
    this.#tellAt = now + parts.config.addressExchangeMs;
    this.#shuffleAt = now + parts.config.shuffleMs * (0.5 + parts.random());
  }

  linkOpened(link: Link, now: number): void {
    const { hello, dialled } = link;
    if (hello === undefined) return;
    const urls = [...new Set([...hello.addresses, ...(dialled === undefined ? [] : [dialled])])];
    const heardAt = this.#parts.roster.clock(now);
    this.#learn([{ ...hello, urls, heardAt, reached: dialled !== undefined }], now);
    this.tell(link, now);
    if (hello.wish === "join" && dialled === undefined) this.#announce(link, now);
  }

  /** Somebody greeted us where we dialled, whether or not a link comes of it. */
  answered(url: string, hello: Hello, now: number): void {
    this.#learn([{ ...hello, urls: [url], heardAt: this.#parts.roster.clock(now), reached: true }], now);
  }

  linkEnded({ announced }: Link, now: number): void {
    if (announced === undefined) return;
    this.#learn([{ ...announced, urls: [], heardAt: this.#parts.roster.clock(now), reached: false }], now);
  }

  /**
   * Tells a neighbour, or one that is `declined`, of others: that one also of addresses at which nobody was reached yet. It needs one now, is
   * about to find out, and passes on only what it has reached itself; where a thousand join at once hardly anybody has been dialled.
   */
  tell(link: Link, now: number, declined = false): void {
    const { roster, views, discovery } = this.#parts;
    if (!discovery) return;
    const { mesh } = views;
    // In a mesh also of its own name: another process may have it.
    const known = roster.shuffled(roster.tellable(mesh, now));
    const others = known.filter(({ peerId }) => mesh || peerId !== link.peerId);
    if (others.length === 0) return;
    if (!speaksViews(link)) {
      const named = mesh ? roster.members() : others.slice(0, TOLD_ON_OPEN);
      const peers = named.flatMap(({ peerId, urls }) => (urls.length === 0 ? [] : { peerId, urls }));
      if (peers.length > 0) link.send({ type: "addresses", peers });
      return;
    }
    const told = others.slice(0, mesh ? VIEW_PEERS_MAX : TOLD_ON_OPEN);
    const peers = told.map((member) => roster.entry(member, now, mesh || declined));
    link.send({ type: "shuffle-reply", path: [], peers });
  }

  tellAll(now: number): void {
    for (const link of this.#parts.links().open()) this.tell(link, now);
  }

  /** One of an earlier version tells whom it knows, but not how long ago it heard of them. */
  takeAddresses({ peers }: Addresses, now: number): void {
    const said = peers.map(({ peerId, urls }) => ({ peerId, urls, heardAt: undefined, reached: false }));
    this.#learn(
      said.map((one) => ({ ...one, role: this.#parts.roster.get(one.peerId)?.role ?? "writer" })),
      now,
    );
  }

  takeForwardJoin(link: Link, { peer, walk }: ForwardJoin, now: number): void {
    const { discovery, peerId, join } = this.#parts;
    if (!discovery || peer.peerId === peerId) return;
    const next = walk > 0 ? this.#choose([link.peerId, peer.peerId]) : undefined;
    if (next !== undefined) {
      if (walk === WALK_LEFT_TO_REMEMBER) this.#takeEntries([peer], now, false);
      return next.send({ type: "forward-join", peer, walk: Math.min(walk, WALK) - 1 });
    }
    if (this.#isLinked(peer.peerId)) return;
    this.#takeEntries([peer], now, false);
    for (const url of peer.urls.slice(-1)) join(url);
  }

  takeShuffle(link: Link, { walk, path, peers }: Shuffle, now: number): void {
    const { discovery, roster, peerId } = this.#parts;
    // A way back that does not lead over this link leads nowhere.
    if (!discovery || path.length === 0 || path.length > WALK || path.at(-1) !== link.peerId) return;
    const next = walk > 0 && path.length < WALK ? this.#choose(path) : undefined;
    if (next !== undefined) {
      return next.send({ type: "shuffle", walk: Math.min(walk, WALK) - 1, path: [...path, peerId], peers });
    }
    const answer = roster.shuffled(this.#swappable(now)).slice(0, peers.length);
    link.send({
      type: "shuffle-reply",
      path: path.slice(0, -1),
      peers: answer.map((one) => roster.entry(one, now, false)),
    });
    this.#takeEntries(peers, now, true);
  }

  takeShuffleReply(link: Link, { path, peers }: ShuffleReply, now: number): void {
    if (!this.#parts.discovery) return;
    const back = path.at(-1);
    // Who has not taken us for a neighbour is about to decline, and tells of whatever it has heard of.
    if (back === undefined) return this.#takeEntries(peers, now, link.state.kind === "open");
    const next = this.#parts
      .links()
      .open()
      .find((other) => other.peerId === back && speaksViews(other));
    next?.send({ type: "shuffle-reply", path: path.slice(0, -1), peers });
  }

  wake(now: number): void {
    const { config, views, links } = this.#parts;
    if (now >= this.#tellAt) {
      this.#tellAt = now + config.addressExchangeMs;
      for (const link of links().open()) if (views.mesh || !speaksViews(link)) this.tell(link, now);
    }
    if (now >= this.#shuffleAt) {
      this.#shuffleAt = now + config.shuffleMs * (0.5 + this.#parts.random());
      if (!views.mesh) this.#shuffle(now);
    }
  }

  nextDeadline(): number {
    return Math.min(this.#tellAt, this.#shuffleAt);
  }

  #shuffle(now: number): void {
    const { roster, peerId } = this.#parts;
    const link = this.#choose([]);
    if (link === undefined) return;
    const told = roster.shuffled(this.#swappable(now)).filter((member) => member.peerId !== link.peerId);
    const active = told.filter((member) => this.#isLinked(member.peerId)).slice(0, SWAP_ACTIVE);
    const passive = told.filter((member) => !this.#isLinked(member.peerId)).slice(0, SWAP_PASSIVE);
    const peers = [...active, ...passive].map((member) => roster.entry(member, now, false));
    link.send({ type: "shuffle", walk: WALK - 1, path: [peerId], peers });
  }

  #swappable(now: number) {
    return this.#parts.roster.tellable(false, now);
  }

  /** Makes one who has joined known along a walk that starts at each neighbour. */
  #announce(link: Link, now: number): void {
    const { views, roster, role } = this.#parts;
    const { hello } = link;
    if (views.mesh || hello === undefined || hello.addresses.length === 0) return;
    if (role() !== "writer" || hello.role !== "writer") return;
    const member = roster.get(hello.peerId);
    if (member === undefined) return;
    const peer = roster.entry(member, now, true);
    for (const other of views.links()) if (other !== link) other.send({ type: "forward-join", peer, walk: WALK });
  }

  #takeEntries(peers: readonly MemberEntry[], now: number, reached: boolean): void {
    const { roster, config } = this.#parts;
    const clock = roster.clock(now);
    const recent = peers.filter(({ ageMs }) => ageMs <= config.memberHorizonMs);
    this.#learn(
      recent.map((peer) => ({ ...peer, heardAt: clock - peer.ageMs, reached: reached && !this.#parts.views.mesh })),
      now,
    );
  }

  #learn(said: readonly Parameters<Roster["learn"]>[0][], now: number): void {
    const { roster, views, discovery, addresses, learned, peerId } = this.#parts;
    if (!discovery) return;
    for (const one of said) {
      // Under our own id another process may live, on a copy of our disk: it is dialled like any other, and noticed.
      const urls = one.urls.filter((url) => isPeerUrl(url) && !addresses.includes(url));
      if (urls.length === 0 && (one.peerId === peerId || one.heardAt === undefined)) continue;
      learned(one.peerId, roster.learn({ ...one, urls }), now);
    }
    roster.trim(views.mesh, now);
  }

  /** A neighbour at random that understands walks, but none of `except`. */
  #choose(except: readonly (PeerId | undefined)[]): Link | undefined {
    const open = this.#parts.links().open();
    const links = open.filter((link) => speaksViews(link) && !except.includes(link.peerId));
    return links[Math.floor(this.#parts.random() * links.length)];
  }

  #isLinked(peerId: PeerId): boolean {
    return this.#parts
      .links()
      .open()
      .some((link) => link.peerId === peerId);
  }
}
