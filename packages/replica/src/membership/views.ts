/**
 * Whether everybody links to everybody, and, where a cluster has become too large for that, which links this peer keeps: the *active view* of
 * HyParView. A link is in both views or in none, because it is one link; so a view changes only where both sides agree.
 *
 * Invariants
 * 1. Up to `meshPeersMax` peers are a mesh. Beyond, each keeps views, until fewer than `meshPeersMax` are left for a while; between the
 *    two nothing changes, so that one peer that comes and goes, or is not heard of for a moment, moves nobody.
 * 2. A link that an operator asked for, one to a peer of an earlier version, and one over which a follower is fed as configured
 *    are in no view: they are never refused for its size and never shed.
 * 3. No link is shed without the consent of the other side, which gives it only when it keeps links enough itself, and, where neighbours
 *    of neighbours meet at all, only when a third peer still joins the two.
 * 4. A view holds links over which changes flow: of a writer those to writers, of a follower those to whom it takes changes from.
 */
import type { Disconnect, PeerId, Role } from "@yarrow/protocol";
import { VIEW_PEERS_MAX } from "@yarrow/protocol";
import type { ReplicaConfig } from "../config.ts";
import type { Link } from "../links/link.ts";
import type { Links } from "../links/links.ts";
import type { Roster } from "./roster.ts";

/** Links over which a follower of a large cluster wants to be fed. */
const FEEDS_WANTED = 2;
/** Of a writer's links to followers, these are given without need. */
const FED_MAX = 12;
/** The share of all links up to which one that has no other link is taken in. */
const JOIN_SHARE = 0.5;
/** With this many times `meshPeersMax` peers, two neighbours hardly ever have a third in common. */
const SPARSE_FACTOR = 4;
/** Fewer than a mesh holds are left when the count says so for this part of the time in which peers that are silent count. */
const FEW_SHARE = 1 / 3;
const VIEWS_SINCE_VERSION = 3;
/** Between two requests to end a link; longer each time nothing comes of it. */
const SHED_MS = 1_000;
const SHED_BACKOFF_MAX = 5;
/** The newest links are the last to go: one that joins two parts of a cluster is new. */
const SHED_SHARE = 0.5;

export type LinkKind = "kept" | "idle" | "member" | "feeding";

export interface ViewsParts {
  readonly config: ReplicaConfig;
  readonly random: () => number;
  readonly roster: Roster;
  readonly links: () => Links;
  readonly peerId: PeerId;
  readonly role: () => Role;
  readonly discovery: boolean;
}

export class Views {
  readonly #parts: ViewsParts;
  #mesh = true;
  #peers = 1;
  #shedAt = Number.POSITIVE_INFINITY;
  #asked = 0;
  /** By the clock of the roster. */
  #fewSince: number | undefined;

  constructor(parts: ViewsParts) {
    this.#parts = parts;
  }

  /** Everybody links to everybody; also where discovery is off, and only what is listed is linked. */
  get mesh(): boolean {
    return this.#mesh || !this.#parts.discovery;
  }

  /** Peers that seem alive, this one among them; never more than are remembered. */
  get peers(): number {
    return this.#peers;
  }

  /** The links of the view. */
  links(): Link[] {
    const kind = this.#parts.role() === "writer" ? "member" : "feeding";
    return this.#open().filter((link) => this.kindOf(link) === kind);
  }

  /** How many links the view should have. */
  target(): number {
    const { role, config } = this.#parts;
    if (role() === "writer") return config.activeViewMax;
    const kept = this.#open().filter((link) => link.feedsUs && this.kindOf(link) === "kept");
    return Math.max(0, FEEDS_WANTED - kept.length);
  }

  /** Below this it is worth it that another peer has one too many. */
  floor(): number {
    return Math.ceil((this.target() * 2) / 3);
  }

  /** No link brings changes here, or takes them away. */
  get isolated(): boolean {
    return !this.#open().some((link) => this.kindOf(link) === "member" || link.feedsUs);
  }

  kindOf(link: Link): LinkKind {
    const { hello, own } = link;
    if (hello === undefined || !speaksViews(link) || own.follows || hello.follows) return "kept";
    if (link.wish === "keep") return "kept";
    if (!link.takesOurs && !link.feedsUs) return "idle";
    return own.role === "writer" && hello.role === "writer" ? "member" : "feeding";
  }

