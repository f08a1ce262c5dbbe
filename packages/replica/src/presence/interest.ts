/**
 * Who looks at which document, anywhere, so that awareness goes only where somebody looks: each process announces the documents that
 * its own browser sessions have open, and awareness travels back the ways on which announcements came (reverse-path multicast).
 *
 * An announcement has a version. Each is passed on once, to all links but the one it came from; the link on which a version came
 * first is the route to its origin, unless a link leads to that origin itself. Along such routes versions never fall, and within one
 * version every step is nearer to the origin in time, so awareness cannot go round in circles.
 *
 * Invariants
 * 1. Where it is not known who looks, awareness is sent: what is too much, lost, or on its way by another route costs frames, and
 *    never a cursor.
 * 2. A link to a peer that does not know of announcements gets all awareness, and its neighbours say that they look at everything.
 * 3. What is known of a process dies with it: whoever has not announced itself for a while is forgotten.
 */
import type { DocumentKey, Interest as InterestMessage, Presence, ProcessId } from "@yarrow/protocol";
import { INTEREST_KEYS_MAX } from "@yarrow/protocol";
import type { ReplicaConfig } from "../config.ts";
import { documentKey } from "../document/keys.ts";
import type { Effect } from "../effect.ts";
import type { LinkId } from "../event.ts";
import type { Link } from "../links/link.ts";
import type { Links } from "../links/links.ts";
import { Lookers } from "./lookers.ts";

export interface InterestParts {
  readonly config: ReplicaConfig;
  readonly links: Links;
  readonly processId: ProcessId;
  readonly emit: (effect: Effect) => void;
}

export class Interest {
  readonly #parts: InterestParts;
  readonly #lookers: Lookers;
  /** Documents of our own sessions, by key. */
  readonly #own = new Map<DocumentKey, string>();
  #version = 0;
  #toldAt = Number.NEGATIVE_INFINITY;
  #toldAll = false;
  readonly #added = new Set<DocumentKey>();
  readonly #removed = new Set<DocumentKey>();
  #tellAt = Number.POSITIVE_INFINITY;
  #renewAt = Number.POSITIVE_INFINITY;
  /** Documents whose awareness of our own sessions somebody has begun to look at. */
  readonly #wanted = new Set<string>();
  #wantedAt = Number.POSITIVE_INFINITY;
  #toldWantedAt = Number.NEGATIVE_INFINITY;
  /** Links that were congested when there was something to say: they are told all of it later. */
  readonly #owed = new Set<LinkId>();
  /** Links on which differences are understood: all was listed there before. */
  readonly #told = new Set<LinkId>();

  constructor(parts: InterestParts) {
    this.#parts = parts;
    this.#lookers = new Lookers(parts.config);
  }

