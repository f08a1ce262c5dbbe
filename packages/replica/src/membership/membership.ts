/**
 * Who is linked to whom. Everything else in a peer looks at `Links.open()` and takes it for the neighbours there are; here it is decided
 * which those are. Start with `views.ts`.
 */
import type { ClusterId, Hello, Message, PeerId, ProcessId, Role, Wish } from "@yarrow/protocol";
import type { ReplicaConfig } from "../config.ts";
import type { Link } from "../links/link.ts";
import type { Links } from "../links/links.ts";
import type { Store } from "../store.ts";
import { AddressBook } from "./address-book.ts";
import { Dialler } from "./dialler.ts";
import type { Directory, Target } from "./directory.ts";
import { Exchange } from "./exchange.ts";
import type { Member } from "./roster.ts";
import { Roster } from "./roster.ts";
import { Views } from "./views.ts";

/** Peers fall silent, and their number is counted anew so often. */
const RECOUNT_MS = 5_000;

export interface MembershipParts {
  readonly config: ReplicaConfig;
  readonly random: () => number;
  readonly store: Store;
  readonly directory: Directory;
  readonly links: () => Links;
  readonly peerId: PeerId;
  readonly processId: ProcessId;
  readonly role: () => Role;
  readonly clusterId: () => ClusterId | undefined;
  readonly discovery: boolean;
  readonly addresses: readonly string[];
}

export interface MembershipStatus {
  /** `listed`: discovery is off, and exactly the links that were asked for are made. */
  readonly mode: "mesh" | "views" | "listed";
  /** Peers that seem alive, this one among them. With views, those that this peer happens to know of. */
  readonly peers: number;
  /** Links of the view. */
  readonly active: number;
  /** Further peers that can be dialled. */
  readonly passive: number;
}

export class Membership {
  readonly #parts: MembershipParts;
  readonly #roster: Roster;
  readonly #views: Views;
  readonly #dialler: Dialler;
  readonly #exchange: Exchange;
  readonly #book: AddressBook;
  #linked = new Set<PeerId>();
  #recountAt: number;

