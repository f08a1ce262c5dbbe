/**
 * Which links carry the broadcasts of an origin: a tree for each, grown from a flood by cutting what brings things twice, and
 * mended from what the others tell that they have. (Leitão et al., "Epidemic Broadcast Trees", 2007, with a tree per origin:
 * docs/decisions/0011-a-tree-per-origin.md.)
 *
 * Invariants
 * 1. A link is eager for every origin until its other side prunes it: what is cold floods once, what is new is reached.
 * 2. The receiver decides: only a prune makes a link lazy, only a graft makes it eager again. A replica prunes a link only while
 *    another one, open and not pruned, was the last to bring something first: never the last eager link of an origin.
 * 3. Whatever is told as being here is sent on demand, or named as gone: then a round brings the content.
 * 4. A link by which a follower measures its lag is never lazy: what is not said on it must be denied (`lag/link-lag.ts`). Nor is
 *    one to a peer that does not speak of trees.
 */
import type { Broadcast, Gone, Graft, Have, ProcessId } from "@yarrow/protocol";
import { encodeMessage } from "@yarrow/protocol";
import type { ReplicaConfig } from "../config.ts";
import type { Effect, Fact } from "../effect.ts";
import type { LinkId } from "../event.ts";
import type { Link } from "../links/link.ts";
import type { Links } from "../links/links.ts";
import { ByOrigin } from "./by-origin.ts";
import { clip, countOrdinals, lastOf, Ordinals } from "./ordinals.ts";
import { Payloads } from "./payloads.ts";
import { Tree } from "./tree.ts";
import { Wanted } from "./wanted.ts";
import type { DueWant } from "./wanted.ts";

export interface GossipStatus {
  /** Origins that have a tree here. */
  readonly origins: number;
  /** Over all of them, links that what comes is pushed to, and links that are only told of it. */
  readonly eagerLinks: number;
  readonly lazyLinks: number;
  /** Broadcasts that others have and that have not come. */
  readonly wanted: number;
  /** Kept for those who ask for them. */
  readonly payloadBytes: number;
}

export interface PlumtreeParts {
  readonly config: ReplicaConfig;
  readonly links: Links;
  readonly processId: ProcessId;
  readonly emit: (effect: Effect) => void;
  /** Something is missing on this link that live push does not bring: compare. */
  readonly suspect: (link: LinkId, now: number) => void;
  readonly push: (link: Link, encoded: Uint8Array) => void;
}

export class Plumtree {
  readonly #parts: PlumtreeParts;
  readonly #trees: ByOrigin<Tree>;
  readonly #payloads: Payloads;
  readonly #wanted: Wanted;
  /** What has come since the lazy links were last told. */
  readonly #news = new Ordinals();
  #tellAt = Number.POSITIVE_INFINITY;