  /** Counts the peers that seem alive, and decides between mesh and views. Returns true when that has changed. */
  recount(now: number): boolean {
    const { roster, config, random, peerId } = this.#parts;
    const linked = new Set(this.#open().map((link) => link.peerId));
    // Somebody may speak of us at an address that we do not announce.
    const others = roster.unlinked(now).filter((member) => member.peerId !== peerId);
    this.#peers = 1 + linked.size + others.length;
    const mesh = this.#mesh ? this.#peers <= config.meshPeersMax : this.#areFew(now);
    const changed = mesh !== this.#mesh;
    this.#mesh = mesh;
    if (changed) this.#fewSince = undefined;
    if (this.#surplus().length === 0) this.#shedAt = Number.POSITIVE_INFINITY;
    else if (this.#shedAt === Number.POSITIVE_INFINITY) this.#shedAt = now + SHED_MS * (0.5 + random());
    return changed;
  }

  /** Whether a peer that dialled us and has greeted becomes a neighbour. */
  admits(link: Link): boolean {
    const { config, role } = this.#parts;
    const kind = this.kindOf(link);
    if (this.mesh || kind === "kept") return true;
    if (kind === "idle") return false;
    const others = this.#open().filter((other) => other !== link);
    const same = others.filter((other) => this.kindOf(other) === kind).length;
    const target = kind === "feeding" && role() === "writer" ? FED_MAX : this.target();
    const wish = link.hello?.wish ?? "low";
    if (wish === "low") return same < target;
    return wish === "high" ? same < 2 * target : others.length < config.linksMax * JOIN_SHARE;
  }

  /** A link is gone: who waited long to ask, because nobody had consented, asks again soon. */
  ended(now: number): void {
    this.#asked = 0;
    if (this.#shedAt === Number.POSITIVE_INFINITY) return;
    this.#shedAt = Math.min(this.#shedAt, now + SHED_MS * (0.5 + this.#parts.random()));
  }

  wake(now: number): void {
    if (now < this.#shedAt) return;
    const { random } = this.#parts;
    const surplus = this.#surplus();
    this.#shedAt = Number.POSITIVE_INFINITY;
    if (surplus.length === 0) return;
    this.#shedAt = now + SHED_MS * 2 ** this.#asked * (0.5 + random());
    this.#asked = Math.min(this.#asked + 1, SHED_BACKOFF_MAX);
    const byAge = surplus.sort((a, b) => a.openSince - b.openSince || a.id - b.id);
    const old = byAge.slice(0, Math.max(1, Math.ceil(byAge.length * SHED_SHARE)));
    const link = old[Math.floor(random() * old.length)]!;
    const neighbours = this.links().flatMap(({ peerId }) =>
      peerId === undefined || peerId === link.peerId ? [] : peerId,
    );
    link.send({ type: "disconnect", neighbours: neighbours.slice(0, VIEW_PEERS_MAX) });
  }

  nextDeadline(): number {
    return this.#shedAt;
  }

  /** The other side has links to spare. */
  disconnect(link: Link, message: Disconnect, now: number): void {
    if (this.#spares(link, message)) {
      this.#parts.links().refuse(link, "YARROW_LINK_SHED", "both sides have links enough", now);
    }
  }

  /** Whether fewer than a mesh holds are left, and not just unheard of for a moment: a sample may miss somebody for a while. */
  #areFew(now: number): boolean {
    const { config, roster } = this.#parts;
    const clock = roster.clock(now);
    this.#fewSince = this.#peers < config.meshPeersMax ? (this.#fewSince ?? clock) : undefined;
    return this.#fewSince !== undefined && clock - this.#fewSince >= config.memberHorizonMs * FEW_SHARE;
  }

  #spares(link: Link, { neighbours }: Disconnect): boolean {
    const { config, role } = this.#parts;
    if (this.mesh) return false;
    const kind = this.kindOf(link);
    if (kind === "kept" || kind === "idle") return kind === "idle";
    const view = this.links();
    if (kind === "feeding") return role() === "writer" || view.length > this.target();
    if (view.length <= this.floor()) return false;
    if (this.#peers > config.meshPeersMax * SPARSE_FACTOR || config.passiveViewMax < this.#peers) return true;
    return view.some(({ peerId }) => peerId !== link.peerId && peerId !== undefined && neighbours.includes(peerId));
  }

  /** Links that are more than this peer wants. */
  #surplus(): Link[] {
    if (this.mesh) return [];
    const idle = this.#open().filter((link) => this.kindOf(link) === "idle");
    const view = this.links();
    return view.length > this.target() ? [...idle, ...view] : idle;
  }

  #open(): Link[] {
    return this.#parts.links().open();
  }
}

export function speaksViews(link: Link): boolean {
  return (link.hello?.protocolMax ?? 0) >= VIEWS_SINCE_VERSION;
}