  constructor(parts: MembershipParts, now: number) {
    const { directory, config } = parts;
    this.#parts = parts;
    const isLinked = (peerId: PeerId): boolean => this.#linked.has(peerId);
    const isConfigured = (url: string): boolean => directory.get(url)?.configured === true;
    const forgotten = (member: Member, at: number): void => this.#forgotten(member, at);
    this.#roster = new Roster({ ...parts, isLinked, isConfigured, forgotten }, now);
    const roster = this.#roster;
    this.#views = new Views({ ...parts, roster });
    const views = this.#views;
    this.#book = new AddressBook(parts.store, roster);
    this.#dialler = new Dialler({ ...parts, roster, views, isLinked, isAlone: () => this.#linked.size === 0 }, now);
    const learned = (peerId: PeerId, fresh: readonly string[], at: number): void => this.#learned(peerId, fresh, at);
    this.#exchange = new Exchange({ ...parts, roster, views, learned, join: (url) => this.#dialler.join(url) }, now);
    // Before the first dial.
    this.#recountAt = now;
    if (!parts.discovery) return;
    this.#book.load(config.addressesMax, (peerId, urls) => {
      roster.restore(peerId, urls, now);
      for (const url of urls) directory.add(url, { configured: false, peerId, now });
    });
  }

  linkOpened(link: Link, now: number): void {
    this.#relink(now);
    this.#exchange.linkOpened(link, now);
    this.#dialler.linkOpened(now);
    this.#recount(now);
  }

  linkEnded(link: Link, now: number): void {
    this.#exchange.linkEnded(link, now);
    this.#relink(now);
    this.#views.ended(now);
    this.#dialler.linkEnded(now);
    this.#recount(now);
  }

  dialFailed(url: string): void {
    this.#dialler.done(url);
    const peerId = this.#parts.directory.get(url)?.peerId;
    // Who has no link at all learns nothing of others from a dial that fails.
    if (peerId !== undefined && this.#linked.size > 0) this.#roster.fail(peerId);
  }

  /** Every address that is known is to have a link. */
  get linksToAll(): boolean {
    return this.#views.mesh;
  }

  /** What the links ask membership for. */
  linksOptions() {
    return {
      wish: (url: string): Wish => this.#dialler.wish(url),
      admits: (link: Link, now: number): boolean => this.#admits(link, now),
      takeDials: (now: number, mayDial: (target: Target) => boolean): string[] => {
        if (now >= this.#recountAt) this.#recount(now);
        return this.#dialler.take(now, mayDial);
      },
      dialDeadline: (): number => this.#dialler.nextDeadline(),
      answered: (url: string, hello: Hello, now: number): void => {
        // Who belongs to no cluster yet remembers nobody of one.
        if (this.#parts.clusterId() !== undefined) this.#exchange.answered(url, hello, now);
      },
      undialled: (url: string, { declined, now }: { readonly declined: boolean; readonly now: number }): void => {
        this.#dialler.done(url);
        if (declined) this.#dialler.declined(now);
      },
      hurry: (now: number): void => this.#hurry(now),
    };
  }

  take(
    link: Link,
    message: Extract<Message, { type: "addresses" | "disconnect" | "forward-join" | "shuffle" | "shuffle-reply" }>,
    now: number,
  ): void {
    switch (message.type) {
      case "disconnect":
        return this.#views.disconnect(link, message, now);
      case "addresses":
        this.#exchange.takeAddresses(message, now);
        return this.#recount(now);
      case "forward-join":
        return this.#exchange.takeForwardJoin(link, message, now);
      case "shuffle":
        this.#exchange.takeShuffle(link, message, now);
        return this.#recount(now);
      case "shuffle-reply":
        this.#exchange.takeShuffleReply(link, message, now);
        return this.#recount(now);
    }
  }

  /** Call when nothing is staged. */
  wake(now: number): void {
    this.#book.wake(now);
    if (now >= this.#recountAt) this.#recount(now);
    this.#views.wake(now);
    this.#exchange.wake(now);
  }

  nextDeadline(): number {
    if (!this.#parts.discovery) return Number.POSITIVE_INFINITY;
    return Math.min(
      this.#recountAt,
      this.#exchange.nextDeadline(),
      this.#book.nextDeadline(),
      this.#views.nextDeadline(),
    );
  }

  status(now: number): MembershipStatus {
    const views = this.#views;
    const mode = this.#parts.discovery ? (views.mesh ? "mesh" : "views") : "listed";
    const active = views.mesh ? this.#linked.size : views.links().length;
    return { mode, peers: views.peers, active, passive: this.#roster.passive(now).length };
  }

  /** Whether who dialled us becomes a neighbour. Where not, it is told of others. */
  #admits(link: Link, now: number): boolean {
    const admitted = this.#views.admits(link);
    if (!admitted) this.#exchange.tell(link, now, true);
    return admitted;
  }

  #hurry(now: number): void {
    this.#parts.directory.hurry(now);
    this.#dialler.hurry(now);
  }

  #recount(now: number): void {
    this.#recountAt = now + RECOUNT_MS;
    if (!this.#views.recount(now)) return;
    // Before anybody is forgotten: those that hear of it change too, and only then consent to the end of links.
    this.#exchange.tellAll(now);
    this.#roster.trim(this.#views.mesh, now);
  }

  #relink(now: number): void {
    const open = this.#parts.links().open();
    this.#linked = new Set(open.flatMap(({ peerId }) => peerId ?? []));
    this.#roster.setAlone(open.length === 0, now);
  }

  #learned(peerId: PeerId, fresh: readonly string[], now: number): void {
    for (const url of fresh) this.#parts.directory.add(url, { configured: false, peerId, now });
    if (fresh.length > 0) this.#book.changed(peerId, this.#views.mesh, now);
  }

  #forgotten({ peerId, urls }: Member, now: number): void {
    for (const url of urls) this.#parts.directory.remove(url);
    this.#book.changed(peerId, this.#views.mesh, now);
  }
}
