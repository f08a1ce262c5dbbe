/**
 * Whom this peer has heard of. In a mesh that is everybody; in a larger cluster the *passive view* of HyParView (Leitão and others, 2007): a
 * bounded sample, from which lost links are replaced.
 *
 * Invariants
 * 1. Nobody who is linked, or lives at an address that was configured, is forgotten, and what is forgotten here is forgotten everywhere in this peer.
 * 2. Time stands still while this peer has no link at all: being cut off says nothing about the others, so nobody grows old meanwhile.
 * 3. Only what somebody reached by dialling is passed on, so that peers that cannot be dialled are in no view of peers to dial.
 */
import type { MemberEntry, PeerId, Role } from "@yarrow/protocol";
import type { ReplicaConfig } from "../config.ts";

/** Addresses remembered of one peer. */
const URLS_PER_PEER_MAX = 8;
/** Of these are passed on. */
const URLS_TOLD_MAX = 4;
/** Remembered beside the passive view: peers that seem gone, and peers without an address. */
const LOST_MAX = 12;
const BARE_MAX = 12;

export interface Member {
  readonly peerId: PeerId;
  /** The newest last. */
  urls: readonly string[];
  role: Role;
  /** When somebody last had a link to it, as far as is known here. */
  heardAt: number;
  /** Whether that was heard since this process started; what was merely stored is not passed on. */
  witnessed: boolean;
  /** Somebody dialled it with success. */
  reached: boolean;
  /** A dial failed here, and nothing was heard of it since. */
  failed: boolean;
}

/** What is said of a peer. `heardAt` undefined: how long ago it was heard of is not known. */
export interface Hearsay {
  readonly peerId: PeerId;
  readonly urls: readonly string[];
  readonly role: Role;
  readonly heardAt: number | undefined;
  readonly reached: boolean;
}

export interface RosterParts {
  readonly config: ReplicaConfig;
  readonly random: () => number;
  readonly isLinked: (peerId: PeerId) => boolean;
  readonly isConfigured: (url: string) => boolean;
  readonly forgotten: (member: Member, now: number) => void;
}

type Group = "linked" | "passive" | "lost" | "bare";

export class Roster {
  readonly #parts: RosterParts;
  readonly #members = new Map<PeerId, Member>();
  #stoodStill = 0;
  #aloneSince: number | undefined;

  constructor(parts: RosterParts, now: number) {
    this.#parts = parts;
    this.#aloneSince = now;
  }

  get size(): number {
    return this.#members.size;
  }