  constructor(parts: PlumtreeParts) {
    const { config } = parts;
    this.#parts = parts;
    this.#wanted = new Wanted(config);
    this.#payloads = new Payloads(config);
    this.#trees = new ByOrigin(
      config,
      (first) => new Tree(first, config.seenWindowMax),
      (origin) => this.#wanted.forget(origin),
    );
  }

  /** True when this broadcast has not been here before. Prunes the link that brought it once too often. */
  takeBroadcast({ origin, ordinal }: Broadcast, link: Link, now: number): boolean {
    const { config, processId } = this.#parts;
    const tree = this.#trees.use(origin, ordinal, now);
    if (origin === processId) {
      this.#prune(tree, origin, link, now);
      return false;
    }
    if (!tree.take(ordinal)) {
      if (this.#isFedByAnother(tree, link)) this.#prune(tree, origin, link, now);
      return false;
    }
    this.#wanted.delete(origin, ordinal);
    // What this link passed over is missing; on another link than before, it may still come by the one before.
    if (tree.isHeir(link)) this.#wantUpTo(tree, origin, ordinal - 1, link, now);
    tree.highest = Math.max(tree.highest, ordinal);
    tree.broughtBy(link, config.pruneIntervalMs, now);
    return true;
  }

  /** True for a link that gets what comes of this origin by itself. */
  isEager(link: Link, origin: ProcessId): boolean {
    return this.#trees.get(origin)?.lazy.has(link.id) !== true;
  }

  /** Keeps a broadcast that is now pushed to the eager links, and tells the others of it soon. */
  pushed({ origin, ordinal }: Broadcast, encoded: Uint8Array, now: number): void {
    // Also our own, which nobody else keeps from being forgotten while it is in use.
    const tree = this.#trees.use(origin, ordinal, now);
    if (origin === this.#parts.processId) {
      tree.take(ordinal);
      tree.highest = ordinal;
    }
    this.#payloads.add(origin, ordinal, encoded, now);
    if (tree.lazy.size === 0) return;
    this.#news.add(origin, ordinal);
    this.#tellAt = Math.min(this.#tellAt, now + this.#parts.config.haveIntervalMs);
  }

  takeHave(link: Link, { origins }: Have, now: number): void {
    const { config, processId } = this.#parts;
    if (!link.feedsUs) return;
    for (const { origin, ranges } of clip(origins, config.seenWindowMax)) {
      const [first] = ranges;
      if (origin === processId || first === undefined) continue;
      const tree = this.#trees.use(origin, first.from, now);
      for (const { from, to } of ranges) {
        for (let ordinal = from; ordinal <= to; ordinal++) this.#want(tree, origin, ordinal, link, now);
        tree.highest = Math.max(tree.highest, to);
      }
    }
  }

  takeGraft(link: Link, { origins }: Graft, now: number): void {
    const { config, push } = this.#parts;
    if (!link.takesOurs) return;
    const gone = new Ordinals();
    for (const { origin, ranges } of clip(origins, config.seenWindowMax)) {
      const tree = this.#trees.get(origin);
      // What has come since it was last told is not told any more.
      const untold = tree?.lazy.delete(link.id) === true ? this.#news.rangesOf(origin) : [];
      for (const { from, to } of [...ranges, ...untold]) {
        for (let ordinal = from; ordinal <= to; ordinal++) {
          // It asks again for what is left out.
          if (!link.takesAnswers) break;
          const message = this.#payloads.get(origin, ordinal, now);
          if (message !== undefined) push(link, encodeMessage(message));
          else if (!this.#mayCome(tree, origin, ordinal)) gone.add(origin, ordinal);
        }
      }
    }
    for (const named of gone.messages()) link.send({ type: "gone", origins: named });
  }

  takePrune(link: Link, origin: ProcessId): void {
    if (!link.beatsOut) this.#trees.get(origin)?.lazy.add(link.id);
  }

  takeGone(link: Link, { origins }: Gone, now: number): void {
    const { config, suspect } = this.#parts;
    for (const { origin, ranges } of clip(origins, config.seenWindowMax)) {
      for (const { from, to } of ranges) {
        for (let ordinal = from; ordinal <= to; ordinal++) {
          if (this.#wanted.refused(origin, ordinal, link.id)) suspect(link.id, now);
        }
      }
    }
  }

  /** Asks every other link at once for the origins that came by this one. */
  linkEnded(link: Link, now: number): void {
    this.#wanted.linkEnded(link.id);
    const orphaned = this.#trees.entries().filter(([, tree]) => tree.linkEnded(link, now));
    if (orphaned.length === 0) return;
    for (const other of this.#parts.links.open()) {
      const origins = new Ordinals();
      for (const [origin, tree] of orphaned) if (tree.pruned.delete(other.id)) origins.touch(origin);
      this.#graft(other, origins);
    }
  }

  wake(now: number): void {
    if (now >= this.#tellAt) this.#tell();
    if (now >= this.#wanted.nextDeadline()) this.#ask(this.#wanted.takeDue(now, this.#isFilling(now)), now);
    this.#payloads.wake(now);
  }

  nextDeadline(): number {
    return Math.min(this.#tellAt, this.#wanted.nextDeadline(), this.#payloads.nextDeadline());
  }

  status(): GossipStatus {
    const links = this.#parts.links.open().filter((link) => link.takesOurs).length;
    let lazyLinks = 0;
    for (const [, tree] of this.#trees.entries()) lazyLinks += tree.lazy.size;
    const origins = this.#trees.size;
    const eagerLinks = Math.max(0, origins * links - lazyLinks);
    return { origins, eagerLinks, lazyLinks, wanted: this.#wanted.size, payloadBytes: this.#payloads.bytes };
  }

  // Cutting

  #isFedByAnother({ parent }: Tree, link: Link): boolean {
    if (parent === undefined || parent === link.id) return false;
    return this.#parts.links.get(parent)?.state.kind === "open";
  }

  #prune(tree: Tree, origin: ProcessId, link: Link, now: number): void {
    if (!link.speaksOfTrees || link.beatsIn) return;
    if (!tree.prune(link, this.#parts.config.pruneIntervalMs, now)) return;
    link.send({ type: "prune", origin });
    this.#observe({ kind: "pruned" });
  }

  // Mending

  #wantUpTo(tree: Tree, origin: ProcessId, to: number, link: Link, now: number): void {
    const { from } = lastOf({ from: tree.highest + 1, to }, this.#parts.config.seenWindowMax);
    for (let ordinal = from; ordinal <= to; ordinal++) this.#want(tree, origin, ordinal, link, now);
  }

  #want(tree: Tree, origin: ProcessId, ordinal: number, link: Link, now: number): void {
    const { config, suspect } = this.#parts;
    if (tree.heard.has(ordinal)) return;
    const waitMs = Math.max(config.graftWaitMs, 3 * (link.rttMs ?? 0));
    if (!this.#wanted.add(origin, ordinal, { link: link.id, waitMs }, now)) suspect(link.id, now);
  }

  /** Not here now, but on its way or asked for. */
  #mayCome(tree: Tree | undefined, origin: ProcessId, ordinal: number): boolean {
    if (tree === undefined) return false;
    return !tree.heard.has(ordinal) && (ordinal > tree.highest || this.#wanted.has(origin, ordinal));
  }

  /** Pieces of a large message came lately. */
  #isFilling(now: number): boolean {
    const { config, links } = this.#parts;
    return links.open().some((link) => link.feedsUs && now - link.pieceAt < config.graftWaitMs);
  }

  #ask(due: readonly DueWant[], now: number): void {
    const { config, links, suspect } = this.#parts;
    const asked = new Map<Link, Ordinals>();
    for (const { origin, ordinal, announcers, tries } of due) {
      const announcer = announcers[tries % announcers.length];
      const link = announcer === undefined ? undefined : links.get(announcer);
      if (tries >= config.graftsMax || link === undefined) {
        this.#wanted.delete(origin, ordinal);
        if (link !== undefined) suspect(link.id, now);
        continue;
      }
      const ordinals = asked.get(link) ?? new Ordinals();
      asked.set(link, ordinals);
      ordinals.add(origin, ordinal);
      this.#trees.get(origin)?.pruned.delete(link.id);
    }
    for (const [link, ordinals] of asked) this.#graft(link, ordinals);
  }

  #graft(link: Link, ordinals: Ordinals): void {
    for (const origins of ordinals.messages()) {
      link.send({ type: "graft", origins });
      this.#observe({ kind: "grafted", origins: origins.length, broadcasts: countOrdinals(origins) });
    }
  }

  // Telling

  #tell(): void {
    this.#tellAt = Number.POSITIVE_INFINITY;
    for (const link of this.#parts.links.open()) {
      if (!link.takesOurs) continue;
      for (const origins of this.#news.messages((origin) => this.#isToldOf(link, origin)))
        this.#tellLink(link, origins);
    }
    this.#news.clear();
  }

  #isToldOf(link: Link, origin: ProcessId): boolean {
    const tree = this.#trees.get(origin);
    return tree !== undefined && tree.lazy.has(link.id) && tree.parent !== link.id;
  }

  #tellLink(link: Link, origins: Have["origins"]): void {
    // As with a push that is dropped: the round that follows brings what it would have told of.
    if (link.congested) return void (link.dirty = true);
    link.send({ type: "have", origins });
    this.#observe({ kind: "announced", broadcasts: countOrdinals(origins) });
  }

  #observe(fact: Fact): void {
    this.#parts.emit({ type: "observe", fact });
  }
}
