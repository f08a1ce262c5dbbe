/**
 * Whom this peer dials, and when. In a mesh, every address as soon as it is due. With views, only as many as are missing, in rounds.
 *
 * Invariants
 * 1. With views no more dials are out than links are missing, and while none is answered the rounds grow rarer up to a cap. Who has no
 *    link dials one in a round and nothing beside: while nobody can be reached three times in `redialMaxMs`, whatever is known, and a
 *    cluster that many times its peers. An answer that declines brings the next round near, and its address waits `DECLINED_WAIT_MS`.
 * 2. Addresses that the operator gave are always candidates: among the first where there is no link, and now and then where the view
 *    is full, as are peers that seem gone. So parts of a cluster that were cut apart find each other again.
 */
import type { PeerId, Role, Wish } from "@yarrow/protocol";
import type { ReplicaConfig } from "../config.ts";
import type { Directory, Target } from "./directory.ts";
import { isDue } from "./directory.ts";
import type { Roster } from "./roster.ts";
import type { Views } from "./views.ts";

const ROUND_DIALS_MAX = 3;
/** Who has no link at all dials one at a time, at last so often in `redialMaxMs`: of those that it knows some may be gone for good. */
const ALONE_ROUNDS = 3;
/** And so often the address is one that was configured. */
const ALONE_GIVEN_SHARE = 1 / 3;
/** The first round after the last link has ended comes within this time, so that a thousand peers do not dial in one moment. */
const ALONE_SPREAD_MS = 2_000;
/** Between rounds that only fill up a view that is large enough. */
const FILL_MS = 5_000;
const FILL_MAX_MS = 60_000;
/** Peers that have just joined and wait to be dialled. */
const JOINED_MAX = 12;

export interface DiallerParts {
  readonly config: ReplicaConfig;
  readonly random: () => number;
  readonly directory: Directory;
  readonly roster: Roster;
  readonly views: Views;
  readonly role: () => Role;
  readonly discovery: boolean;
  readonly isLinked: (peerId: PeerId) => boolean;
  /** No link is open. */
  readonly isAlone: () => boolean;
}

export class Dialler {
  readonly #parts: DiallerParts;
  readonly #joined = new Set<string>();
  /** Dials that are made although the view is full. */
  readonly #extra = new Set<string>();
  #rounds = 0;
  #joinedAt = 0;
  #roundAt: number;
  #probeAt: number;
  #refreshAt: number;

  constructor(parts: DiallerParts, now: number) {
    this.#parts = parts;
    this.#roundAt = now;
    this.#probeAt = now + this.#jittered(parts.config.probeMs);
    this.#refreshAt = now + this.#jittered(parts.config.refreshMs);
  }

  /** The addresses to dial now. */
  take(now: number, mayDial: (target: Target) => boolean): string[] {
    const { directory, views } = this.#parts;
    if (views.mesh) return directory.takeDue(now, mayDial);
    const kept = this.#keepsSome ? directory.takeDue(now, mayDial, (target) => this.#keeps(target)) : [];
    const chosen = [
      ...this.#takeJoined(now, mayDial),
      ...this.#takeRound(now, mayDial),
      ...this.#takeExtra(now, mayDial),
    ];
    return [...kept, ...chosen.flatMap(({ url }) => directory.takeDue(now, mayDial, (target) => target.url === url))];
  }