  /** Our own sessions have begun to look at a document, or no longer do. */
  look(name: string, looks: boolean): void {
    const key = documentKey(name);
    if (looks === this.#own.has(key)) return;
    if (looks) this.#own.set(key, name);
    else this.#own.delete(key);
    const [into, outOf] = looks ? [this.#added, this.#removed] : [this.#removed, this.#added];
    if (!outOf.delete(key)) into.add(key);
    this.#tellSoon();
  }

  /**
   * Those of the links on which awareness is sent: somebody who looks at the document may be reached by them. Looks at everybody who
   * does once, however many links there are: a thousand may look at one document.
   */
  choose(links: readonly Link[], { name, origin }: Presence): readonly Link[] {
    if (this.#lookers.overflows) return links;
    const direct = this.#direct();
    const ways = new Set<LinkId>();
    for (const looker of this.#lookers.of(documentKey(name))) {
      if (looker.origin === origin) continue;
      const route = direct.get(looker.origin) ?? looker.route;
      if (route === undefined) return links;
      ways.add(route);
    }
    return links.filter((link) => !link.knowsInterest || ways.has(link.id));
  }

  take(link: Link, message: InterestMessage, now: number): void {
    if (message.origin === this.#parts.processId) return;
    const known = this.#lookers.get(message.origin);
    if (known !== undefined && message.version <= known.version) {
      if (link.processId !== known.origin || known.route !== undefined) return;
      // The same, from the origin itself: the way there is known again.
      known.route = link.id;
      return this.#want(known.keys);
    }
    const healed = known?.route === undefined;
    const looker = this.#lookers.learn(message, link.id, now);
    if (looker === undefined) return this.#tellSoon();
    // Who comes into reach again has lost what we had told, or never heard it.
    this.#want(healed ? looker.keys : message.added);
    for (const other of this.#parts.links.open()) if (other !== link) this.#send(other, message);
  }

  linkOpened(link: Link): void {
    this.#tellAll(link);
    this.#tellSoon();
  }

  linkEnded(link: Link, now: number): void {
    this.#owed.delete(link.id);
    this.#told.delete(link.id);
    this.#lookers.linkEnded(link.id);
    // The others' ways to us may have led over it.
    if (this.#saysAnything) this.#renewAt = Math.min(this.#renewAt, now + this.#parts.config.interestHealMs);
    this.#tellSoon();
  }

  wake(now: number): void {
    this.#lookers.forget(now);
    for (const id of this.#owed) {
      const link = this.#parts.links.get(id);
      if (link?.congested === true) continue;
      this.#owed.delete(id);
      if (link?.state.kind === "open") this.#tellAll(link);
    }
    if (now >= this.#renewAt) this.#announce(true, now);
    else if (now >= this.#tellAt) this.#announce(this.#everything !== this.#toldAll || this.#toldAll, now);
    if (now < this.#wantedAt) return;
    this.#wantedAt = Number.POSITIVE_INFINITY;
    this.#toldWantedAt = now;
    for (const name of this.#wanted) this.#parts.emit({ type: "presence-wanted", name });
    this.#wanted.clear();
  }

  nextDeadline(): number {
    return Math.min(this.#tellAt, this.#renewAt, this.#wantedAt, this.#lookers.nextDeadline());
  }

  /** Processes of which it is known what they look at, for tests and metrics. */
  get size(): number {
    return this.#lookers.size;
  }

  /** So much that it is not listed, or somebody behind us cannot be told apart. */
  get #everything(): boolean {
    if (this.#own.size > INTEREST_KEYS_MAX || this.#lookers.overflows) return true;
    return this.#parts.links.open().some((link) => !link.knowsInterest);
  }

  get #saysAnything(): boolean {
    return this.#own.size > 0 || this.#toldAll;
  }

  /** A link to the process itself is the way there, whatever came first. */
  #direct(): Map<ProcessId, LinkId> {
    const direct = new Map<ProcessId, LinkId>();
    for (const { processId, id } of this.#parts.links.open()) if (processId !== undefined) direct.set(processId, id);
    return direct;
  }

  /** At once where nothing was said lately; else together with what comes meanwhile. */
  #tellSoon(): void {
    const changed = this.#added.size > 0 || this.#removed.size > 0 || this.#everything !== this.#toldAll;
    if (changed) this.#tellAt = Math.min(this.#tellAt, this.#toldAt + this.#parts.config.interestMs);
  }

  #want(keys: Iterable<DocumentKey>): void {
    for (const key of keys) {
      const name = this.#own.get(key);
      if (name !== undefined) this.#wanted.add(name);
    }
    if (this.#wanted.size > 0) this.#wantedAt = this.#toldWantedAt + this.#parts.config.interestMs;
  }

  #announce(whole: boolean, now: number): void {
    const { config, links } = this.#parts;
    this.#tellAt = Number.POSITIVE_INFINITY;
    const everything = this.#everything;
    const changed = this.#added.size > 0 || this.#removed.size > 0 || everything !== this.#toldAll;
    if (changed || (whole && this.#saysAnything)) {
      this.#version++;
      this.#toldAt = now;
      // What is listed in full says nothing of what was before; a difference says what it follows.
      const all = this.#whole();
      const message = whole || everything ? all : this.#difference();
      this.#toldAll = everything;
      this.#added.clear();
      this.#removed.clear();
      for (const link of links.open()) {
        this.#send(link, this.#told.has(link.id) ? message : all);
        this.#told.add(link.id);
      }
    }
    this.#renewAt = this.#saysAnything ? now + config.interestRenewalMs : Number.POSITIVE_INFINITY;
  }

  #whole(): InterestMessage {
    const everything = this.#everything;
    const added = everything ? [] : [...this.#own.keys()];
    return {
      type: "interest",
      origin: this.#parts.processId,
      version: this.#version,
      base: 0,
      everything,
      added,
      removed: [],
    };
  }

  #difference(): InterestMessage {
    const version = this.#version;
    const [added, removed] = [[...this.#added], [...this.#removed]];
    const origin = this.#parts.processId;
    return { type: "interest", origin, version, base: version - 1, everything: false, added, removed };
  }

  /** What the other side of a new link does not know: what we look at, and who is not behind it. */
  #tellAll(link: Link): void {
    // What has changed meanwhile is told in this step or soon, and then in full.
    if (this.#saysAnything && this.#added.size + this.#removed.size === 0) {
      this.#send(link, this.#whole());
      this.#told.add(link.id);
    }
    const direct = this.#direct();
    for (const looker of this.#lookers.all()) {
      const route = direct.get(looker.origin) ?? looker.route;
      if (looker.origin !== link.processId && route !== link.id) this.#send(link, looker.asMessage());
    }
  }

  #send(link: Link, message: InterestMessage): void {
    if (!link.knowsInterest) return;
    if (!link.congested) return link.send(message);
    this.#owed.add(link.id);
  }
}