  /** The time by which members grow old: see invariant 2. */
  clock(now: number): number {
    return (this.#aloneSince ?? now) - this.#stoodStill;
  }

  /** Call when the first link has opened, or the last has ended. */
  setAlone(alone: boolean, now: number): void {
    if (alone === (this.#aloneSince !== undefined)) return;
    if (this.#aloneSince !== undefined) this.#stoodStill += now - this.#aloneSince;
    this.#aloneSince = alone ? now : undefined;
  }

  get(peerId: PeerId): Member | undefined {
    return this.#members.get(peerId);
  }

  members(): Member[] {
    return [...this.#members.values()];
  }

  /** Takes in what is said of a peer. Returns the addresses that are new. */
  learn(said: Hearsay): string[] {
    const { peerId, urls, role, heardAt, reached } = said;
    let member = this.#members.get(peerId);
    if (member === undefined) {
      member = { peerId, urls: [], role, heardAt: Number.NEGATIVE_INFINITY, witnessed: false, reached, failed: false };
      this.#members.set(peerId, member);
    }
    if (heardAt !== undefined && (heardAt > member.heardAt || !member.witnessed)) {
      if (heardAt > member.heardAt) Object.assign(member, { role, failed: false });
      member.heardAt = heardAt;
      member.witnessed = true;
    }
    const known = member.urls;
    const fresh = [...new Set(urls)].filter((url) => !known.includes(url));
    if (reached && urls.length > 0) member.reached = true;
    // A peer may come back elsewhere every time: the newest are kept. More would break the message they travel in.
    if (fresh.length > 0) member.urls = [...known, ...fresh].slice(-URLS_PER_PEER_MAX);
    return fresh;
  }

  /** Read from the store: taken as heard of now, by this process alone. */
  restore(peerId: PeerId, urls: readonly string[], now: number): void {
    const heardAt = this.clock(now);
    this.#members.set(peerId, {
      peerId,
      urls,
      role: "writer",
      heardAt,
      witnessed: false,
      reached: false,
      failed: false,
    });
  }

  /** A dial to it failed while others were linked. */
  fail(peerId: PeerId): void {
    const member = this.#members.get(peerId);
    if (member !== undefined) member.failed = true;
  }

  /** Nobody was heard to have a link with it for long, or it could not be dialled. */
  isLost(member: Member, now: number): boolean {
    return member.failed || this.isGone(member, now);
  }

  isGone(member: Member, now: number): boolean {
    return this.clock(now) - member.heardAt > this.#parts.config.memberHorizonMs;
  }

  /** Peers that are not linked and can be dialled. */
  passive(now: number): Member[] {
    return this.members().filter((member) => this.#groupOf(member, now) === "passive");
  }

  lost(now: number): Member[] {
    return this.members().filter((member) => this.#groupOf(member, now) === "lost");
  }

  /** Peers that seem alive and are not linked. */
  unlinked(now: number): Member[] {
    return this.members().filter((member) => !this.#parts.isLinked(member.peerId) && !this.isGone(member, now));
  }

  /** How a member is told of: with its addresses only when somebody reached it there, or when `claims` are good enough. */
  entry(member: Member, now: number, claims: boolean): MemberEntry {
    const { peerId, role, heardAt, reached, urls } = member;
    const linked = this.#parts.isLinked(peerId);
    const ageMs = linked ? 0 : Math.max(0, Math.round(this.clock(now) - heardAt));
    return { peerId, role, ageMs, urls: reached || claims ? urls.slice(-URLS_TOLD_MAX) : [] };
  }

  /**
   * Members that may be passed on: `mesh` lets everybody hear of everybody. Where a mesh may be near, also those that cannot be dialled
   * are passed on, by name: they are told of only by their neighbours otherwise, and would be missing where peers are counted.
   */
  tellable(mesh: boolean, now: number): Member[] {
    const { config, isLinked } = this.#parts;
    const near = this.#members.size < 2 * config.meshPeersMax;
    return this.members().filter((member) => {
      if (isLinked(member.peerId)) return true;
      if (!member.witnessed || this.isGone(member, now)) return false;
      return mesh || (!member.failed && (near || member.reached));
    });
  }

  /** Keeps to the bounds: of a mesh the longest unheard goes first; of a view anybody, so that it stays a fair sample. */
  trim(mesh: boolean, now: number): void {
    const { addressesMax, passiveViewMax } = this.#parts.config;
    if (mesh)
      return this.#shrink(
        this.#unlinkedByAge(() => true, now),
        addressesMax - this.#linkedCount(),
        now,
      );
    const groups: { readonly [G in Group]: Member[] } = { linked: [], passive: [], lost: [], bare: [] };
    for (const member of this.#members.values()) groups[this.#groupOf(member, now)].push(member);
    // Writers do not dial followers, and followers do not dial each other: a few are enough to know of.
    const followers = groups.passive.filter(({ role }) => role === "follower");
    const spare = Math.floor(passiveViewMax / 3);
    this.#shrink(this.shuffled(followers), groups.passive.length > passiveViewMax ? spare : followers.length, now);
    this.#shrink(this.shuffled(groups.passive.filter(({ peerId }) => this.#members.has(peerId))), passiveViewMax, now);
    this.#shrink(this.shuffled(groups.lost), LOST_MAX, now);
    this.#shrink(
      this.#unlinkedByAge((member) => member.urls.length === 0, now),
      BARE_MAX,
      now,
    );
  }

  shuffled(members: readonly Member[]): Member[] {
    const left = [...members].sort((a, b) => (a.peerId < b.peerId ? -1 : 1));
    for (let i = left.length - 1; i > 0; i--) {
      const other = Math.floor(this.#parts.random() * (i + 1));
      [left[i], left[other]] = [left[other]!, left[i]!];
    }
    return left;
  }

  #groupOf(member: Member, now: number): Group {
    if (this.#parts.isLinked(member.peerId)) return "linked";
    if (member.urls.length === 0) return "bare";
    return this.isLost(member, now) ? "lost" : "passive";
  }

  #linkedCount(): number {
    return this.members().filter(({ peerId }) => this.#parts.isLinked(peerId)).length;
  }

  /** The longest unheard last. */
  #unlinkedByAge(choose: (member: Member) => boolean, now: number): Member[] {
    const chosen = this.members().filter((member) => choose(member) && !this.#parts.isLinked(member.peerId));
    const rank = (member: Member): number => (this.isGone(member, now) ? 1 : 0);
    return chosen.sort((a, b) => rank(a) - rank(b) || b.heardAt - a.heardAt);
  }

  #shrink(members: readonly Member[], max: number, now: number): void {
    for (const member of members.slice(Math.max(0, max))) {
      if (member.urls.some((url) => this.#parts.isConfigured(url))) continue;
      this.#members.delete(member.peerId);
      this.#parts.forgotten(member, now);
    }
  }
}