  nextDeadline(): number {
    const { directory, views, isAlone } = this.#parts;
    if (views.mesh) return directory.nextDeadline();
    const joined = this.#joined.size > 0 ? this.#joinedAt : Number.POSITIVE_INFINITY;
    const kept = this.#keepsSome ? directory.nextAmong((target) => this.#keeps(target)) : Number.POSITIVE_INFINITY;
    const extra = isAlone() ? Number.POSITIVE_INFINITY : Math.min(this.#probeAt, this.#refreshAt);
    return Math.min(joined, kept, this.#roundAt, extra);
  }

  /** What is said of the link that a dial is about to make. */
  wish(url: string): Wish {
    const { directory, views } = this.#parts;
    const target = directory.get(url);
    if (target !== undefined && this.#keeps(target)) return "keep";
    if (views.isolated) return "join";
    return views.mesh || this.#extra.has(url) || views.links().length < views.floor() ? "high" : "low";
  }

  /** Somebody who has just joined is to be dialled: a walk ended here. */
  join(url: string): void {
    if (this.#joined.size < JOINED_MAX) this.#joined.add(url);
  }

  /** A dial to this address has come to an end, whichever. */
  done(url: string): void {
    this.#extra.delete(url);
  }

  /** Who was dialled has links enough, and has told of others: they are tried soon. Each address waits long after it has declined. */
  declined(now: number): void {
    this.#rounds = 0;
    this.#roundAt = Math.min(this.#roundAt, now + this.#jittered(this.#parts.config.redialMinMs));
  }

  linkOpened(now: number): void {
    this.#rounds = 0;
    // Extra dials were due only while there was no link; a thousand peers do not make them in the moment in which the network is back.
    const { probeMs, refreshMs } = this.#parts.config;
    if (this.#probeAt < now) this.#probeAt = now + this.#jittered(probeMs);
    if (this.#refreshAt < now) this.#refreshAt = now + this.#jittered(refreshMs);
    this.#roundAt = Math.min(this.#roundAt, now + this.#jittered(this.#parts.config.redialMinMs));
  }

  linkEnded(now: number): void {
    const { config, isAlone, random } = this.#parts;
    this.#rounds = 0;
    const wait = isAlone() ? ALONE_SPREAD_MS * random() : this.#jittered(config.redialMinMs);
    this.#roundAt = Math.min(this.#roundAt, now + wait);
  }

  /** Everything may be dialled at once: a cut was healed. */
  hurry(now: number): void {
    this.#rounds = 0;
    this.#roundAt = now;
  }

  #takeJoined(now: number, mayDial: (target: Target) => boolean): Target[] {
    const { directory, config, views } = this.#parts;
    if (this.#joined.size === 0 || now < this.#joinedAt) return [];
    this.#joinedAt = now + this.#jittered(config.redialMinMs);
    const [url] = this.#joined;
    this.#joined.delete(url!);
    const target = directory.get(url!);
    if (target === undefined || !isDue(target, now) || !mayDial(target)) return [];
    if (views.links().length >= 2 * views.target()) return [];
    this.#extra.add(target.url);
    return [target];
  }

  #takeRound(now: number, mayDial: (target: Target) => boolean): Target[] {
    if (now < this.#roundAt) return [];
    const { config, views, isAlone, directory } = this.#parts;
    const out = directory.targets().filter(({ state }) => state === "dialling").length;
    const links = views.links().length;
    const missing = views.target() - links - out;
    const few = links < views.floor() || views.isolated;
    const [least, most] = few ? [config.redialMinMs, config.redialMaxMs] : [FILL_MS, FILL_MAX_MS];
    const cap = isAlone() ? most / ALONE_ROUNDS : most;
    this.#roundAt = now + this.#jittered(Math.min(cap, least * 2 ** this.#rounds));
    this.#rounds = Math.min(this.#rounds + 1, 10);
    if (missing <= 0) return [];
    return this.#choose(now, mayDial, few && !isAlone() ? Math.min(missing, ROUND_DIALS_MAX) : 1);
  }

  /** One address of each of up to `count` peers: at random, but where nothing is linked every third time a configured one. */
  #choose(now: number, mayDial: (target: Target) => boolean, count: number): Target[] {
    const { isAlone } = this.#parts;
    const due = this.#due(now, mayDial);
    const given = due.filter(({ configured }) => configured);
    const sound = due.filter((target) => target.configured || this.#isPassive(target, now));
    const chosen: Target[] = [];
    if (isAlone() && this.#parts.random() < ALONE_GIVEN_SHARE) chosen.push(...this.#pick(given, 1));
    const rest = sound.filter((target) => !chosen.includes(target));
    chosen.push(...this.#pick(rest, count - chosen.length));
    // Who has nobody else tries those who seem gone.
    if (chosen.length === 0 && this.#parts.views.isolated) chosen.push(...this.#pick(due, count));
    return chosen;
  }

  /** Dials that are made though no link is missing: see invariant 2. Those that are silent are only asked whether they live. */
  #takeExtra(now: number, mayDial: (target: Target) => boolean): Target[] {
    const { config, roster } = this.#parts;
    const chosen: Target[] = [];
    // Who has nobody dials in its rounds and not beside them: so an outage costs each peer no more than these.
    if (this.#parts.isAlone()) return chosen;
    if (now >= this.#probeAt) {
      this.#probeAt = now + this.#jittered(config.probeMs);
      const silent = this.#due(now, mayDial).filter((target) => {
        const member = this.#memberOf(target);
        return member === undefined ? target.configured : roster.isLost(member, now);
      });
      chosen.push(...this.#pick(silent, 1));
    }
    if (now >= this.#refreshAt) {
      this.#refreshAt = now + this.#jittered(config.refreshMs);
      const due = this.#due(now, mayDial);
      const [swap] = this.#pick(
        due.filter((target) => target.configured || this.#isPassive(target, now)),
        1,
      );
      if (swap !== undefined) this.#extra.add(swap.url);
      if (swap !== undefined) chosen.push(swap);
    }
    return chosen;
  }

  #due(now: number, mayDial: (target: Target) => boolean): Target[] {
    const { directory } = this.#parts;
    return directory.targets().filter((target) => {
      if (!isDue(target, now) || this.#keeps(target)) return false;
      if (target.peerId !== undefined && this.#parts.isLinked(target.peerId)) return false;
      // Over a link with a follower nothing comes, and who needs one dials a writer.
      return (target.configured || this.#memberOf(target)?.role !== "follower") && mayDial(target);
    });
  }

  #isPassive(target: Target, now: number): boolean {
    const member = this.#memberOf(target);
    return member !== undefined && !this.#parts.roster.isLost(member, now);
  }

  #memberOf({ peerId }: Target) {
    return peerId === undefined ? undefined : this.#parts.roster.get(peerId);
  }

  /** The operator asked for this very link: a fixed topology, or what a follower follows. */
  #keeps({ configured }: Target): boolean {
    return configured && this.#keepsSome;
  }

  get #keepsSome(): boolean {
    const { discovery, role } = this.#parts;
    return !discovery || role() === "follower";
  }

  /** Up to `count` at random, of different peers. */
  #pick(targets: readonly Target[], count: number): Target[] {
    const left = [...targets];
    const picked: Target[] = [];
    const peers = new Set<PeerId>();
    while (left.length > 0 && picked.length < count) {
      const [target] = left.splice(Math.floor(this.#parts.random() * left.length), 1);
      if (target!.peerId !== undefined && peers.has(target!.peerId)) continue;
      if (target!.peerId !== undefined) peers.add(target!.peerId);
      picked.push(target!);
    }
    return picked;
  }

  #jittered(ms: number): number {
    return ms * (0.5 + this.#parts.random());
  }
}
